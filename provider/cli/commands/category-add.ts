import { collect } from "../../core/collect.js";
import { CoffreError } from "../../core/errors.js";
import { findTypedCategory } from "../category.js";
import { CATEGORY_OPTIONS, categoryPatch } from "../category-options.js";
import { categoryShape } from "../category-shape.js";
import type { CommandDefinition } from "../definition.js";
import { pathText } from "../describe.js";
import { CATEGORY_JSON } from "./category-show.js";

export const categoryAdd: CommandDefinition = {
  name: "category add",
  summary: "make a category by hand",
  description: [
    "Makes one category, in one that is there. A program declares its own (`coffre.Category`), also with a policy; this is for what no program keeps.",
  ],
  arguments: [{ name: "<path>", description: "where it is to stand, for example Production/Partners" }],
  options: CATEGORY_OPTIONS,
  examples: [
    { command: "coffre category add Suppliers --description 'what others gave us'", does: "one at the root" },
    {
      command: "coffre category add Partners/Audit-2031 --read-only yes --expires-at 2031-03-31T18:00:00Z",
      does: "for a while, to read",
    },
  ],
  json: CATEGORY_JSON,
  exits: [
    { code: 3, when: "the category above it isn't there" },
    { code: 5, when: "there is one of the name" },
  ],
  async run(context, input) {
    const { terminal, clock } = context;
    const names = (input.args[0] ?? "").split("/").filter((name) => name !== "");
    const name = names.pop();
    if (name === undefined) throw new CoffreError("INVALID_INPUT", "A category has a name");
    const { description, expiresAt, ...rules } = categoryPatch(input);
    const vault = await context.vault();
    const above = names.length === 0 ? undefined : await collect(vault.listCategories());
    const made = await vault.createCategory({
      name,
      parentId: above ? findTypedCategory(above, names.join("/")).id : null,
      ...(description == null ? {} : { description }),
      ...(expiresAt == null ? {} : { expiresAt }),
      ...rules,
    });
    if (context.json) terminal.json(categoryShape(await collect(vault.listCategories()), made, clock.now()));
    else terminal.print(`${pathText(made)}: made.`);
  },
};
