import { resolve } from "node:path";
import type * as Zod from "zod";
import { isLoopback } from "../core/loopback.js";
import { describeNameProblem } from "../core/name.js";
import type { ServerUrlBase } from "./server-url.js";
import { zod } from "./zod.js";

/** A vault in LockSelf. */
export interface LockselfUrl {
  scheme: "lockself+https" | "lockself+http";
  /** There is no file. */
  path?: undefined;
  /** `https://api.lockself.com`. */
  origin: string;
  /** Names from a shared space down to the category that is the vault's root. */
  space: string[];
  /** The organisation whose categories are listed. */
  organizationId?: number;
  /** How the auth token is sent. */
  auth: "header" | "bearer";
  /** How long what was created may take to be seen by others, in milliseconds. */
  settleMs?: number;
  /** Absolute path of the PEM file of the server's authority. */
  caFile?: string;
  /** The whole URL, canonical; no secret in it. */
  href: string;
}

const DEFAULT_SPACE = "Coffre";
const LONGEST_SETTLE_MS = 60_000;
const SHAPE =
  "Write lockself+https://host/<space>, with ?organization=, auth=bearer, settleMs= and caFile= where needed.";

type Parameters = Zod.infer<ReturnType<typeof parametersSchema>>;

function parametersSchema() {
  const z = zod();
  return z.strictObject({
    organization: z
      .string()
      .regex(/^\d{1,9}$/)
      .optional(),
    auth: z.enum(["header", "bearer"]).optional(),
    settleMs: z
      .string()
      .regex(/^\d{1,5}$/)
      .optional(),
    caFile: z.string().min(1).optional(),
  });
}

/**
 * Reads `lockself+https://api.lockself.com/Robots?organization=1`.
 * @throws CoffreError CONFIGURATION that names the part that is wrong, and never what stands in it
 */
export function parseLockselfUrl(text: string, scheme: LockselfUrl["scheme"], base: ServerUrlBase): LockselfUrl {
  const { wrongUrl } = base;
  const plain = text.slice("lockself+".length);
  if (!URL.canParse(plain)) throw wrongUrl("can't be read", SHAPE);
  const url = new URL(plain);
  if (url.username !== "" || url.password !== "") {
    throw wrongUrl(
      "has a user name or password in it",
      "The tokens go to COFFRE_LOCKSELF_AUTH_TOKEN_FILE and COFFRE_LOCKSELF_LS_TOKEN_FILE.",
    );
  }
  if (url.hash !== "") throw wrongUrl("has a #", "In a name write %23.");
  if (scheme === "lockself+http" && !isLoopback(url.hostname.replace(/^\[|\]$/g, ""))) {
    throw wrongUrl("is plain http to another machine", "Use lockself+https://: tokens and passwords travel by it.");
  }
  const twice = [...url.searchParams.keys()].find((name, index, all) => all.indexOf(name) !== index);
  const schema = parametersSchema();
  const { data, error } = schema.safeParse(Object.fromEntries(url.searchParams));
  if (twice !== undefined || !data) {
    const [issue] = error?.issues ?? [];
    const known = Object.keys(schema.shape).join(", ");
    if (twice !== undefined) throw wrongUrl("has a parameter twice", "Keep one.");
    if (issue?.code === "unrecognized_keys") throw wrongUrl("has an unknown parameter", `Known are ${known}.`);
    throw wrongUrl(`has a wrong ${String(issue?.path[0])}`, SHAPE);
  }
  const settleMs = data.settleMs === undefined ? undefined : Number(data.settleMs);
  if (settleMs !== undefined && settleMs > LONGEST_SETTLE_MS) {
    throw wrongUrl("has a wrong settleMs", `It is at most ${LONGEST_SETTLE_MS} milliseconds.`);
  }
  const space = spaceOf(url.pathname, wrongUrl);
  const caFile = data.caFile === undefined ? undefined : fileOf(data.caFile, base);
  return {
    scheme,
    origin: url.origin,
    space,
    ...(data.organization === undefined ? {} : { organizationId: Number(data.organization) }),
    auth: data.auth ?? "header",
    ...(settleMs === undefined ? {} : { settleMs }),
    ...(caFile === undefined ? {} : { caFile }),
    href: hrefOf(`lockself+${url.origin}`, space, { ...data, ...(caFile === undefined ? {} : { caFile }) }),
  };
}

/** The names of the path, decoded: people may have given a category any name, also one with a slash. */
function spaceOf(path: string, wrongUrl: ServerUrlBase["wrongUrl"]): string[] {
  const parts = path.replace(/^\/|\/$/g, "").split("/");
  if (parts.length === 1 && parts[0] === "") return [DEFAULT_SPACE];
  let names: string[];
  try {
    names = parts.map(decodeURIComponent);
  } catch {
    throw wrongUrl("has a % that doesn't begin an encoded character", "Write a % itself as %25.");
  }
  for (const name of names) {
    const problem = describeNameProblem(name, { foreign: true });
    if (problem !== undefined) throw wrongUrl(`has a name in its space that ${problem}`, SHAPE);
  }
  return names;
}

function fileOf(path: string, { folder, home }: ServerUrlBase): string {
  return path.startsWith("~/") ? resolve(home, path.slice(2)) : resolve(folder, path);
}

function hrefOf(origin: string, space: readonly string[], parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters).sort(([left], [right]) => (left < right ? -1 : 1))) {
    if (value !== undefined) query.set(name, value);
  }
  return `${origin}/${space.map(encodeURIComponent).join("/")}${query.size === 0 ? "" : `?${query.toString()}`}`;
}
