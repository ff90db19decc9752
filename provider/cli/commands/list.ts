import { isDue, waitsUntil } from "../../rotation/due.js";
import { isDrainDue } from "../../rotation/overlap.js";
import { type Category, type Credential, usernameOf } from "../../vault/port.js";
import { findTypedCategory, key } from "../category.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { dateText, dueText, grantsNote, typedPath } from "../describe.js";
import { credentialShape } from "../shape.js";
import { cut, treeLines, type TreeNode, widthOf } from "../table.js";
import { printable } from "../terminal.js";
import { collect } from "../../core/collect.js";

/** Columns that a branch of the tree never needs more of. */
const LABEL_RESERVE = 12;

export const list: CommandDefinition = {
  name: "list",
  summary: "show the vault's tree: categories, credentials, what is wrong with them",
  description: [
    "Shows the categories and credentials of the vault as a tree, without values. Beside each name stand its user name, its status if it isn't simply current, whether a rotation is due, and which login of a version before still works (drains). One that is due may wait for its window; then it also says when that opens.",
    "With --archived it shows the entries that were taken out of the tree instead; their values stay readable by id.",
  ],
  arguments: [
    { name: "[category]", description: "only this category and what is below it, for example Production/Databases" },
  ],
  options: [
    { flags: "--due", description: "only what is due for rotation, and logins whose time is over" },
    { flags: "--archived", description: "the archived entries, with their ids" },
    { flags: "--paths", description: "one path a line, as it can be typed: for scripts and completion" },
  ],
  examples: [
    { command: "coffre list", does: "the whole tree" },
    { command: "coffre list Production/Databases", does: "one branch" },
    { command: "coffre list --due", does: "what is due, since when, and which window it waits for" },
    {
      command: "coffre list --json | jq -r '.credentials[] | select(.due) | .ref'",
      does: "the references of what is due",
    },
  ],
  json: "An object: `vault` (name), `keyHoldersReadAll`, `categories` (`id`, `path`, `description`, `owned`) and `credentials`, each as `coffre get --json` shows it.",
  async run(context, { args: [category], options }) {
    const vault = await context.vault();
    const [identity, all] = [await vault.identity(), await collect(vault.listCategories())];
    const root = category === undefined ? [] : findTypedCategory(all, category).path;
    const isInside = ({ path }: { path: string[] }) => root.every((name, index) => path[index] === name);
    const onlyDue = options["due"] === true;
    const archived = options["archived"] === true;
    const now = context.clock.now();
    const credentials = (await collect(vault.listCredentials({ archived }))).filter(
      (credential) => isInside(credential) && (!onlyDue || isDue(credential, now) || isDrainDue(credential, now)),
    );
    const holdsOne = ({ path }: Category) => credentials.some((one) => path.every((name, at) => one.path[at] === name));
    const categories = all.filter((category) => isInside(category) && (!onlyDue || holdsOne(category)));

    if (context.json) {
      context.terminal.json({
        vault: identity.name,
        keyHoldersReadAll: vault.capabilities.grants !== "enforced",
        categories: categories.map(({ id, path, description, owned }) => ({
          id,
          path,
          description: description ?? null,
          owned,
        })),
        credentials: await Promise.all(credentials.map((credential) => credentialShape(identity, credential, now))),
      });
    } else if (options["paths"] === true) {
      for (const { path } of credentials) context.terminal.print(typedPath(identity.name, path));
    } else {
      await printTree(context, { root, categories: archived ? [] : categories, credentials });
      const counted = `${count(credentials.length, "credential")}${archived ? " archived" : ` in ${count(categories.length, "category", "categories")}`}, vault ${identity.name}.`;
      context.terminal.note(counted);
      const note = grantsNote(vault);
      if (note !== undefined) await context.noteOnce("key-holders-read-all", note);
    }
  },
};

interface Listed {
  root: readonly string[];
  categories: readonly Category[];
  credentials: readonly Credential[];
}

interface Branch extends TreeNode {
  children: Branch[];
}

async function printTree(
  { terminal, clock }: CommandContext,
  { root, categories, credentials }: Listed,
): Promise<void> {
  const forest: Branch = { label: "", children: [] };
  const branches = new Map<string, Branch>([[key(root.slice(0, -1)), forest]]);
  const branchOf = (path: readonly string[]): Branch => {
    const existing = branches.get(key(path));
    if (existing) return existing;
    // An archived entry's categories may be gone: its path is what it had.
    const branch: Branch = { label: terminal.style("bold", `${printable(path.at(-1) ?? "")}/`), children: [] };
    branches.set(key(path), branch);
    branchOf(path.slice(0, -1)).children.push(branch);
    return branch;
  };
  for (const { path } of categories) branchOf(path);
  for (const credential of credentials) {
    const width = terminal.width - 3 * credential.path.length - LABEL_RESERVE;
    const { name, more, isUrgent } = await labelOf(credential, clock.now(), width);
    const shown = more === "" ? "" : `  ${terminal.style(isUrgent ? "yellow" : "dim", more)}`;
    branchOf(credential.path.slice(0, -1)).children.push({ label: `${name}${shown}`, children: [] });
  }
  for (const line of treeLines(forest.children, terminal)) terminal.print(line);
}

async function labelOf(
  credential: Credential,
  now: Date,
  width: number,
): Promise<{ name: string; more: string; isUrgent: boolean }> {
  const { id, archivedAt, status } = credential;
  const username = usernameOf(credential);
  const [drains] = credential.journal.draining ?? [];
  const isOverdue = isDue(credential, now);
  const opensAt = await waitsUntil(credential, now);
  // Short, for the width of a terminal.
  const due = opensAt === undefined ? await dueText(credential, now) : `due, window opens ${dateText(opensAt)}`;
  const isUsual = status === "current" || status === "archived";
  const parts = [
    archivedAt === undefined ? undefined : id, // the only way to read it
    username && printable(username),
    isUsual ? undefined : status,
    isOverdue ? due : undefined,
    drains && `${printable(drains.username)} drains`,
  ];
  const name = cut(printable(credential.path.at(-1) ?? ""), Math.max(LABEL_RESERVE, width));
  const more = cut(
    parts.filter((part) => part !== undefined).join("  "),
    Math.max(LABEL_RESERVE, width - widthOf(name)),
  );
  return { name, more, isUrgent: !isUsual || isOverdue };
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${String(number)} ${number === 1 ? one : many}`;
}
