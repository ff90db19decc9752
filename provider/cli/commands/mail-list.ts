import { collect } from "../../core/collect.js";
import type { Mail } from "../../vault/port.js";
import type { CommandDefinition } from "../definition.js";
import { dateText } from "../describe.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

export const mailList: CommandDefinition = {
  name: "mail list",
  summary: "list the mail that the vault still owes to people",
  description: [
    "Lists mail that waits, is being sent, or was given up, in the order in which it was booked; what was sent stands in `coffre events` only. A mail is given up when its mail server refused it for good, when no try succeeded for days, or when a crash or a cut left open whether it was sent: Coffre sends nothing twice by itself. `coffre mail retry` has it sent after all.",
  ],
  options: [{ flags: "--given-up", description: "only mail that was given up" }],
  examples: [{ command: "coffre mail list --given-up", does: "what does a person have to decide?" }],
  json: "An array of `id`, `to`, `template`, `state` (`waiting`, `sending`, `failed`), `about` (ids), `attempts`, `bookedAt`, `nextTry`, `notAfter` (null without), `problem` (null without).",
  async run(context, { options }) {
    const { terminal, json } = context;
    const vault = await context.embeddedVault();
    const all = await collect<Mail>(vault.outbox.list());
    const shown = options["givenUp"] === true ? all.filter(({ state }) => state === "failed") : all;
    if (json) {
      terminal.json(
        shown.map(
          ({ id, to, template, state, about, attempts, bookedAt, nextTry, notAfter = null, problem = null }) => ({
            ...{ id, to, template, state, about, attempts, bookedAt, nextTry, notAfter, problem },
          }),
        ),
      );
      return;
    }
    for (const line of columns(shown.map(rowOf))) terminal.print(line);
    if (shown.length === 0) terminal.note(options["givenUp"] === true ? "No mail was given up." : "No mail is owed.");
  },
};

function rowOf({ id, to, template, state, attempts, bookedAt, nextTry, problem }: Mail): string[] {
  const when = state === "failed" ? "given up" : state === "sending" ? "being sent" : `due ${dateText(nextTry)}`;
  const tries = `${attempts} ${attempts === 1 ? "try" : "tries"}`;
  return [id, printable(to), template, when, tries, `booked ${dateText(bookedAt)}`, printable(problem ?? "")];
}
