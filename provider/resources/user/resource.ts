import * as pulumi from "@pulumi/pulumi";
import { declaredAt, dynamicOptions, serialized } from "../../shell/register.js";

/** What a program declares of a user. */
export interface UserArgs {
  /** What the user is called in the company's directory; unique among users. Default: the resource's name. */
  name?: pulumi.Input<string> | undefined;
  /** For people: `Ana Ferreira`. */
  displayName?: pulumi.Input<string> | undefined;
  /** Where the user is written to. */
  email?: pulumi.Input<string> | undefined;
  /** From then on none of the user's grants and memberships counts: a time with its zone, `2026-12-31T18:00:00Z`. */
  expiresAt?: pulumi.Input<string> | undefined;
  /** Takes over a user that exists: by its id, or with `true` the one of this name. */
  adopt?: pulumi.Input<true | string> | undefined;
}

/** A person or a program that may be given rights. Deleting it takes all its memberships and grants along at once. */
export class User extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly displayName: pulumi.Output<string | undefined>;
  declare readonly email: pulumi.Output<string | undefined>;
  declare readonly expiresAt: pulumi.Output<string | undefined>;

  /**
   * @param name The resource's name in Pulumi, and the user's unless `args.name` says otherwise.
   */
  constructor(name: string, args: UserArgs = {}, opts: pulumi.CustomResourceOptions = {}) {
    const shown = { displayName: undefined, email: undefined, expiresAt: undefined };
    const properties =
      opts.id === undefined
        ? { ...shown, ...args, name: args.name ?? name, ownerKey: declaredAt("User", name, opts) }
        : { ...shown, name: undefined };
    super("coffre:index:User", name, { ...properties, __provider: serialized("user") }, dynamicOptions(opts));
  }

  /** The user with this id, which another stack made: to read, not to change. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, opts: pulumi.CustomResourceOptions = {}): User {
    return new User(name, {}, { ...opts, id });
  }
}
