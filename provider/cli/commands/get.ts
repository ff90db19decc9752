import { hookName } from "../../core/hook.js";
import { windowText } from "../../core/window.js";
import { type Credential, type Field, usernameOf } from "../../vault/port.js";
import type { CommandDefinition } from "../definition.js";
import { currentText, dateText, drainText, dueText, grantsNote, pathText } from "../describe.js";
import { findCredential } from "../reference.js";
import { referenceOf } from "../../rotation/resolve-reference.js";
import { credentialShape, currentVersion } from "../shape.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

export const get: CommandDefinition = {
  name: "get",
  summary: "show everything about a credential but its value",
  description: [
    "Shows a credential: its references, user name, status, version, rhythm, targets, fields, and what needs attention. Of the fields only text is shown. The value is never part of it (`coffre read`), and nothing is written to the event log.",
  ],
  arguments: [{ name: "<ref>", description: "the credential" }],
  examples: [
    { command: "coffre get Databases/orders-app", does: "one credential, for people" },
    { command: "coffre get --json Databases/orders-app | jq .currentVersion", does: "one fact of it, for scripts" },
  ],
  json: "An object: `ref`, `idRef`, `id`, `path`, `username`, `url`, `description`, `tags`, `status`, `source` (generated, brought), `currentVersion`, `verified`, `promotedAt`, `rotation`, `dueAt`, `due`, `opensAt` (when the window opens that a due rotation waits for), `targets` (`kind`, `account`, `adminId`, `accountMade`), `draining` (logins of versions before, which still work: `account`, `username`, `version`, `until`), `leaving` (accounts that could not be ended yet), `notify` (`url` and `secretRef`, or `command`), `notices` (what hooks haven't been told yet: `hook`, `version`, `at`, `tries`, `problem`), `fields` (`name`, `type`, `text`, `version`, `changedAt`), `owned`, `attention` (`reason`, `message`, `since`, `version`, `account`), `createdAt`, `archivedAt`. What is absent is `null`.",
  takesReferences: true,
  async run(context, { args: [ref = ""] }) {
    const { terminal, clock } = context;
    const vault = await context.vault();
    const [identity, credential] = [await vault.identity(), await findCredential(vault, ref)];
    if (context.json) {
      terminal.json(await credentialShape(identity, credential, clock.now()));
      return;
    }
    const names = referenceOf(identity, credential);
    const admins = await Promise.all(
      credential.targets.map(async ({ adminId }) =>
        adminId === undefined ? undefined : pathText(await vault.readCredential(adminId)),
      ),
    );
    terminal.print(terminal.style("bold", pathText(credential)));
    const note = grantsNote(vault);
    const readers = note === undefined ? [] : [["readers", note] as const];
    const rows = [
      ["reference", names.ref],
      ["by id", names.idRef],
      ...aboutRows(credential),
      ["status", statusText(credential)],
      ["version", currentText(credential)],
      ["current since", dateOrNothing(currentVersion(credential)?.promotedAt)],
      ["rhythm", await rhythmText(credential, clock.now())],
      ...credential.targets.map(({ account }, index) => [
        "target",
        admins[index] === undefined ? account : `${account}, by ${admins[index]}`,
      ]),
      ...(credential.journal.draining ?? []).map((login) => ["drains", drainText(login, clock.now())]),
      ...credential.notify.map((hook) => ["tells", hookText(hookName(hook), credential)]),
      ...credential.fields.map((field) => [`field ${field.name}`, fieldText(field)]),
      ["created", `${dateText(credential.createdAt)}${credential.owned ? ", by a Pulumi stack" : ""}`],
      ["archived", dateOrNothing(credential.archivedAt)],
      ...readers,
    ].filter((row): row is [string, string] => row[1] !== undefined);
    for (const line of columns(rows.map(([name, text]) => [terminal.style("dim", name), text]))) terminal.print(line);
    if (credential.journal.attention)
      terminal.warn(`${printable(credential.journal.attention.message)}; see \`coffre attention\`.`);
  },
};

function aboutRows(credential: Credential): [string, string | undefined][] {
  const { url, description, tags, valueManagedBy } = credential;
  const username = usernameOf(credential);
  return [
    ["user name", username && printable(username)],
    ["url", url && printable(url)],
    ["description", description && printable(description)],
    ["tags", tags.length === 0 ? undefined : tags.map(printable).join(", ")],
    ["source", valueManagedBy === "external" ? "brought, with coffre put" : undefined],
  ];
}

function hookText(name: string, { notices }: Credential): string {
  const waiting = notices.filter((notice) => notice.hook === name);
  const last = waiting.at(-1);
  if (!last) return printable(name);
  return printable(`${name}, not yet of version ${String(last.version)}${last.problem ? `: ${last.problem}` : ""}`);
}

function fieldText({ type, text, versions }: Field): string {
  if (text !== undefined) return printable(text);
  const current = versions.find(({ state }) => state === "current");
  if (!current) return `${type}, awaits its value: coffre put`;
  return `${type}, version ${String(current.number)} of ${dateText(current.createdAt)}`;
}

function statusText({ status, journal }: Credential): string {
  const pending = journal.pending && `version ${String(journal.pending.version)} is pending`;
  const reason = journal.attention?.reason;
  const more = [reason, pending].filter((part) => part !== undefined).join("; ");
  return more === "" ? status : `${status} (${more})`;
}

async function rhythmText(credential: Credential, now: Date): Promise<string | undefined> {
  const { rotation } = credential;
  if (!rotation) return undefined;
  const by = rotation.when === "up" ? "by pulumi up" : "by coffre rotate --due";
  const due = await dueText(credential, now);
  const parts = [
    `every ${String(rotation.everyDays)} days, ${by}`,
    rotation.window && `from ${printable(windowText(rotation.window))}`,
    due,
  ];
  return parts.filter((part) => part !== undefined).join("; ");
}

function dateOrNothing(iso: string | undefined): string | undefined {
  return iso === undefined ? undefined : dateText(iso);
}
