import * as pulumi from "@pulumi/pulumi";
import type { PasswordPolicy } from "../../core/policy.js";
import { categoryIdAt } from "../../shell/functions.js";
import type { InputsOf } from "../../shell/inputs.js";
import { declaredAt, dynamicOptions, serialized } from "../../shell/register.js";
import type { GrantRole } from "../../vault/port.js";
import type { HookArgs } from "../credential/resource.js";
import { HOLDS_ITSELF } from "./holds-itself.js";

/** A role of a user or group on one category of each copy, and below it. */
export interface TreeGrantArgs {
  /** Id of the user or group. */
  principalId: pulumi.Input<string>;
  role: pulumi.Input<GrantRole>;
  /** From then on the grant is in no copy: a time with its zone. Default: it has no end. */
  expiresAt?: pulumi.Input<string> | undefined;
}

/** What a category of a template may have. */
export interface TreeTemplateArgs {
  /** For people. */
  description?: pulumi.Input<string> | undefined;
  /** What passwords in it and below must be like. */
  passwordPolicy?: pulumi.Input<InputsOf<PasswordPolicy>> | undefined;
  /** Default true. False: grants on categories above it don't hold in it and below. */
  inheritGrants?: pulumi.Input<boolean> | undefined;
  /** Default false. True: in it and below only managers change something. */
  readOnly?: pulumi.Input<boolean> | undefined;
  /** From then on grants hold no more in it and below: a time with its zone. Default: it has no end. */
  expiresAt?: pulumi.Input<string> | undefined;
  grants?: pulumi.Input<pulumi.Input<TreeGrantArgs>[]> | undefined;
  /** The categories in it. */
  nodes?: pulumi.Input<pulumi.Input<TreeNodeArgs>[]> | undefined;
}

/** A category in a template. */
export interface TreeNodeArgs extends TreeTemplateArgs {
  /** Unique among its siblings. */
  name: pulumi.Input<string>;
  /** What it is known by, unique among its siblings. Default: its name. Kept while the name is changed, it renames the category in each copy. */
  key?: pulumi.Input<string> | undefined;
}

/** One of many copies. */
export interface TreeCopyArgs {
  name: pulumi.Input<string>;
  /** What it is known by. Default: its name. Kept while the name is changed, it renames the copy. */
  key?: pulumi.Input<string> | undefined;
  /** What hooks are told besides; it stands in the state. */
  data?: pulumi.Input<Record<string, pulumi.Input<unknown>>> | undefined;
}

/** What a program declares of a tree. */
export interface CategoryTreeArgs {
  /** Name of the only copy. Default, without `names`: the resource's name. */
  name?: pulumi.Input<string> | undefined;
  /** The copies, where there are several. */
  names?: pulumi.Input<pulumi.Input<string | TreeCopyArgs>[]> | undefined;
  /** Id of the category in which the copies stand. Default: the branch of `coffre:rootCategory`, else the root. */
  parentId?: pulumi.Input<string> | undefined;
  /** What is copied, written out. */
  template?: pulumi.Input<TreeTemplateArgs> | undefined;
  /** In its place: id of a category that is copied with all below it, with policies and grants, never an entry. */
  templateId?: pulumi.Input<string> | undefined;
  /** With `name`: what hooks are told besides; it stands in the state. */
  data?: pulumi.Input<Record<string, pulumi.Input<unknown>>> | undefined;
  /** Told of each copy that is new: an HTTP receiver, or a program. */
  notify?: pulumi.Input<pulumi.Input<HookArgs>[]> | undefined;
  /** Takes over categories and grants that are there already at the places of a copy's. */
  adopt?: pulumi.Input<true> | undefined;
  /**
   * What becomes of copies that aren't declared any more, and of categories that left the template. Default `delete`: those
   * in which nothing stands are removed, the others stay and are named. `keep`: all stay.
   */
  onDelete?: pulumi.Input<"delete" | "keep"> | undefined;
}

/**
 * A tree of categories with policies and grants, under one name or under many, and never a password. A copy is what its
 * template is: what people change of its categories an `up` sets back, and what they add beside them stays. The state's size
 * is that of the declaration.
 */
export class CategoryTree extends pulumi.CustomResource {
  /** Of the category in which the copies stand: names with `/` between them, empty for the root. */
  declare readonly parentPath: pulumi.Output<string | undefined>;

  constructor(name: string, args: CategoryTreeArgs, opts: pulumi.CustomResourceOptions = {}) {
    const named = args.names === undefined ? { name: args.name ?? name } : {};
    const template = isLoop(args.template, []) ? { template: HOLDS_ITSELF } : {};
    const properties = {
      ...args,
      ...named,
      ...template,
      parentPath: undefined,
      ownerKey: declaredAt("CategoryTree", name, opts),
    };
    super(
      "coffre:index:CategoryTree",
      name,
      { ...properties, __provider: serialized("category-tree") },
      dynamicOptions(opts),
    );
  }

  /**
   * The id of a category of a copy, for a credential that stands in it: `fleet.categoryId("Aurora/Bridge")`. Unknown while the
   * tree is about to change. @param path the copy's name, and names below it, with `/` between them
   */
  categoryId(path: pulumi.Input<string>): pulumi.Output<string> {
    const whole = pulumi.all([this.parentPath, path]).apply(([above, below]) => (above ? `${above}/${below}` : below));
    return categoryIdAt(whole, { parent: this });
  }
}

/**
 * An object that holds itself would be walked through for ever: `check` is told of it in its place. What an output holds came from
 * somewhere that it couldn't.
 */
function isLoop(value: unknown, above: readonly object[]): boolean {
  if (typeof value !== "object" || value === null || pulumi.Output.isInstance(value)) return false;
  return above.includes(value) || Object.values(value).some((inner) => isLoop(inner, [...above, value]));
}
