import { collect } from "../../core/collect.js";
import { CoffreError } from "../../core/errors.js";
import type { Mail } from "../../vault/port.js";
import type { CommandDefinition } from "../definition.js";

export const mailRetry: CommandDefinition = {
  name: "mail retry",
  summary: "have mail sent that was given up",
  description: [
    "Has mail tried again from its first attempt, at once. `coffre serve --mail-host` sends it within seconds. Where the problem says that it may have been sent, its receiver may get it twice: ask first.",
  ],
  arguments: [{ name: "[id...]", description: "`ml_…`, as `coffre mail list` shows them" }],
  options: [{ flags: "--all", description: "all that was given up" }],
  examples: [
    { command: "coffre mail retry ml_4vJm0sTzq8YfB2nKxW1aLd", does: "one" },
    { command: "coffre mail retry --all", does: "after the mail server was mended" },
  ],
  json: "An array of the ids that are tried again.",
  exits: [
    { code: 2, when: "neither ids nor --all, or both" },
    { code: 3, when: "no mail of this id is owed" },
    { code: 5, when: "a mail of these wasn't given up" },
  ],
  async run(context, { args, options }) {
    const { terminal, json } = context;
    if ((options["all"] === true) === args.length > 0) {
      throw new CoffreError("INVALID_INPUT", "Neither ids nor --all are given, or both", { hint: "Give one of them." });
    }
    const vault = await context.embeddedVault();
    const owed = await collect<Mail>(vault.outbox.list());
    const wanted = args.length > 0 ? args.map((id) => requireGivenUp(owed, id)) : owed.filter(isGivenUp);
    const ids = [...new Set(wanted.map(({ id }) => id))];
    await vault.outbox.retry(ids);
    if (json) terminal.json(ids);
    else terminal.print(`${ids.length} mails are tried again.`);
  },
};

function isGivenUp({ state }: Mail): boolean {
  return state === "failed";
}

/** @throws CoffreError NOT_FOUND, CONFLICT */
function requireGivenUp(owed: readonly Mail[], id: string): Mail {
  const mail = owed.find((each) => each.id === id);
  if (!mail) {
    throw new CoffreError("NOT_FOUND", `No mail ${JSON.stringify(id)} is owed`, {
      hint: "`coffre mail list` shows what is; what was sent stands in `coffre events`.",
    });
  }
  if (isGivenUp(mail)) return mail;
  throw new CoffreError("CONFLICT", `The mail ${id} wasn't given up`, {
    hint: "It is sent by itself when it is due.",
    details: { state: mail.state },
  });
}
