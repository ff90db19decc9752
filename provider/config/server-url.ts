import { resolve } from "node:path";
import type * as Zod from "zod";
import type { CoffreError } from "../core/errors.js";
import { describeNameProblem } from "../core/name.js";
import { zod } from "./zod.js";

/** How to log in to a server, without what is secret of it. */
export type ServerLogin =
  | { by: "token" }
  | { by: "approle"; mount: string; roleId: string }
  | { by: "kubernetes" | "jwt"; mount: string; role: string };

/** A vault in a KV engine of HashiCorp Vault or OpenBao. */
export interface ServerUrl {
  scheme: "vault+https" | "vault+http";
  /** There is no file. */
  path?: undefined;
  /** `https://vault.example.com:8200`. */
  origin: string;
  /** Path of the KV version 2 engine. */
  mount: string;
  /** Folders in the mount below which the vault lies. */
  root: string[];
  namespace?: string;
  /** Absolute path of the PEM file of the server's authority. */
  caFile?: string;
  login: ServerLogin;
  /** The whole URL, canonical; no secret in it. */
  href: string;
}

/** What a server's default is where the URL names no port. */
const DEFAULT_PORT = "8200";

type Parameters = Zod.infer<ReturnType<typeof parametersSchema>>;

function parametersSchema() {
  const z = zod();
  const text = z.string().min(1).optional();
  return z.strictObject({
    root: text,
    namespace: text,
    caFile: text,
    auth: z.enum(["token", "approle", "kubernetes", "jwt"]).optional(),
    authMount: text,
    role: text,
    roleId: text,
    allowPlainHttp: z.literal("true").optional(),
  });
}

/** What a relative `caFile` starts from, and how a mistake is reported. */
export interface ServerUrlBase {
  folder: string;
  home: string;
  wrongUrl: (problem: string, hint: string) => CoffreError;
}

const SHAPE = "Write vault+https://host:8200/<mount>, with ?root=, namespace=, caFile=, auth= and more where needed.";

/**
 * Reads `vault+https://vault.example.com:8200/secret?root=coffre&auth=approle&roleId=…`.
 * @throws CoffreError CONFIGURATION that names the part that is wrong, and never what stands in it
 */
