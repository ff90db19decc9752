import { collect } from "../../core/collect.js";
import { hasPassed } from "../../core/instant.js";
import type { PasswordPolicy } from "../../core/policy.js";
import type { Category } from "../../vault/port.js";
import { findTypedCategory } from "../category.js";
import { categoryShape, rulesInForce } from "../category-shape.js";
import type { CommandDefinition } from "../definition.js";
import { dateText, grantsNote, pathText } from "../describe.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

export const CATEGORY_JSON =
  "An object: `id`, `path`, `description`, `policies` (`policy`, `from`: its own, and those above it, root first), `inheritGrants`, `readOnly`, `expiresAt`, `inForce` (`readOnly`, `expiresAt`, `expired`: with what the categories above it say) and `owned` (a stack made it). What is absent is `null`.";

export const categoryShow: CommandDefinition = {
  name: "category show",
  summary: "show a category: its policies, whether it is read-only, and when it ends",
  description: [
    "Shows what holds in a category, by itself or by one above it. `coffre access` shows who may read there, `coffre list` what stands in it.",
  ],
  arguments: [{ name: "<category>", description: "by path or id, for example Production/Databases" }],
  examples: [
    { command: "coffre category show Production/Databases", does: "for people" },
    { command: "coffre category show Production --json | jq .inForce", does: "one fact of it, for scripts" },
  ],
  json: CATEGORY_JSON,
  async run(context, { args: [text = ""] }) {
    const { terminal, clock } = context;
    const vault = await context.vault();
    const all = await collect(vault.listCategories());
    const category = findTypedCategory(all, text);
    if (context.json) {
      terminal.json(categoryShape(all, category, clock.now()));
      return;
    }
    const note = grantsNote(vault);
    const rows = [
      ["id", category.id],
      ["description", category.description && printable(category.description)],
      ...category.policies.map(({ policy, from }) => ["policy", policyText(policy, from === category.name, from)]),
      ["grants", category.inheritGrants ? undefined : "those on categories above end here"],
      ...rulesText(all, category, clock.now()),
      ["made", category.owned ? "by a Pulumi stack" : undefined],
      ["readers", note],
    ].filter((row): row is [string, string] => row[1] !== undefined);
    terminal.print(terminal.style("bold", pathText(category)));
    for (const line of columns(rows.map(([name, said]) => [terminal.style("dim", name), said]))) terminal.print(line);
  },
};

/** Who may still change something, and until when somebody may read: for the row that says it, or nothing. */
function rulesText(all: readonly Category[], category: Category, now: Date): [string, string | undefined][] {
  const { readOnlyBy, endsBy } = rulesInForce(all, category);
  const by = ({ id, path }: Category) => (id === category.id ? "" : `, by ${printable(path.join("/"))}`);
  return [
    ["changes", readOnlyBy && `read-only: by managers${by(readOnlyBy)}`],
    [
      "until",
      endsBy &&
        `${dateText(endsBy.expiresAt)}${hasPassed(endsBy.expiresAt, now) ? ": for administrators only now" : ""}${by(endsBy)}`,
    ],
  ];
}

function policyText(policy: PasswordPolicy, isOwn: boolean, from: string): string {
  const rules = Object.entries(policy).map(([rule, value]) => `${rule} ${JSON.stringify(value)}`);
  return printable(`${rules.join(", ")}${isOwn ? "" : `, by ${from}`}`);
}
