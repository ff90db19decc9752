import { access, constants } from "node:fs/promises";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { AnsibleError } from "./errors.js";
import { RUN_VARIABLE } from "./guard.js";
import type { RunOptions } from "./options.js";
import type { PrivateData } from "./private-data.js";

/** The collection, as it comes with this package. */
const OWN_COLLECTIONS = resolve(import.meta.dirname, "../../ansible");
const PROGRAMS = ["ansible-runner", "ansible-playbook"];
const PASSED_ON = ["PATH", "HOME", "LANG"];

/** @returns PATH for the run, on which the programs come first. @throws AnsibleError not-installed */
export async function findPrograms({ binFolder }: RunOptions): Promise<string> {
  const path = process.env["PATH"] ?? "";
  const folders = binFolder === undefined ? path.split(delimiter).filter((folder) => folder !== "") : [binFolder];
  const missing: string[] = [];
  let found: string | undefined;
  for (const program of PROGRAMS) {
    const at = await firstWith(folders, program);
    if (at === undefined) missing.push(program);
    else found ??= at;
  }
  if (missing.length > 0 || found === undefined) {
    const where = binFolder ?? "PATH";
    throw new AnsibleError("not-installed", `${missing.join(" and ")} can't be found in ${where}`);
  }
  return [found, path].join(delimiter);
}

async function firstWith(folders: readonly string[], program: string): Promise<string | undefined> {
  for (const folder of folders) {
    const there = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return folder;
  }
  return undefined;
}

/** What the runner is called with. */
export function argumentsFor(options: RunOptions, { folder }: PrivateData): string[] {
  const { playbook, check, forks, limit, verbosity } = options;
  const flags = [
    ...(check ? ["--check"] : []),
    ...(verbosity > 0 ? [`-${"v".repeat(verbosity)}`] : []),
    ...(limit === undefined ? [] : ["--limit", quoted(limit)]),
  ];
  return [
    "run",
    folder,
    ...["--project-dir", dirname(playbook), "-p", basename(playbook)],
    ...["--inventory", join(folder, "inventory", "hosts.yml"), "-i", "run", "-j"],
    ...(forks === undefined ? [] : ["--forks", String(forks)]),
    ...(flags.length === 0 ? [] : [`--cmdline=${flags.join(" ")}`]),
    ...["--artifact-dir", join(folder, "artifacts")],
  ];
}

/** One word of a shell's line, as the runner takes it apart. */
const quoted = (word: string) => `'${word.replaceAll("'", `'"'"'`)}'`;

/** All that the run gets of an environment. */
export function environmentFor(
  { agent, collections, environment }: RunOptions,
  { home, temporary, knownHosts }: PrivateData,
  { name, path }: { name: string; path: string },
): Record<string, string> {
  const own = Object.fromEntries(
    PASSED_ON.flatMap((variable) => (process.env[variable] === undefined ? [] : [[variable, process.env[variable]]])),
  ) as Record<string, string>; // only those that are set
  const socket = agent ?? process.env["COFFRE_AGENT"];
  const trusted = [
    "StrictHostKeyChecking=yes",
    `UserKnownHostsFile=${knownHosts ?? ""}`,
    "GlobalKnownHostsFile=/dev/null",
  ];
  return {
    LANG: "C.UTF-8",
    ...own,
    ANSIBLE_HOME: home,
    ANSIBLE_LOCAL_TEMP: temporary,
    // Connections that stay open, which another run must not find: it would be let in without its password.
    ANSIBLE_SSH_CONTROL_PATH_DIR: join(home, "cp"),
    TMPDIR: temporary,
    ANSIBLE_RETRY_FILES_ENABLED: "0",
    ANSIBLE_NOCOWS: "1",
    PYTHONDONTWRITEBYTECODE: "1",
    // Else Ansible writes each module with its arguments, values too, into a file before it runs it.
    ANSIBLE_PIPELINING: "1",
    ANSIBLE_COLLECTIONS_PATH: [...collections, OWN_COLLECTIONS].join(delimiter),
    ...(knownHosts === undefined ? {} : { ANSIBLE_SSH_COMMON_ARGS: trusted.map((option) => `-o ${option}`).join(" ") }),
    ...(socket === undefined || socket === "" ? {} : { COFFRE_AGENT: socket }),
    ...environment,
    PATH: path,
    [RUN_VARIABLE]: name,
  };
}
