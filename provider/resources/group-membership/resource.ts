import * as pulumi from "@pulumi/pulumi";
import { declaredAt, dynamicOptions, serialized } from "../../shell/register.js";

/** What a program declares of a membership. */
export interface GroupMembershipArgs {
  /** Id of the group. */
  groupId: pulumi.Input<string>;
  /** Id of the user in it, or of a group whose members are then in this one too. */
  memberId: pulumi.Input<string>;
  /** Takes over a membership that exists: by its id, or with `true` the one of this group and member. */
  adopt?: pulumi.Input<true | string> | undefined;
}

/** One user, or one group, in a group: a resource each, so that two stacks never wipe each other's. */
export class GroupMembership extends pulumi.CustomResource {
  declare readonly groupId: pulumi.Output<string>;
  declare readonly memberId: pulumi.Output<string>;

  constructor(name: string, args: GroupMembershipArgs, opts: pulumi.CustomResourceOptions = {}) {
    const properties =
      opts.id === undefined
        ? { ...args, ownerKey: declaredAt("GroupMembership", name, opts) }
        : { groupId: undefined, memberId: undefined };
    super(
      "coffre:index:GroupMembership",
      name,
      { ...properties, __provider: serialized("group-membership") },
      dynamicOptions(opts),
    );
  }

  /** The membership with this id, which another stack made: to read, not to change. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, opts: pulumi.CustomResourceOptions = {}): GroupMembership {
    return new GroupMembership(name, { groupId: "", memberId: "" }, { ...opts, id });
  }
}
