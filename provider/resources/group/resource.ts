import * as pulumi from "@pulumi/pulumi";
import { declaredAt, dynamicOptions, serialized } from "../../shell/register.js";

/** What a program declares of a group. */
export interface GroupArgs {
  /** What the group is called in the company's directory; unique among groups. Default: the resource's name. */
  name?: pulumi.Input<string> | undefined;
  /** For people: `Database administrators`. */
  displayName?: pulumi.Input<string> | undefined;
  /** Takes over a group that exists: by its id, or with `true` the one of this name. */
  adopt?: pulumi.Input<true | string> | undefined;
}

/** Users, and other groups, that are given rights together. Deleting it takes all its memberships and grants along at once. */
export class Group extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly displayName: pulumi.Output<string | undefined>;

  /**
   * @param name The resource's name in Pulumi, and the group's unless `args.name` says otherwise.
   */
  constructor(name: string, args: GroupArgs = {}, opts: pulumi.CustomResourceOptions = {}) {
    const properties =
      opts.id === undefined
        ? { displayName: undefined, ...args, name: args.name ?? name, ownerKey: declaredAt("Group", name, opts) }
        : { name: undefined, displayName: undefined };
    super("coffre:index:Group", name, { ...properties, __provider: serialized("group") }, dynamicOptions(opts));
  }

  /** The group with this id, which another stack made: to read, not to change. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, opts: pulumi.CustomResourceOptions = {}): Group {
    return new Group(name, {}, { ...opts, id });
  }
}
