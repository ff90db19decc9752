import * as pulumi from "@pulumi/pulumi";
import { declaredAt, dynamicOptions, serialized } from "../../shell/register.js";
import type { TransferStatus } from "../../vault/port.js";

/** A file that is sent, by another name than its own. */
export interface TransferFileArgs {
  /** Relative to the folder of Pulumi.yaml. */
  path: pulumi.Input<string>;
  /** As receivers see it; refused if they wouldn't. Default: the file's own, made safe. */
  name?: pulumi.Input<string> | undefined;
}

/** What was sent: one file, as the state keeps it. */
export interface SentFile {
  /** Where it lay; none of a transfer that is only looked at. */
  path?: string;
  /** As receivers see it. */
  name: string;
  /** Bytes. */
  size: number;
  /** Hex. */
  sha256: string;
}

/** What a program declares of a transfer. */
export interface TransferArgs {
  /**
   * Files of the machine on which Pulumi runs: paths, relative to the folder of Pulumi.yaml, or file assets. Their contents are in no
   * state. Another content, or another name, is sent anew.
   */
  files: pulumi.Input<pulumi.Input<string | pulumi.asset.FileAsset | TransferFileArgs>[]>;
  /** Who sends, as receivers read it: one line of at most 200 characters. A change sends anew. */
  from: pulumi.Input<string>;
  /** E-mail addresses of those who are told, at most 1,000. Default: nobody, and you hand the link over. */
  to?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** For the receivers, in the mail and on the page. At most 4,000 characters, without a secret. */
  message?: pulumi.Input<string> | undefined;
  /** Nobody opens it from then on: a time with its zone, `2026-12-31T18:00:00Z`, at most 366 days ahead. */
  expiresAt?: pulumi.Input<string> | undefined;
  /** The same, counted from when it was sent: 1 to 366 days. Default 7; not together with `expiresAt`. */
  expiresAfterDays?: pulumi.Input<number> | undefined;
  /** How often each file may be downloaded, 1 to 10,000. Default: any number of times. */
  maxDownloads?: pulumi.Input<number> | undefined;
  /** What the page asks for first: 8 to 1,024 characters. It stands in the state as a secret. Default: nothing. */
  password?: pulumi.Input<string> | undefined;
  /** True: a password is drawn, once; {@link Transfer.password} is it. Not together with `password`. */
  generatePassword?: pulumi.Input<boolean> | undefined;
  /**
   * True: each file is encrypted where Pulumi runs, for a new key that {@link Transfer.url} has behind its `#`, and neither the vault nor its
   * server. Mail has the link without it: hand the address over yourself. Default false; a change sends anew.
   */
  endToEnd?: pulumi.Input<boolean> | undefined;
  /** Id of the category in which it stands, whose grants say who may end it. Default: the branch of `coffre:rootCategory`, else the root. A change sends anew. */
  categoryId?: pulumi.Input<string> | undefined;
  /** Where people reach `coffre serve`: `https://vault.example.com`. Default: where the vault is; needed for a vault in a file. */
  publicUrl?: pulumi.Input<string> | undefined;
}

/** Files that go out by a link, until it expires, its downloads are used or the resource is deleted. */
export class Transfer extends pulumi.CustomResource {
  declare readonly files: pulumi.Output<SentFile[]>;
  declare readonly from: pulumi.Output<string>;
  /** Domains in lower case, each address once. */
  declare readonly to: pulumi.Output<string[] | undefined>;
  declare readonly expiresAt: pulumi.Output<string>;
  declare readonly maxDownloads: pulumi.Output<number | undefined>;
  /** The page's address, with its key if there is one: a secret, since whoever has it downloads. None of a transfer that is only looked at. */
  declare readonly url: pulumi.Output<string | undefined>;
  /** What the page asks for, declared or drawn: a secret. Tell it by another way than the link. */
  declare readonly password: pulumi.Output<string | undefined>;
  /** `open`, `used`, `locked`, `expired` or `archived`, as of the last `up` that changed the transfer, or the last refresh. */
  declare readonly status: pulumi.Output<TransferStatus>;
  /** Downloads of all its files; as of the same moment. */
  declare readonly downloadCount: pulumi.Output<number>;

  /**
   * @param name The resource's name in Pulumi; receivers don't see it.
   */
  constructor(name: string, args: TransferArgs, opts: pulumi.CustomResourceOptions = {}) {
    const declared = opts.id === undefined ? { ...declaredOf(args), ownerKey: declaredAt("Transfer", name, opts) } : {};
    const properties = { ...SHOWN, ...declared, __provider: serialized("transfer") };
    const secrets = [...(opts.additionalSecretOutputs ?? []), "url", "password"];
    super("coffre:index:Transfer", name, properties, { ...dynamicOptions(opts), additionalSecretOutputs: secrets });
  }

  /** The transfer with this id, which another stack or a person made: to read, not to change. Nobody can find its link. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, opts: pulumi.CustomResourceOptions = {}): Transfer {
    return new Transfer(name, { files: [], from: "" }, { ...opts, id });
  }
}

/** What comes out, also of inputs that a program leaves out. */
const SHOWN = {
  files: undefined,
  from: undefined,
  to: undefined,
  expiresAt: undefined,
  maxDownloads: undefined,
  url: undefined,
  password: undefined,
  status: undefined,
  downloadCount: undefined,
};

function declaredOf({ files, password, ...args }: TransferArgs): Record<string, unknown> {
  const given: pulumi.Output<unknown> = pulumi.output(files); // a program without types gives anything
  return {
    ...args,
    files: given.apply(filesOf),
    ...(password === undefined ? {} : { password: pulumi.secret(password) }),
  };
}

/** Declared files; what is no list stays none, for `check` to refuse. */
function filesOf(files: unknown): unknown {
  if (Array.isArray(files)) return files.map(fileOf);
  return typeof files === "object" && files !== null ? fileOf(files) : files;
}

/** A declared file as the provider reads it: where it lies, so that its content crosses no engine. `check` refuses what lies nowhere. */
function fileOf(file: unknown): { path?: string; name?: string } {
  if (typeof file === "string") return { path: file };
  const { path, name } = (file ?? {}) as { path?: unknown; name?: unknown }; // an asset, or what a program gives
  return { ...(typeof path === "string" ? { path } : {}), ...(typeof name === "string" ? { name } : {}) };
}
