import * as pulumi from "@pulumi/pulumi";
import { declaredAt, dynamicOptions, providerOf, serialized } from "../../shell/register.js";
import type { DeepInput } from "../../shell/inputs.js";
import type { Target } from "../../shell/targets.js";
import {
  readDueSince,
  readIdReference,
  readLogin,
  readPassword,
  readPasswordHash,
} from "../../shell/program-values.js";
import type { PasswordHashScheme } from "../../shell/password-hash.js";
import type { Weekday } from "../../core/window.js";
import type { CredentialProgress } from "./schema.js";
import type { FieldSource, PasswordSource } from "./source.js";

/** When a password is changed although nothing else is. */
export interface RotationArgs {
  /** Days between rotations, 1 to 3650, counted from the day when the current version came into force. */
  everyDays: pulumi.Input<number>;
  /**
   * Default `scheduled`: a preview shows what is due, and `coffre rotate --due` or `pulumi up -c coffre:rotateDue=true`
   * does it. `up`: every `pulumi up` does it.
   */
  when?: pulumi.Input<"scheduled" | "up"> | undefined;
  /**
   * When a rotation that is due may begin. Default: always. What a program or a person orders waits for no window, and
   * what has begun is finished at once, also after it.
   */
  window?: pulumi.Input<RotationWindowArgs> | undefined;
}

/** Open exactly while the clocks of its zone show a time within it. */
export interface RotationWindowArgs {
  /** Two times of day, `["22:00", "04:00"]`: from the first up to the second, past midnight if that is the earlier one. */
  between: pulumi.Input<pulumi.Input<string>[]>;
  /** IANA name, `Europe/Paris`. */
  timeZone: pulumi.Input<string>;
  /** The days on which it begins. Default: all. */
  days?: pulumi.Input<pulumi.Input<Weekday>[]> | undefined;
}

/** A receiver of messages about a credential's versions: by HTTP POST, signed as Standard Webhooks says, or a program. */
export type HookArgs = HttpHookArgs | CommandHookArgs;

export interface CommandHookArgs {
  /**
   * A program of the folder that `COFFRE_COMMANDS` names where Coffre runs, by its name, and its arguments. It reads the
   * message on standard input, one line of JSON.
   */
  command: pulumi.Input<pulumi.Input<string>[]>;
}

export interface HttpHookArgs {
  /** `https://…`, or `http://` on the machine itself. It stands in the state: no token in it. */
  url: pulumi.Input<string>;
  /**
   * The reference of the secret that signs the messages: a credential's `idRef`, with `?field=…` for a field of it. A text
   * that begins with `whsec_` is base64 after that, as the convention has it.
   */
  secretRef: pulumi.Input<string>;
}

/** A field with a value that the program doesn't know: 64 kB of text, or 1 MB of a file, at most. */
export interface SecretFieldArgs {
  /**
   * Default `secret`: text. `totp`: the seed of one-time codes, as base32 or as an `otpauth://totp/` address; `coffre read`
   * gives the code of the moment. `file`: bytes, for example a TLS key.
   */
  type?: pulumi.Input<"secret" | "totp" | "file"> | undefined;
  /**
   * `typed`: people give it with `coffre put --field`. A file or a variable is read once for each revision. `{ dropBox, file }`:
   * the newest file of that name that was deposited in the box of that id; a newer one is taken by the next `up`.
   */
  source: DeepInput<FieldSource>;
}

