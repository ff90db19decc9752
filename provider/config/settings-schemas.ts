import type * as Zod from "zod";
import { zod } from "./zod.js";

type Schemas = ReturnType<typeof makeSchemas>;
/** What `coffre.yaml` and the user's configuration may hold: paths and addresses, never a secret. */
export type FileSettings = Zod.infer<Schemas["file"]>;
/** What a flag may say: no secret either, since every user of a machine can see arguments. */
export type FlagSettings = Zod.infer<Schemas["flags"]>;
/** What environment variables and the stack's configuration may hold. */
export type AllSettings = Zod.infer<Schemas["all"]>;

let schemas: Schemas | undefined;

/** The schemas of settings, by the place in which these stand; made for the first that needs one. */
export function settingsSchemas(): Schemas {
  return (schemas ??= makeSchemas());
}

function makeSchemas() {
  const z = zod();
  const Text = z.string({ error: "must be text" }).min(1, { error: "is empty" });
  const Switch = z
    .union([z.boolean(), z.enum(["true", "false"])], { error: "must be true or false" })
    .transform((value) => value === true || value === "true");

  const OnDrift = z.enum(["mend", "report"], { error: "must be mend or report" });

  /** Variables and `pulumi config set` hand an object over as JSON. */
  const Routes = z.preprocess(
    (given) => (typeof given === "string" ? parseJson(given) : given),
    z.record(z.string(), z.string(), { error: "must name routes, each with its method and path" }),
  );

  /** Which vault, and where its key is: paths and addresses, never a secret. */
  const VaultSettings = z.strictObject({
    /** The vault's URL; relative to the folder of the file that names it. */
    url: Text.optional(),
    /** Path of a key file. */
    keyFile: Text.optional(),
    /** Path of a file that holds the passphrase. */
    passphraseFile: Text.optional(),
    /** URL of a transit key that opens a vault in a file. */
    transitKey: Text.optional(),
    /** Path of a file that holds a server's token. */
    tokenFile: Text.optional(),
    /** Paths of files that hold the two tokens of a LockSelf API user. */
    lockselfAuthTokenFile: Text.optional(),
    lockselfLsTokenFile: Text.optional(),
    /** Routes of LockSelf's API that are others than in the table, by name: `GET /api-key/…`. */
    lockselfRoutes: Routes.optional(),
  });

  /** Variables and `pulumi config set --path coffre:vaults.robots.url …` hand an object over as JSON. */
  const OtherVaults = z.preprocess(
    (given) => (typeof given === "string" ? parseJson(given) : given),
    z.record(z.string(), VaultSettings, { error: "must name vaults, each with its url" }),
  );

  const file = VaultSettings.extend({
    /** The category under which everything is placed, `Production/Databases`. Default: the root. */
    rootCategory: Text.optional(),
    /** Whether a preview reads versions from the vault. Default true. */
    previewReads: Switch.optional(),
    /** Whether a refresh logs in to targets to see that they have what the vault has. Default false. */
    verifyOnRefresh: Switch.optional(),
    /** What an `up` does about a target that was changed behind Coffre's back. Default `mend`. */
    onDrift: OnDrift.optional(),
    /** Vaults besides the one in force, by the names that `coffre sync` and `VaultSync` call them by. */
    vaults: OtherVaults.optional(),
  });

  const flags = file.extend({
    /** Whether an `up` does the rotations that are due. Default false: it only shows them. */
    rotateDue: Switch.optional(),
  });

  const all = flags.extend({
    /** Tells two backends apart that hold a stack of the same name; part of the owner key. */
    owner: Text.optional(),
    key: Text.optional(),
    passphrase: Text.optional(),
    token: Text.optional(),
    lockselfAuthToken: Text.optional(),
    lockselfLsToken: Text.optional(),
  });

  return { file, flags, all };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused as what it isn't
  }
}
