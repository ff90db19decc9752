import * as pulumi from "@pulumi/pulumi";
import { declaredAt, dynamicOptions, serialized } from "../../shell/register.js";
import type { DropBoxStatus } from "../../vault/port.js";

/** What a program declares of a drop-box. */
export interface DropBoxArgs {
  /** Its name in its category; unique among the live boxes there. Default: the resource's name. No slash, no line break. */
  name?: pulumi.Input<string> | undefined;
  /** Id of the category in which it stands, whose grants say who sees it. Default: the branch of `coffre:rootCategory`, else the root. */
  categoryId?: pulumi.Input<string> | undefined;
  /** E-mail addresses of those who may deposit, at most 1,000. They are told of the box by mail. */
  recipients: pulumi.Input<pulumi.Input<string>[]>;
  /** E-mail addresses of those who see all deposits and may change the box on its page, at most 1,000. Default: nobody. */
  managers?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** What is wanted: in the mail and on the page. At most 4,000 characters, without a secret. */
  description?: pulumi.Input<string> | undefined;
  /** Nothing can be deposited from then on: a time with its zone, `2026-12-31T18:00:00Z`. Default: never. */
  expiresAt?: pulumi.Input<string> | undefined;
  /** It is archived from then on, and what was deposited stays; not before `expiresAt`. Default: never by itself. */
  archivesAt?: pulumi.Input<string> | undefined;
  /** True: a recipient sees only what that recipient deposited. Default false. */
  partitioned?: pulumi.Input<boolean> | undefined;
  /** Managers are told of each deposit. Default true. */
  depositNotice?: pulumi.Input<boolean> | undefined;
  /** Managers are told of each download. Default false. */
  downloadNotice?: pulumi.Input<boolean> | undefined;
  /** False closes it to its recipients. Default true. */
  enabled?: pulumi.Input<boolean> | undefined;
  /** Largest file, bytes; at most `maxBytes`. Default: 10 GB. */
  maxFileBytes?: pulumi.Input<number> | undefined;
  /** All its files together, bytes. Default: 50 GB. */
  maxBytes?: pulumi.Input<number> | undefined;
  /** What a file may be, by its content, as names end: `pdf`, `xlsx`; `txt` for text. Default: anything. */
  fileTypes?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** A deposit is deleted so many days after it was made, 1 to 36,500. Default: never. */
  keepDays?: pulumi.Input<number> | undefined;
  /** Telephone numbers, kept as they are for whoever reads them. */
  phones?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** Where people reach `coffre serve`: `https://vault.example.com`. Default: where the vault is; a vault in a file knows none. */
  publicUrl?: pulumi.Input<string> | undefined;
  /** When it is made and a box of this stack, or of nobody, has the name: `replace` archives that one. Default `fail`. */
  onNameConflict?: pulumi.Input<"fail" | "replace"> | undefined;
  /** Takes over a box that exists: by its id, or with `true` the one of this name. */
  adopt?: pulumi.Input<true | string> | undefined;
  /**
   * What becomes of it when the resource is deleted. Default `delete`: refused while anything is deposited. `archive`: its
   * recipients lose it, and what was deposited stays. `keep`: it stays as it is.
   */
  onDelete?: pulumi.Input<"delete" | "archive" | "keep"> | undefined;
}

/** What people outside are asked for, and what they deposited. */
export class DropBox extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly categoryId: pulumi.Output<string | undefined>;
  /** Domains in lower case, each address once. */
  declare readonly recipients: pulumi.Output<string[]>;
  declare readonly managers: pulumi.Output<string[] | undefined>;
  declare readonly expiresAt: pulumi.Output<string | undefined>;
  declare readonly archivesAt: pulumi.Output<string | undefined>;
  declare readonly enabled: pulumi.Output<boolean | undefined>;
  /** Names from the root down, with `/` between them: `Partners/acme`. */
  declare readonly path: pulumi.Output<string>;
  /** Its page for people; none of a vault in a file without `publicUrl`. */
  declare readonly url: pulumi.Output<string | undefined>;
  /** How many deposits were made and are still there, as of the last `up` that changed the box, or the last refresh. */
  declare readonly depositCount: pulumi.Output<number>;
  /** `open`, `expired`, `closed` or `archived`; as of the same moment. */
  declare readonly status: pulumi.Output<DropBoxStatus>;

  /**
   * @param name The resource's name in Pulumi, and the box's unless `args.name` says otherwise.
   */
  constructor(name: string, args: DropBoxArgs, opts: pulumi.CustomResourceOptions = {}) {
    const declared =
      opts.id === undefined ? { ...args, name: args.name ?? name, ownerKey: declaredAt("DropBox", name, opts) } : {};
    const properties = { ...SHOWN, ...declared, __provider: serialized("drop-box") };
    super("coffre:index:DropBox", name, properties, dynamicOptions(opts));
  }

  /** The box with this id, which another stack or a person made: to read, not to change. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, opts: pulumi.CustomResourceOptions = {}): DropBox {
    return new DropBox(name, { recipients: [] }, { ...opts, id });
  }
}

/** What comes out, also of inputs that a program leaves out. */
const SHOWN = {
  name: undefined,
  categoryId: undefined,
  recipients: undefined,
  managers: undefined,
  expiresAt: undefined,
  archivesAt: undefined,
  enabled: undefined,
  path: undefined,
  url: undefined,
  depositCount: undefined,
  status: undefined,
};