/** What a program declares of a credential. */
export interface CredentialArgs {
  /** Its name in its category. Default: the resource's name. No slash, no line break. */
  name?: pulumi.Input<string> | undefined;
  /**
   * Id of its category. Default: the branch of `coffre:rootCategory`, else the vault's root. A change moves the entry,
   * with its versions.
   */
  categoryId?: pulumi.Input<string> | undefined;
  /**
   * Whom the password belongs to. Targets need it: it is the account's name there. Where rotations overlap it is the role
   * for which logins take turns; {@link Credential.login} is the one in force.
   */
  username?: pulumi.Input<string> | undefined;
  /** Where it is used, for people. */
  url?: pulumi.Input<string> | undefined;
  /** A note for people, without a secret. */
  description?: pulumi.Input<string> | undefined;
  /** Words to find it by. */
  tags?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** Where the password is set and proven, for example `coffre.postgres({ … })`. Not together with `targets`. */
  target?: pulumi.Input<Target> | undefined;
  /** Several places that have the same password. It comes into force once all of them have proven it. */
  targets?: pulumi.Input<pulumi.Input<Target>[]> | undefined;
  /** The rhythm of rotation. Default: none. */
  rotation?: pulumi.Input<RotationArgs> | undefined;
  /**
   * A change of any of these values draws a new password. A set of values that was there before has its version already,
   * and draws nothing.
   */
  rotateWhenChanged?: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
  /**
   * Who is told when another version has become current. A message holds no value; a receiver that doesn't answer stops
   * nothing, and is told by a later run. One that is added is told of the version in force.
   */
  notify?: pulumi.Input<pulumi.Input<HookArgs>[]> | undefined;
  /**
   * Takes over an entry that exists: by its id, which also brings back an archived one, or with `true` the one of this
   * name. With a target a new password is set there; without one its value stays. Means nothing once the resource exists.
   */
  adopt?: pulumi.Input<true | string> | undefined;
  /**
   * What becomes of the entry when the resource is deleted. Default `archive`: it leaves the tree, and its values and
   * history stay. `delete`: they go too, except while a version is pending or others use it as their admin.
   */
  onDelete?: pulumi.Input<"archive" | "delete"> | undefined;
  /**
   * Where the password comes from. Default `generated`: Coffre draws it. `typed`: people give it with `coffre put`; until
   * then `status` is `awaiting-value`. `{ file, revision }` or `{ env, revision }`: the plugin reads it when the entry is
   * made, and again when the revision is another; the value is in no state. `{ dropBox, file }`: the newest file of that name
   * in the drop-box of that id, taken again when another was deposited. Only a generated one has targets and rotates.
   */
  source?: DeepInput<PasswordSource> | undefined;
  /** Text for people and programs, by name: no secret, shown wherever the entry is, and kept in the state. */
  fields?: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
  /** Secrets, seeds of one-time codes and files beside the password, by name. Their values are in no state. */
  secretFields?: pulumi.Input<Record<string, pulumi.Input<SecretFieldArgs>>> | undefined;
  /** An earlier word for {@link source}: `external` is `typed`, `coffre` is `generated`. */
  valueManagedBy?: pulumi.Input<"coffre" | "external"> | undefined;
}

/**
 * A username and its password in a category of the vault. The password is drawn by the category's policy, kept in the
 * vault, set on the targets and proven there; it is in no state of this resource.
 */
export class Credential extends pulumi.CustomResource {
  /** Its name in its category. */
  declare readonly name: pulumi.Output<string>;
  declare readonly categoryId: pulumi.Output<string | undefined>;
  declare readonly username: pulumi.Output<string | undefined>;
  /** `coffre://<vault>/<category path>/<name>`: a name by path, for people and Git. No value. */
  declare readonly ref: pulumi.Output<string>;
  /** The number of the version in force, from 1; none while there is no value yet. */
  declare readonly currentVersion: pulumi.Output<number | undefined>;
  /** `done`, `unfinished` (the next `up` goes on), or `awaiting-value` (of the password or a declared field). */
  declare readonly status: pulumi.Output<CredentialProgress>;

  #password: pulumi.Output<string> | undefined;
  #passwordHash: pulumi.Output<string> | undefined;
  #idRef: pulumi.Output<string> | undefined;
  #login: pulumi.Output<string | undefined> | undefined;
  #rotationDueSince: pulumi.Output<string | undefined> | undefined;

