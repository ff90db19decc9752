import { deliverNotices, untold } from "../../rotation/notify/deliver.js";
import type { Credential } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";

/** Tells hooks what they don't know, and the user which of them don't answer: that is no failure of the resource. */
export async function announce(context: ResourceContext, credential: Credential): Promise<Credential> {
  const told = await deliverNotices(context.rotation, credential);
  for (const line of untold(told)) context.notify(`${told.path.join("/")}: ${line}; the next \`up\` tries again`);
  return told;
}
