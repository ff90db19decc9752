import { CoffreError } from "../../core/errors.js";
import { hasPassed } from "../../core/instant.js";
import { accessOf, type CategoryAccess, type Reader, type Through } from "../../vault/access.js";
import type { Grant } from "../../vault/port.js";
import { findTypedCategory } from "../category.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { dateText, grantsNote, pathText } from "../describe.js";
import {
  accessShapes,
  findTypedPrincipal,
  grantShape,
  principalShape,
  readRights,
  type VaultRights,
} from "../rights.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

const HEADING = ["CATEGORY", "WHO", "ROLE", "THROUGH", "UNTIL"];

export const access: CommandDefinition = {
  name: "access",
  summary: "show who may read what, and through which grant",
  description: [
    "Shows who may read what by the vault's grants: each user with the role, the chain of groups through which it comes, and its end. What has expired is shown as expired. A grant holds on its category and on all below it, down to a category that inherits nothing. In a read-only category editors only read; in one whose time has passed no grant holds.",
    "Without options each grant is shown where it was given. With --category all that holds at that category is shown, inherited or not; with --principal only what that user or group has.",
    "In a vault that is a file, grants are declarations: whoever holds a key of the file reads everything. In a mount of HashiCorp Vault or OpenBao the server's policies decide: `coffre vault policies` prints those that the grants mean. A server that speaks for a vault enforces them.",
  ],
  options: [
    {
      flags: "--principal <name>",
      description: "only this user or group, by name or id; user:ana or group:ana where both exist",
    },
    { flags: "--category <path>", description: "all that holds at this category, by path or id; / for the root" },
  ],
  examples: [
    { command: "coffre access", does: "every grant, and who has it" },
    {
      command: "coffre access --category Production/Databases",
      does: "who may read the databases' passwords, and why",
    },
    { command: "coffre access --principal ana", does: "what ana may read: what would end if ana left" },
    {
      command: "coffre access --json | jq '.access[] | select((.readers | length) > 10) | .path'",
      does: "categories that more than ten may read",
    },
  ],
  json: "An object: `vault` (name), `keyHoldersReadAll`, `grants` (`id`, `categoryId`, `path`, `principalId`, `role`, `expiresAt`, `expired`, `owned`), `principals` (`id`, `kind`, `name`, `displayName`, `email`, `expiresAt`, `expired`, `owned`) and `access`: the root, whose `categoryId` and `path` are `null`, and each category, with `categoryId`, `path`, `inheritGrants`, `readOnly` and `expiresAt` (its own) and `readers`. A reader has `principalId`, `name`, `role` (what it comes to here; `null` if all has expired) and `through`: `grantId`, `role`, `from` (id of the grant's category, `null` for the root), `chain` (names, from the reader to the one who has the grant) and `expired` (`grant`, `user`, `category` or `null`).",
  async run(context, { options }) {
    const vault = await context.vault();
    const { grants } = vault.capabilities;
    if (grants === "none") throw new CoffreError("NOT_SUPPORTED", "This vault keeps no grants");
    const rights = await readRights(vault);
    const { principal, category } = options;
    const who = typeof principal === "string" ? findTypedPrincipal(rights, principal) : undefined;
    const place = typeof category === "string" ? placeOf(rights, category) : undefined;
    const all = accessOf(rights, context.clock.now(), who && new Set([who.id]));
    const shown = place === undefined ? all : all.filter(({ categoryId }) => categoryId === place.id);

    if (context.json) {
      const { name } = await vault.identity();
      const now = context.clock.now();
      const answer = {
        vault: name,
        keyHoldersReadAll: grants !== "enforced",
        grants: rights.grants.map((grant) => grantShape(rights, grant, now)),
        principals: rights.principals.map((one) => principalShape(one, now)),
        access: accessShapes(rights, shown),
      };
      // On one line: a company's answer has hundreds of thousands otherwise.
      context.terminal.print(JSON.stringify(answer));
      return;
    }
    const rows = tableRows(context, rights, shown, { here: place !== undefined, everybody: who === undefined });
    for (const line of rows.length === 0 ? [] : columns([HEADING, ...rows])) context.terminal.print(line);
    if (rows.length === 0) context.terminal.note("No grant gives anything here.");
    const note = grantsNote(vault);
    if (note !== undefined) context.terminal.note(note);
  },
};