export function parseServerUrl(text: string, scheme: ServerUrl["scheme"], base: ServerUrlBase): ServerUrl {
  const { wrongUrl } = base;
  const plain = text.slice("vault+".length);
  if (!URL.canParse(plain)) throw wrongUrl("can't be read", SHAPE);
  const url = new URL(plain);
  if (url.username !== "" || url.password !== "") {
    throw wrongUrl("has a user name or password in it", "A token goes to COFFRE_TOKEN_FILE or COFFRE_TOKEN.");
  }
  if (url.hash !== "") throw wrongUrl("has a #", "In a name write %23.");
  const mount = namesOf(url.pathname, "mount", wrongUrl);
  if (mount.length === 0) throw wrongUrl("names no mount", SHAPE);
  const parameters = parametersOf(url.searchParams, wrongUrl);
  if (scheme === "vault+http" && parameters.allowPlainHttp === undefined) {
    throw wrongUrl(
      "is plain http, by which tokens and passwords travel readable",
      "Use vault+https://, or add ?allowPlainHttp=true to it where nobody can listen, such as on 127.0.0.1.",
    );
  }
  if (scheme === "vault+https" && parameters.allowPlainHttp !== undefined) {
    throw wrongUrl("has allowPlainHttp, and is not plain http", "Leave it out.");
  }
  // URL leaves out the port that is the scheme's own: 443 that was written is 443.
  const written = /^https?:\/\/[^/?#]*:(\d+)(?=[/?#]|$)/i.exec(plain)?.[1];
  const origin = `${url.protocol}//${url.hostname}:${written ?? DEFAULT_PORT}`;
  const root = namesOf(parameters.root ?? "", "root", wrongUrl);
  const caFile = parameters.caFile === undefined ? undefined : fileOf(parameters.caFile, base);
  return {
    scheme,
    origin,
    mount: mount.join("/"),
    root,
    ...(parameters.namespace === undefined ? {} : { namespace: parameters.namespace }),
    ...(caFile === undefined ? {} : { caFile }),
    login: loginOf(parameters, wrongUrl),
    href: hrefOf(`vault+${origin}`, mount, { ...parameters, ...(caFile === undefined ? {} : { caFile }) }),
  };
}

function parametersOf(query: URLSearchParams, wrongUrl: ServerUrlBase["wrongUrl"]): Parameters {
  const twice = [...query.keys()].find((name, index, all) => all.indexOf(name) !== index);
  if (twice !== undefined) throw wrongUrl(`has ${shown(twice)} twice`, "Keep one.");
  const schema = parametersSchema();
  const { data, error } = schema.safeParse(Object.fromEntries(query));
  if (data) return data;
  const [issue] = error.issues;
  if (issue?.code === "unrecognized_keys") {
    const known = schema.keyof().options.join(", ");
    throw wrongUrl(`has the unknown parameter ${shown(issue.keys[0] ?? "")}`, `Known are ${known}.`);
  }
  const name = String(issue?.path[0]);
  throw wrongUrl(
    `has a wrong ${name}`,
    name === "auth" ? "It is token, approle, kubernetes or jwt." : name === "allowPlainHttp" ? "It is true." : SHAPE,
  );
}

function loginOf({ auth = "token", authMount, role, roleId }: Parameters, wrongUrl: ServerUrlBase["wrongUrl"]) {
  const mount = authMount ?? auth;
  const unused = (name: string, value: string | undefined) => {
    if (value !== undefined) throw wrongUrl(`has ${name}, which auth=${auth} doesn't use`, "Leave it out.");
  };
  const needed = (name: string, value: string | undefined): string => {
    if (value !== undefined) return value;
    throw wrongUrl(`has auth=${auth} and no ${name}`, `Add ${name}=.`);
  };
  if (auth === "token") {
    unused("authMount", authMount);
    unused("role", role);
    unused("roleId", roleId);
    return { by: auth } as const;
  }
  if (auth === "approle") {
    unused("role", role);
    return { by: auth, mount, roleId: needed("roleId", roleId) } as const;
  }
  unused("roleId", roleId);
  return { by: auth, mount, role: needed("role", role) } as const;
}

/** The names of a path, decoded. */
function namesOf(path: string, what: string, wrongUrl: ServerUrlBase["wrongUrl"]): string[] {
  let names: string[];
  try {
    names = path
      .replace(/^\/|\/$/g, "")
      .split("/")
      .map((name) => (what === "mount" ? decodeURIComponent(name) : name));
  } catch {
    throw wrongUrl("has a % that doesn't begin an encoded character", "Write a % itself as %25.");
  }
  if (names.length === 1 && names[0] === "") return [];
  for (const name of names) {
    const problem = describeNameProblem(name);
    if (problem !== undefined) throw wrongUrl(`has a name in its ${what} that ${problem}`, SHAPE);
  }
  return names;
}

/** The absolute path of a file that a URL names. */
export function fileOf(path: string, { folder, home }: ServerUrlBase): string {
  return path.startsWith("~/") ? resolve(home, path.slice(2)) : resolve(folder, path);
}

function hrefOf(origin: string, mount: readonly string[], parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters).sort(([left], [right]) => (left < right ? -1 : 1))) {
    if (value !== undefined) query.set(name, value);
  }
  return `${origin}/${mount.map(encodeURIComponent).join("/")}${query.size === 0 ? "" : `?${query.toString()}`}`;
}

/** A name that somebody wrote; one that may be anything isn't repeated. */
function shown(name: string): string {
  return /^[A-Za-z]{1,30}$/.test(name) ? name : "(not shown)";
}
