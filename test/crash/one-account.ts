// Apart from the scenarios, whose files all need it before they can be put together.
import { Secret } from "../../provider/core/secret.js";
import type { TargetDriver } from "../../provider/target/port.js";
import type { TargetRecord } from "../../provider/vault/port.js";
import type { Subject, Watched } from "./scenarios.ts";
import type { World } from "./world.ts";

/** One account, cut off and brought to its end. */
export function one(watched: Watched): Subject {
  const { id: credentialId, causes } = watched;
  return { first: { credentialId, causes }, next: [{ credentialId, causes }], watched: [watched] };
}

/** An account's entry. With a password it has a current version already. */
export interface NewEntry {
  name: string;
  /** The description of the target. */
  declared: Record<string, unknown>;
  password?: string | undefined;
}

/** Makes the entry of an account. @returns its id */
export async function addEntry(world: World, driver: TargetDriver, entry: NewEntry): Promise<string> {
  const { name, declared, password } = entry;
  const { kind, account, description, overlap } = driver.parse(declared, name);
  const target: TargetRecord = { kind, account, description, accountMade: false };
  if (overlap) target.logins = overlap.logins;
  const adminId = typeof declared["adminRef"] === "string" ? declared["adminRef"].split("/").at(-1) : undefined;
  if (adminId !== undefined) target.adminId = adminId;
  const initial = password === undefined ? {} : { initial: { value: new Secret(password), causes: ["cause:1"] } };
  const { id } = await world.add({ name, username: name, targets: [target], ...initial });
  return id;
}
