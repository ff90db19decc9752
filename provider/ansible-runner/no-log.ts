import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parseAllDocuments } from "yaml";
import { type InventoryGroup, type RunOptions, Template } from "./options.js";

/** A task that uses a value of the vault and would let Ansible write it down. */
export interface ForgottenNoLog {
  /** Absolute path. */
  file: string;
  /** The task's name, or its number in its list where it has none. */
  task: string;
  /** One sentence about it. */
  message: string;
}

const LOOKUP = /coffre\.vault\.credential(?![\w])/;
/** A connection's own variables are shown by no task. */
const CONNECTION = /^ansible_(?:(?:ssh_|become_)?pass(?:word)?|become_pass|ssh_password|password)$/;
const LISTS = ["tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"];
const INCLUDES = ["include_tasks", "import_tasks", "import_playbook"];
const ROLES = ["include_role", "import_role"];
const MOST_FILES = 500;

type Mapping = Record<string, unknown>;

/** What holds around a task. */
interface Around {
  noLog: boolean;
  /** Variables that hold a value when they are used. */
  tainted: readonly string[];
}

/** Variables that the caller gives, besides those of the playbook: as {@link RunOptions} has them. */
export type GivenVariables = Pick<RunOptions, "inventory" | "variables">;

/**
 * Reads a playbook with what it includes by a fixed name, beside it and in its roles, and finds tasks that use the lookup, or a variable
 * made of it, without `no_log`. What is included by a variable's name isn't found; a file that can't be read is Ansible's to complain of.
 * @param given what the caller gives may be made of a value, too
 */
export async function findForgottenNoLog(playbook: string, given?: GivenVariables): Promise<ForgottenNoLog[]> {
  const found: ForgottenNoLog[] = [];
  const seen = new Set<string>();
  const project = dirname(playbook);

  async function readInto(file: string, around: Around): Promise<void> {
    const key = `${file} ${String(around.noLog)} ${around.tainted.join(" ")}`;
    if (seen.has(key) || seen.size >= MOST_FILES) return;
    seen.add(key);
    const text = await readFile(file, "utf8").catch(() => "");
    for (const document of parseAllDocuments(text, { logLevel: "silent" })) {
      if (document.errors.length === 0) await readList(file, listOf(document.toJS()), around);
    }
  }

  async function readList(file: string, items: readonly unknown[], around: Around): Promise<void> {
    for (const [index, item] of items.entries()) {
      if (isMapping(item)) await readItem(file, item, index, around);
    }
  }

  async function readItem(file: string, item: Mapping, index: number, around: Around): Promise<void> {
    const inner = within(item, around);
    const lists = LISTS.filter((name) => Array.isArray(item[name]));
    for (const name of lists) await readList(file, listOf(item[name]), inner);
    for (const role of listOf(item["roles"])) await readRole(roleName(role), inner);
    for (const [name, value] of Object.entries(item)) {
      const word = name.replace(/^ansible\.(builtin|legacy)\./, "");
      if (INCLUDES.includes(word)) await readInto(join(dirname(file), fileNamed(value)), inner);
      if (ROLES.includes(word)) await readRole(roleName(value), inner);
    }
    const isTask = lists.length === 0 && !("hosts" in item);
    if (!isTask || inner.noLog || !usesValue(item, inner.tainted)) return;
    const task = typeof item["name"] === "string" ? item["name"] : `number ${String(index + 1)}`;
    const message = `The task "${task}" of ${basename(file)} uses a value of the vault without no_log: Ansible writes it into its output`;
    found.push({ file, task, message });
  }

  async function readRole(name: string, around: Around): Promise<void> {
    if (name === "") return;
    for (const folder of ["tasks", "handlers"])
      await readInto(join(project, "roles", name, folder, "main.yml"), around);
  }

  await readInto(playbook, { noLog: false, tainted: given ? taintedAmong(variablesOf(given), []) : [] });
  return found;
}

function within(item: Mapping, { noLog, tainted }: Around): Around {
  const own = Object.entries(isMapping(item["vars"]) ? item["vars"] : {});
  const given = item["no_log"];
  // What is decided by a variable has been thought of.
  const says = given === undefined ? noLog : given === true || typeof given === "string";
  return { noLog: says, tainted: taintedAmong(own, tainted) };
}

function taintedAmong(variables: readonly (readonly [string, unknown])[], tainted: readonly string[]): string[] {
  const all = new Set(tainted);
  const own = variables.filter(([name]) => !CONNECTION.test(name));
  // One may be made of another that stands after it.
  for (let before = -1; before < all.size;) {
    before = all.size;
    for (const [name, value] of own) if (usesValue(value, [...all])) all.add(name);
  }
  return [...all];
}

/** All of a run, whichever host they are for. */
function variablesOf({ inventory, variables }: GivenVariables): (readonly [string, unknown])[] {
  const ofGroup = ({ hosts = {}, vars = {}, children = {} }: InventoryGroup): (readonly [string, unknown])[] => [
    ...Object.values(hosts).flatMap((own) => Object.entries(own)),
    ...Object.entries(vars),
    ...Object.values(children).flatMap(ofGroup),
  ];
  return [...Object.values(inventory).flatMap(ofGroup), ...Object.entries(variables)];
}

/** Whether a text somewhere in it asks for a value. */
function usesValue(given: unknown, tainted: readonly string[]): boolean {
  const value = given instanceof Template ? given.text : given;
  if (typeof value === "string") {
    if (LOOKUP.test(value)) return true;
    return value.includes("{{") && tainted.some((name) => new RegExp(`\\b${name}\\b`).test(value));
  }
  if (Array.isArray(value)) return value.some((inner) => usesValue(inner, tainted));
  if (!isMapping(value)) return false;
  return Object.entries(value).some(([name, inner]) => !CONNECTION.test(name) && usesValue(inner, tainted));
}

function fileNamed(value: unknown): string {
  const name = isMapping(value) ? value["file"] : value;
  return typeof name === "string" && !name.includes("{{") ? name : "";
}

function roleName(value: unknown): string {
  const name = isMapping(value) ? (value["role"] ?? value["name"]) : value;
  return typeof name === "string" && /^[\w.-]+$/.test(name) ? name : "";
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
