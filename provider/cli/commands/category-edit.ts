import { isDeepStrictEqual } from "node:util";
import { collect } from "../../core/collect.js";
import { CoffreError } from "../../core/errors.js";
import { findTypedCategory } from "../category.js";
import { CATEGORY_OPTIONS, categoryPatch } from "../category-options.js";
import { categoryShape } from "../category-shape.js";
import type { CommandDefinition } from "../definition.js";
import { pathText } from "../describe.js";
import { CATEGORY_JSON } from "./category-show.js";

export const categoryEdit: CommandDefinition = {
  name: "category edit",
  summary: "change a category: name, note, whether it is read-only, when it ends",
  description: [
    "Changes what the options name, and nothing else. What a program declares of a category is the program's: its next update brings that back.",
    "Read-only and an end hold in the category and in all below it, and are worth what grants are worth: `coffre serve` enforces them; whoever holds a key of a file reads and writes all. After its end only administrators get in, and only they prolong it.",
  ],
  arguments: [{ name: "<category>", description: "by path or id" }],
  options: [
    { flags: "--name <text>", description: "its new name; the path of all below it changes" },
    ...CATEGORY_OPTIONS,
  ],
  examples: [
    { command: "coffre category edit Partners/Audit --read-only yes", does: "from now on only managers change it" },
    { command: "coffre category edit Partners/Audit --expires-at ''", does: "no end any more" },
  ],
  json: `${CATEGORY_JSON} As it is after the change.`,
  exits: [
    { code: 2, when: "nothing to change was named" },
    { code: 5, when: "another one has the name" },
  ],
  async run(context, input) {
    const { terminal, clock } = context;
    const { name } = input.options;
    const patch = { ...(typeof name === "string" ? { name } : {}), ...categoryPatch(input) };
    if (Object.keys(patch).length === 0) {
      throw new CoffreError("INVALID_INPUT", "Nothing to change was named", {
        hint: "`coffre category edit --help` shows the options.",
      });
    }
    const vault = await context.vault();
    const before = findTypedCategory(await collect(vault.listCategories()), input.args[0] ?? "");
    const after = await vault.updateCategory(before.id, patch);
    const changed = !isDeepStrictEqual(before, after);
    if (context.json) terminal.json(categoryShape(await collect(vault.listCategories()), after, clock.now()));
    else terminal.print(`${pathText(after)}: ${changed ? "changed" : "nothing was changed"}.`);
    if (changed && before.owned)
      terminal.note("A Pulumi stack made it: what its program declares comes back with an update.");
  },
};
