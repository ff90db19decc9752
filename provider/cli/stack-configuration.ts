import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { yaml } from "../config/yaml.js";

/** The `coffre:` settings of a Pulumi stack, read from its file without the engine. */
export interface StackConfiguration {
  /** With their namespace: `coffre:url`. Encrypted ones are left out: only the engine can open them. */
  values: Record<string, string>;
  /** The file that they come from; `undefined` outside a project, or if it can't be told which stack is meant. */
  file: string | undefined;
}

const NOTHING: StackConfiguration = { values: {}, file: undefined };

/**
 * The settings of {@link readStackConfiguration}. Where no stack of the project has any, nothing is parsed: that takes longer than
 * all else that many commands do.
 */
export function readStackSettings(
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const project = findProject(cwd);
  if (project === undefined || !mayHaveSettings(dirname(project))) return {};
  return readStackConfiguration(cwd, env).values;
}

/** Whether the file of any stack has our namespace in it, or can't be looked at here. */
function mayHaveSettings(folder: string): boolean {
  try {
    return stackFiles(folder).some((name) => readFileSync(join(folder, name)).includes("coffre:"));
  } catch {
    return true;
  }
}

/**
 * The configuration of the stack that is selected in the project around `cwd`, so that commands see the vault that the
 * program uses: `PULUMI_STACK`, else the one that `pulumi stack select` chose, else the only one there is. Read leniently:
 * a file that Pulumi itself would refuse holds no settings.
 */
export function readStackConfiguration(
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
): StackConfiguration {
  const project = findProject(cwd);
  if (project === undefined) return NOTHING;
  const stack = env["PULUMI_STACK"] || selectedStack(project, env) || onlyStack(dirname(project));
  if (stack === undefined) return NOTHING;
  // `organization/project/dev` and `dev` have one file.
  const file = join(dirname(project), `Pulumi.${stack.split("/").at(-1) ?? stack}.yaml`);
  const content = readYaml(file);
  if (!isObject(content)) return NOTHING;
  const config = isObject(content["config"]) ? content["config"] : {};
  const ours = Object.entries(config).filter(([name]) => name.startsWith("coffre:"));
  // What was set by `--path` stands there as an object, and is handed over as the engine does it: as JSON.
  const values = ours.flatMap(([name, value]): [string, string][] => {
    if (isObject(value)) return "secure" in value ? [] : [[name, JSON.stringify(value)]];
    return ["string", "number", "boolean"].includes(typeof value) ? [[name, String(value)]] : [];
  });
  return { values: Object.fromEntries(values), file };
}

function findProject(cwd: string): string | undefined {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const found = ["Pulumi.yaml", "Pulumi.yml"].map((name) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined || folder === dirname(folder)) return found;
  }
}

/** What `pulumi stack select` remembers, in a file of the user's named after the project and its place. */
function selectedStack(project: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const content = readYaml(project);
  if (!isObject(content) || typeof content["name"] !== "string") return undefined;
  const home = env["PULUMI_HOME"] || join(env["HOME"] || homedir(), ".pulumi");
  // Not imported, as in core/id.ts: most commands run in no project, and hash nothing else.
  const { createHash } = process.getBuiltinModule("node:crypto");
  const place = createHash("sha1").update(project).digest("hex");
  const remembered = readYaml(join(home, "workspaces", `${content["name"]}-${place}-workspace.json`));
  return isObject(remembered) && typeof remembered["stack"] === "string" ? remembered["stack"] : undefined;
}

function onlyStack(folder: string): string | undefined {
  const [only, ...others] = stackFiles(folder);
  return others.length === 0 ? only?.slice("Pulumi.".length, -".yaml".length) : undefined;
}

function stackFiles(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^Pulumi\.[\w.-]+\.yaml$/.test(name));
}

function readYaml(path: string): unknown {
  try {
    return yaml().parse(readFileSync(path, "utf8"), { logLevel: "silent" });
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