function placeOf({ categories }: VaultRights, text: string): { id: string | null } {
  return text === "/" ? { id: null } : findTypedCategory(categories, text);
}

interface Scope {
  /** All that holds at one category; else only what begins there. */
  here: boolean;
  /** All users; else one principal. */
  everybody: boolean;
}

function tableRows(
  context: CommandContext,
  rights: VaultRights,
  shown: readonly CategoryAccess[],
  { here, everybody }: Scope,
): string[][] {
  const reached = new Set(shown.flatMap(({ readers }) => readers.flatMap(grantsOf)));
  const idle = everybody ? rights.grants.filter(({ id }) => !reached.has(id)) : [];
  return shown.flatMap(({ categoryId, readers }) => {
    const rows = readers.flatMap(({ principalId, through }) =>
      through
        .filter(({ from }) => here || from === categoryId)
        .map((one) => row(context, rights, categoryId, { principalId, through: one })),
    );
    rows.push(...idle.filter((grant) => grant.categoryId === categoryId).map((one) => idleRow(context, rights, one)));
    rows.unshift(...rulesOf(context, rights, categoryId).map((rule) => ["", `(${rule})`, "", "", ""]));
    const [first] = rows; // a category is named once, before all that holds there
    if (first) first[0] = placeText(rights, categoryId);
    return rows;
  });
}

/** What the category itself says about who gets in. */
function rulesOf({ clock }: CommandContext, { category }: VaultRights, categoryId: string | null): string[] {
  const { inheritGrants = true, readOnly, expiresAt } = (categoryId !== null && category.get(categoryId)) || {};
  return [
    ...(inheritGrants ? [] : ["inherits nothing"]),
    ...(readOnly ? ["read-only: only managers change it"] : []),
    ...(expiresAt === undefined
      ? []
      : [hasPassed(expiresAt, clock.now()) ? expiredText("category", expiresAt) : `until ${endText(expiresAt)}`]),
  ];
}

function grantsOf({ through }: Reader): string[] {
  return through.map(({ grantId }) => grantId);
}

function row(
  context: CommandContext,
  rights: VaultRights,
  categoryId: string | null,
  { principalId, through }: { principalId: string; through: Through },
): string[] {
  const { chain, role, from, grantId, expired } = through;
  const groups = chain.slice(1).map((id) => printable(rights.principal.get(id)?.name ?? id));
  const way = groups.length === 0 ? "directly" : groups.join(context.terminal.unicode ? " → " : " -> ");
  const grant = rights.grant.get(grantId);
  const user = rights.principal.get(principalId);
  const ends = [grant?.expiresAt, user?.expiresAt].filter((end) => end !== undefined).sort();
  const cells = [
    "",
    whoText(rights, principalId),
    role,
    from === categoryId ? way : `${way}, from ${placeText(rights, from)}`,
    expired === undefined
      ? endText(ends[0])
      : expired === "category"
        ? expiredText(expired)
        : expiredText(expired, expired === "grant" ? grant?.expiresAt : user?.expiresAt),
  ];
  return expired === undefined ? cells : cells.map((cell) => context.terminal.style("dim", cell));
}

/** A grant that gives nobody anything: to a group in which nobody is. */
function idleRow(context: CommandContext, rights: VaultRights, { principalId, role, expiresAt }: Grant): string[] {
  const until = hasPassed(expiresAt, context.clock.now()) ? expiredText("grant", expiresAt) : endText(expiresAt);
  return ["", "nobody", role, `${whoText(rights, principalId)}, which is empty`, until];
}

function placeText({ category }: VaultRights, categoryId: string | null): string {
  if (categoryId === null) return "(root)";
  const found = category.get(categoryId);
  return found ? pathText(found) : categoryId;
}

function whoText({ principal }: VaultRights, id: string): string {
  const found = principal.get(id);
  if (!found) return id;
  return found.kind === "group" ? `group ${printable(found.name)}` : printable(found.name);
}

function endText(end: string | undefined): string {
  return end === undefined ? "" : dateText(end);
}

function expiredText(whose: "grant" | "user" | "category", end?: string): string {
  return `${whose === "grant" ? "" : `${whose} `}expired ${endText(end)}`.trimEnd();
}