  /**
   * @param name The resource's name in Pulumi, and the entry's unless `args.name` says otherwise.
   */
  constructor(name: string, args: CredentialArgs = {}, opts: pulumi.CustomResourceOptions = {}) {
    const { target, targets, ...plain } = args;
    if (target !== undefined && targets !== undefined) {
      throw new pulumi.ResourceError(`Credential ${name}: give target or targets, not both`, opts.parent);
    }
    if ("password" in args) {
      // Node runs programs without checking their types, and here a value would be on its way into the state.
      throw new pulumi.ResourceError(
        `Credential ${name}: password isn't an input, since no program knows it. Coffre draws it; for one that people bring, declare source: "typed" and give it with \`coffre put\``,
        opts.parent,
      );
    }
    const looked = opts.id !== undefined;
    const properties = looked
      ? { name: undefined, categoryId: undefined, username: undefined }
      : { ...plain, name: args.name ?? name, ownerKey: declaredAt("Credential", name, opts) };
    super(
      "coffre:index:Credential",
      name,
      {
        ...properties,
        ...(target === undefined && targets === undefined ? {} : { targets: targets ?? [target] }),
        ref: undefined,
        currentVersion: undefined,
        status: undefined,
        __provider: serialized("credential"),
      },
      dynamicOptions(opts),
    );
  }

  /** The credential with this id, which another stack or a person made: to read, not to change. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, opts: pulumi.CustomResourceOptions = {}): Credential {
    return new Credential(name, {}, { ...opts, id });
  }

  /** `coffre://<vault>/id/<id>`: a name that survives renames and moves, for programs. No value. */
  get idRef(): pulumi.Output<string> {
    return (this.#idRef ??= readIdReference(this, providerOf(this)));
  }

  /**
   * The user name that goes with the version in force. It is {@link username}, unless rotations overlap (`overlap` of a
   * target): then each version is for the login whose turn it is. Read from the vault by this program; unknown in a preview
   * while a change is planned.
   */
  get login(): pulumi.Output<string | undefined> {
    return (this.#login ??= readLogin(this, providerOf(this)));
  }

  /**
   * Since when a rotation is due, ISO 8601, UTC; `undefined` while none is. The program asks the vault, so that every
   * preview that shows it (as an output of the stack, for example) shows what is due then, with no change planned for it.
   */
  get rotationDueSince(): pulumi.Output<string | undefined> {
    return (this.#rotationDueSince ??= readDueSince(this, providerOf(this)));
  }

  /**
   * The password, for a resource of another provider that takes nothing else. It is read from the vault by this program,
   * when asked for, and is a Pulumi secret.
   *
   * Handed to another resource it stands, encrypted, in *that* resource's state and in the engine's logs, for whoever has
   * the stack's passphrase; see docs/security. Give targets and Coffre's own resources {@link idRef} instead.
   *
   * Unknown in a preview while a change is planned; an error while the credential is unfinished.
   */
  get password(): pulumi.Output<string> {
    return (this.#password ??= readPassword(this, providerOf(this)));
  }

  /**
   * The {@link password} as a hash that a new machine's user-data takes (`passwd` in cloud-init, `usermod -p`), made by
   * this program; a Pulumi secret. It changes with the version and with nothing else.
   *
   * Handed to another resource it stands, encrypted, in that resource's state. From a hash a password of people could be
   * guessed; one that Coffre draws can't. Give the machine a credential of its own for its first boot, and let another
   * replace it by `initialRef`.
   * @param options `scheme`: `sha512crypt`, which every Linux takes: `$6$…`, 5,000 rounds
   */
  passwordHash(options: { scheme: PasswordHashScheme }): pulumi.Output<string> {
    if (options.scheme !== "sha512crypt") {
      throw new pulumi.ResourceError(`passwordHash knows the scheme "sha512crypt" only`, this);
    }
    return (this.#passwordHash ??= readPasswordHash(this, this.password));
  }
}
