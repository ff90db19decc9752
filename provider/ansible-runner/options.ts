import { isAbsolute } from "node:path";
import * as z from "zod";
import { CoffreError } from "../core/errors.js";
import { issueText } from "../core/issue-text.js";
import { Secret } from "../core/secret.js";

/** A text that Ansible is to fill in, where every other text stays as it is: see {@link template}. */
export class Template {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Marks a text of inventory or variables as one of Jinja's: `template("{{ lookup('coffre.vault.credential', 'Hosts/web-1') }}")`. */
export function template(text: string): Template {
  return new Template(text);
}

/** What a variable may be. Texts are never taken for templates, whatever stands in them; a secret is none of it. */
export type AnsibleValue =
  string | number | boolean | null | Template | readonly AnsibleValue[] | { readonly [name: string]: AnsibleValue };
export type AnsibleVariables = Readonly<Record<string, AnsibleValue>>;

/** A group of an inventory, as Ansible's YAML inventories have it. */
export interface InventoryGroup {
  hosts?: Readonly<Record<string, AnsibleVariables>>;
  children?: Readonly<Record<string, InventoryGroup>>;
  vars?: AnsibleVariables;
}

/** Groups by name; `all` is the one that holds every host. */
export type Inventory = Readonly<Record<string, InventoryGroup>>;

const Value: z.ZodType<AnsibleValue> = z.lazy(() =>
  z.union([
    z.string(),
    z.number(),
    z.boolean(),
    z.null(),
    z.instanceof(Template),
    z.array(Value),
    z.record(z.string(), Value),
  ]),
);
const Variables = z.record(
  z.string().regex(/^[A-Za-z_]\w*$/, "must be a variable's name: letters, digits and _"),
  Value,
);
const Group: z.ZodType<InventoryGroup> = z.lazy(() =>
  z.strictObject({
    hosts: z.record(z.string().min(1), Variables).exactOptional(),
    children: z.record(z.string().min(1), Group).exactOptional(),
    vars: Variables.exactOptional(),
  }),
);
/** As Ansible has its own localhost where an inventory doesn't name it. */
const LOCAL = {
  ansible_connection: "local",
  ansible_python_interpreter: new Template("{{ ansible_playbook_python }}"),
};
const Absolute = z.string().refine(isAbsolute, "must be an absolute path");
const Milliseconds = z.int().min(1);

/** What {@link runPlaybook} takes. */
export const RunOptions = z.strictObject({
  /** Absolute path of the playbook. Its folder is the run's project: roles, files and `ansible.cfg` beside it are found. */
  playbook: Absolute,
  /** Groups and hosts. Default: `localhost` alone, by Ansible's own Python and without a connection. */
  inventory: z.record(z.string().min(1), Group).default({ all: { hosts: { localhost: LOCAL } } }),
  /** Variables that win over all others (Ansible's extra variables). No secrets: those come from the agent. */
  variables: Variables.default({}),
  /** Absolute path of the agent's socket, which the lookup finds as COFFRE_AGENT. Default: the caller's own COFFRE_AGENT. */
  agent: Absolute.optional(),
  /** Lines of `known_hosts`, and the only hosts' keys that are trusted then. Default: the user's own file. */
  knownHosts: z.array(z.string().regex(/^[^\r\n]+$/, "must be one line")).optional(),
  /** Further environment variables, by name. The run gets them, PATH, HOME, LANG and its own; nothing else. */
  environment: z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string()).default({}),
  /** Absolute paths of folders with `ansible_collections`, before the one that comes with Coffre. */
  collections: z.array(Absolute).default([]),
  /** Absolute path of the folder that holds `ansible-runner` and `ansible-playbook`. Default: PATH. */
  binFolder: Absolute.optional(),
  /** Hosts at once. Default: Ansible's own, 5. */
  forks: z.int().min(1).max(1000).optional(),
  /** Which hosts of the inventory, as `--limit` has it. */
  limit: z.string().min(1).optional(),
  /** Change nothing (`--check`). Default false. */
  check: z.boolean().default(false),
  /** So many `-v`. Default 0. */
  verbosity: z.int().min(0).max(5).default(0),
  /** After so many milliseconds everything of the run is ended. Default: an hour. */
  timeLimitMs: Milliseconds.default(3_600_000),
});
export type RunOptions = z.output<typeof RunOptions>;

/** @throws CoffreError INVALID_INPUT that names the option, and nothing of what was given */
export function parseOptions(given: unknown): RunOptions {
  refuseSecrets(given, []);
  const { data, error } = RunOptions.safeParse(given, { error: issueText });
  if (data) return data;
  const [issue] = error.issues;
  const field = issue?.path.map(String).join(".") ?? "";
  throw new CoffreError("INVALID_INPUT", `The run's ${field} ${issue?.message ?? "is wrong"}`, { details: { field } });
}

/** What is written to disk for Ansible, and shown by it, is no place for a value. */
function refuseSecrets(given: unknown, path: readonly string[]): void {
  if (given instanceof Secret) {
    throw new CoffreError("INVALID_INPUT", `The run's ${path.join(".")} is a secret, which Ansible would write down`, {
      hint: "Let the playbook ask the agent: lookup('coffre.vault.credential', …).",
      details: { field: path.join(".") },
    });
  }
  if (typeof given !== "object" || given === null || given instanceof Template) return;
  for (const [name, inner] of Object.entries(given)) refuseSecrets(inner, [...path, name]);
}
