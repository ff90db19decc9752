import { CoffreError } from "../../core/errors.js";
import { resolveReference } from "../../rotation/resolve-reference.js";
import type { Credential } from "../../vault/port.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { fieldNamed, fieldsText } from "../field-option.js";
import { parseTyped, refuseVersion } from "../reference.js";
import { causeShape, causesText, dateText, pathText } from "../describe.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

export const history: CommandDefinition = {
  name: "history",
  summary: "list a credential's versions: when, why, proven or not",
  description: [
    "Lists every version of a credential, the newest first, with its state, its cause and its dates. Values aren't shown: `coffre read '<ref>?version=3'` reads one.",
    "With --field, or `?field=…` in the reference, the versions of that field, also of one that was removed.",
    "Previous and discarded versions keep their value for at least 30 days, and until two newer ones were verified. Only a vault in LockSelf takes it away after that: `value removed`.",
  ],
  arguments: [{ name: "<ref>", description: "the credential" }],
  options: [{ flags: "--field <name>", description: "a field of the credential, not its password" }],
  examples: [
    { command: "coffre history Databases/orders-app", does: "which version was valid when" },
    { command: "coffre history Partners/mail-api --field tls.key", does: "the same of a field" },
    { command: "coffre read 'Databases/orders-app?version=2'", does: "the value of one of them" },
  ],
  json: "An array, the newest first: `version`, `username` (the login that it is for, where rotations overlap), `state` (pending, current, previous, discarded), `verified`, `causes` (`kind`, `date`), `createdAt`, `promotedAt`, `discardReason`, `valueRemovedAt`. Of a field: `version`, `state` (current, previous), `type`, `causes`, `createdAt`.",
  takesReferences: true,
  async run(context, { args: [ref = ""], options }) {
    const { terminal } = context;
    const vault = await context.vault();
    const reference = await parseTyped(vault, ref);
    refuseVersion(reference, ref);
    const credential = await resolveReference(vault, reference);
    const field = fieldNamed(reference, options["field"]);
    if (field !== undefined) return printField(context, credential, field);
    const versions = credential.versions.toSorted((left, right) => right.number - left.number);
    if (context.json) {
      terminal.json(
        versions.map(
          ({ number, username, state, verified, causes, createdAt, promotedAt, discardReason, valueRemovedAt }) => ({
            version: number,
            username: username ?? null,
            state,
            verified,
            causes: causes.map(causeShape),
            createdAt,
            promotedAt: promotedAt ?? null,
            discardReason: discardReason ?? null,
            valueRemovedAt: valueRemovedAt ?? null,
          }),
        ),
      );
      return;
    }
    if (versions.length === 0) {
      terminal.note(`${pathText(credential)} has no version yet.`);
      return;
    }
    const rows = versions.map(
      ({ number, username, state, verified, causes, createdAt, promotedAt, discardReason, valueRemovedAt }) => [
        String(number),
        state === "current" ? terminal.style("green", state) : state,
        verified ? "verified" : "not verified",
        dateText(promotedAt ?? createdAt),
        [
          username && printable(username),
          causesText(causes),
          discardReason && printable(discardReason),
          valueRemovedAt && `value removed ${dateText(valueRemovedAt)}`,
        ]
          .filter(Boolean)
          .join("; "),
      ],
    );
    const head = ["version", "state", "proof", "since", "why"].map((word) => terminal.style("dim", word));
    for (const line of columns([head, ...rows])) terminal.print(line);
  },
};

/** @throws CoffreError NOT_FOUND for a field that never was there */
function printField({ terminal, json }: CommandContext, credential: Credential, name: string): void {
  const field = [...credential.fields, ...credential.removedFields].find((one) => one.name === name);
  if (!field) {
    const problem = `${pathText(credential)} has no field ${JSON.stringify(name)}`;
    throw new CoffreError("NOT_FOUND", problem, { hint: `${fieldsText(credential)}.` });
  }
  const versions = field.versions.toReversed();
  if (json) {
    const shape = versions.map(({ number, state, type, cause, createdAt }) => {
      return { version: number, state, type, causes: [causeShape(cause)], createdAt };
    });
    terminal.json(shape);
    return;
  }
  if (field.removedAt !== undefined) terminal.note(`The field was removed on ${dateText(field.removedAt)}.`);
  if (versions.length === 0) terminal.note(`The field ${name} of ${pathText(credential)} has no version yet.`);
  const rows = versions.map(({ number, state, type, cause, createdAt }) => [
    String(number),
    state === "current" ? terminal.style("green", state) : state,
    type,
    dateText(createdAt),
    causesText([cause]),
  ]);
  const head = ["version", "state", "type", "since", "why"].map((word) => terminal.style("dim", word));
  if (rows.length > 0) for (const line of columns([head, ...rows])) terminal.print(line);
}
