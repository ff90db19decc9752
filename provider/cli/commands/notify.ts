import { deliverNotices, untold } from "../../rotation/notify/deliver.js";
import type { Credential } from "../../vault/port.js";
import { collect } from "../../core/collect.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { pathText } from "../describe.js";
import { findCredentials } from "../reference.js";
import { credentialShape } from "../shape.js";
import { printable } from "../terminal.js";

const FAILED = 1;

export const notify: CommandDefinition = {
  name: "notify",
  summary: "tell hooks what they haven't been told yet",
  description: [
    "Sends to the hooks of credentials (`notify` in a program) the messages that they haven't confirmed: which version has become current, without a value. `pulumi up`, `coffre rotate` and `coffre resume` do the same at their end. A message keeps its id in every try, by which its receiver knows one that it has had already.",
    "Without arguments it does so for all credentials. What isn't delivered stays in the vault; it changes nothing about the password, which is in force.",
  ],
  arguments: [{ name: "[ref...]", description: "the credentials; all that have something to tell if none is named" }],
  options: [{ flags: "--forget", description: "give up what these credentials haven't delivered; needs a ref" }],
  examples: [
    { command: "coffre notify", does: "whatever is outstanding, for example after a receiver was mended" },
    { command: "coffre notify --forget Databases/orders-app", does: "the receiver is gone for good" },
  ],
  json: "An array of the credentials that had something to tell, as `coffre get --json` shows them afterwards: `notices` is what is still outstanding.",
  exits: [{ code: 1, when: "a hook didn't take its message; run it again to go on" }],
  takesReferences: true,
  async run(context, { args, options }) {
    const { terminal, clock } = context;
    const isGivenUp = options["forget"] === true;
    if (isGivenUp && args.length === 0) {
      const { CoffreError } = await import("../../core/errors.js");
      throw new CoffreError("INVALID_INPUT", "--forget names no credential", {
        hint: "Name the credentials whose messages are to be given up.",
      });
    }
    const vault = await context.vault();
    const named = await findCredentials(vault, args);
    const all = args.length > 0 ? named : await collect(vault.listCredentials());
    const owing = all.filter(({ notices }) => notices.length > 0);
    if (owing.length === 0) terminal.note("Every hook has been told.");
    const after: Credential[] = [];
    for (const credential of owing) after.push(await (isGivenUp ? forget : tell)(context, credential));
    const identity = await vault.identity();
    if (context.json) terminal.json(await Promise.all(after.map((one) => credentialShape(identity, one, clock.now()))));
    return after.some(({ notices }) => notices.length > 0) ? FAILED : 0;
  },
};

async function forget(context: CommandContext, { id, notices }: Credential): Promise<Credential> {
  const vault = await context.vault();
  const outcomes = notices.map((notice) => ({ id: notice.id, outcome: "forgotten" as const }));
  const after = await vault.updateCredential(id, { notices: outcomes });
  if (!context.json) context.terminal.print(`${pathText(after)}: given up`);
  return after;
}

async function tell(context: CommandContext, credential: Credential): Promise<Credential> {
  const after = await deliverNotices(await context.rotation(), credential);
  const left = new Set(after.notices.map(({ hook }) => hook));
  const told = [...new Set(credential.notices.map(({ hook }) => hook))].filter((hook) => !left.has(hook));
  if (!context.json) for (const hook of told) context.terminal.print(`${pathText(after)}: told ${printable(hook)}`);
  warnUntold(context, after);
  return after;
}

/** Tells what outstanding messages these credentials have, after the command's own work. */
export async function tellOutstanding(context: CommandContext, credentials: readonly Credential[]): Promise<void> {
  const owing = credentials.filter(({ notices }) => notices.length > 0);
  for (const credential of owing) warnUntold(context, await deliverNotices(await context.rotation(), credential));
}

/** The password is in force: a hook that doesn't answer is no failure of the command. */
export function warnUntold({ terminal }: CommandContext, credential: Credential): void {
  for (const line of untold(credential))
    terminal.warn(`${pathText(credential)}: ${printable(line)}. \`coffre notify\` tries again`);
}
