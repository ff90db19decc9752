import * as pulumi from "@pulumi/pulumi";
import type { PasswordPolicy } from "../../core/policy.js";
import type { InputsOf } from "../../shell/inputs.js";
import { declaredAt, dynamicOptions, serialized } from "../../shell/register.js";

/** What a program declares of a category. */
export interface CategoryArgs {
  /** Its name in its parent. Default: the resource's name. No slash, no line break. */
  name?: pulumi.Input<string> | undefined;
  /** Id of the category in which it stands. Default: the branch of `coffre:rootCategory`, else the root. A change moves it. */
  parentId?: pulumi.Input<string> | undefined;
  /** A note for people, without a secret. */
  description?: pulumi.Input<string> | undefined;
  /** What passwords in it and below must be like. It adds to the policies above; where several speak, the strictest holds. */
  passwordPolicy?: pulumi.Input<InputsOf<PasswordPolicy>> | undefined;
  /**
   * Default true: who has a grant on a category above has it here too. False: only grants on this category and below it
   * count here and below.
   */
  inheritGrants?: pulumi.Input<boolean> | undefined;
  /** Default false. True: in it and below only managers change something; editors read. */
  readOnly?: pulumi.Input<boolean> | undefined;
  /**
   * From then on grants hold no more in it and below, managers' neither: only administrators get in. A time with its zone,
   * `2026-12-31T18:00:00Z`. Default: it has no end.
   */
  expiresAt?: pulumi.Input<string> | undefined;
  /** Takes over a category that exists: by its id, or with `true` the one of this name. */
  adopt?: pulumi.Input<true | string> | undefined;
  /** What becomes of it when the resource is deleted. Default `delete`: refused while it isn't empty. `keep`: it stays. */
  onDelete?: pulumi.Input<"delete" | "keep"> | undefined;
}

/** A folder of the vault's tree: it gives what stands in it a place, and passwords a policy. */
export class Category extends pulumi.CustomResource {
  /** Its name in its parent. */
  declare readonly name: pulumi.Output<string>;
  declare readonly parentId: pulumi.Output<string | undefined>;
  /** Names from the root down, with `/` between them: `Production/Databases`. */
  declare readonly path: pulumi.Output<string>;

  /**
   * @param name The resource's name in Pulumi, and the category's unless `args.name` says otherwise.
   */
  constructor(name: string, args: CategoryArgs = {}, opts: pulumi.CustomResourceOptions = {}) {
    const properties =
      opts.id === undefined
        ? { ...args, name: args.name ?? name, ownerKey: declaredAt("Category", name, opts) }
        : { name: undefined, parentId: undefined };
    super(
      "coffre:index:Category",
      name,
      { ...properties, path: undefined, __provider: serialized("category") },
      dynamicOptions(opts),
    );
  }

  /** The category with this id, which another stack or a person made: to read, not to change. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, opts: pulumi.CustomResourceOptions = {}): Category {
    return new Category(name, {}, { ...opts, id });
  }
}
