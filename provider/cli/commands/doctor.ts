import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { promisify } from "node:util";
import {
  type Configuration,
  type LockselfUrl,
  type RemoteUrl,
  type ServerUrl,
  type SettingName,
  userConfigurationPath,
} from "../../config/index.js";
import type { Check, CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { errorShape } from "../error-shape.js";
import { dateText } from "../describe.js";
import { columns } from "../table.js";
import { readStackConfiguration } from "../stack-configuration.js";

const ENGINE_TIMEOUT_MS = 20_000;
const OTHERS = 0o007;
const OTHERS_WRITE = 0o002;
/** What targets may name, by folders that this machine's environment allows. */
const ALLOWED = [
  { check: "commands", variable: "COFFRE_COMMANDS", noun: "program", who: "targets and hooks" },
  { check: "playbooks", variable: "COFFRE_PLAYBOOKS", noun: "playbook", who: "targets" },
];

export const doctor: CommandDefinition = {
  name: "doctor",
  summary: "show which vault, key and settings are in force, and whether they work",
  description: [
    "Shows every setting with the place where its value comes from, and tries what it can without touching a target: the vault's file, its permissions, whether the key opens it, whether an older copy of it would be noticed, Node's version, the Pulumi engine, which folders' programs and playbooks may run (`COFFRE_COMMANDS`, `COFFRE_PLAYBOOKS`). It prints no secret; its output can be pasted into a report.",
  ],
  examples: [
    { command: "coffre doctor", does: "why does this shell use that vault?" },
    { command: "coffre --vault file:///srv/coffre/prod.db doctor", does: "would this one open?" },
  ],
  json: "An object: `ok`, `settings` (`setting`, `value`, `source`) and `checks` (`check`, `ok`, `detail`, `hint`).",
  exits: [{ code: 1, when: "a check failed" }],
  async run(context) {
    const checks: Check[] = [{ check: "node", ok: true, detail: process.version }];
    let configuration: Configuration | undefined;
    try {
      configuration = context.configuration();
    } catch (error) {
      checks.push(failed("configuration", error));
    }
    if (configuration) checks.push(...(await checkVault(context, configuration)));
    checks.push(await checkEngine());
    for (const allowed of ALLOWED) checks.push(await checkFolder(allowed, context.env));
    const settings = configuration ? settingsOf(configuration) : [];
    const ok = checks.every((check) => check.ok !== false);

    const { terminal } = context;
    if (context.json) {
      const shapes = checks.map((check) => ({ ...check, ok: check.ok ?? null, hint: check.hint ?? null }));
      terminal.json({ ok, settings, checks: shapes });
      return ok ? 0 : 1;
    }
    const stackFile = readStackConfiguration(process.cwd(), context.env).file;
    for (const line of columns(settings.map(({ setting, value, source }) => [setting, value, `from ${source}`]))) {
      terminal.print(line);
    }
    terminal.print(`stack configuration: ${stackFile ?? "none (no Pulumi.yaml, or no stack selected)"}`);
    terminal.print(`user's configuration: ${userConfigurationPath(context.env)}`);
    terminal.print();
    for (const { check, ok: passed, detail, hint } of checks) {
      const word =
        passed === undefined ? "note  " : passed ? terminal.style("green", "ok    ") : terminal.style("red", "failed");
      terminal.print(`${word}  ${check}: ${detail}`);
      if (hint !== undefined) terminal.print(`        ${hint}`);
    }
    return ok ? 0 : 1;
  },
};

function settingsOf(configuration: Configuration): { setting: string; value: string; source: string }[] {
  const {
    url,
    rootCategory,
    previewReads,
    rotateDue,
    verifyOnRefresh,
    onDrift,
    owner,
    key,
    transitKey,
    token,
    lockself,
  } = configuration;
  const values: Partial<Record<SettingName, string>> = {
    ...(url ? { url: url.href } : {}),
    ...(transitKey ? { transitKey: transitKey.href } : {}),
    rootCategory: rootCategory.length === 0 ? "" : rootCategory.join("/"),
    previewReads: String(previewReads),
    rotateDue: String(rotateDue),
    verifyOnRefresh: String(verifyOnRefresh),
    onDrift,
    ...(owner === undefined ? {} : { owner }),
  };
  for (const secret of [key, token, lockself.authToken, lockself.lsToken]) {
    if (secret === undefined) continue;
    const { kind, file } = secret;
    if (file === undefined) values[kind] = "[secret]";
    else values[`${kind}File`] = file;
  }
  // The keys of `sources` are settings; only Object.entries forgets it.
  const sources = Object.entries(configuration.sources) as [SettingName, string][];
  return sources.map(([setting, source]) => ({ setting, value: values[setting] ?? "[set]", source }));
}

async function checkVault(context: CommandContext, configuration: Configuration): Promise<Check[]> {
  const { url, agent } = configuration;
  if (url === undefined && agent === undefined) {
    const hint = "Give --vault, set COFFRE_URL, or make a vault: `coffre vault init`.";
    return [{ check: "vault", ok: false, detail: "none is configured", hint }];
  }
  const checks: Check[] = [];
  if (url?.path !== undefined) checks.push(...(await checkFile(url.path, configuration)));
  else if (url) checks.push(serverCheck(url, configuration));
  try {
    const vault = await context.vault();
    if (agent !== undefined) checks.push({ check: "agent", ok: undefined, detail: agentText(agent, context) });
    const { name, id, head, restoreCounter } = await vault.identity();
    const restored = restoreCounter === 0 ? "" : `, restored at ${dateText(new Date(restoreCounter * 1000))}`;
    const event = vault.capabilities.events === "own" ? `; event ${String(head)}` : "";
    checks.push({ check: "vault", ok: true, detail: `${name} (${id}) opens${event}${restored}` });
    checks.push(await context.checkWitness());
  } catch (error) {
    checks.push(failed("vault", error));
  }
  return checks;
}

function agentText(socket: string, { throughAgent }: CommandContext): string {
  return throughAgent
    ? `the one on ${socket} (COFFRE_AGENT) answers for the vault`
    : `the one on ${socket} (COFFRE_AGENT) stands for another vault; this one is opened without it`;
}

function serverCheck(url: ServerUrl | LockselfUrl | RemoteUrl, { token, lockself }: Configuration): Check {
  if (!("space" in url)) return loginCheck(url, token);
  const sources = [lockself.authToken, lockself.lsToken].map((one) => one?.source ?? "nowhere");
  return { check: "login", ok: undefined, detail: `by two tokens at ${url.origin}, from ${sources.join(" and ")}` };
}

function loginCheck(
  { origin, login }: { origin: string; login: { by: ServerUrl["login"]["by"] } },
  token: Configuration["token"],
): Check {
  const secret = token ? `with the secret from ${token.source}` : "without a secret";
  return { check: "login", ok: undefined, detail: `by ${login.by} at ${origin}, ${secret}` };
}

async function checkFile(path: string, { key, transitKey, token }: Configuration): Promise<Check[]> {
  const checks: Check[] = [];
  const mode = await stat(path).then(
    ({ mode }) => mode & 0o777,
    () => undefined,
  );
  if (mode !== undefined) {
    const open = process.platform !== "win32" && (mode & OTHERS) !== 0;
    const octal = mode.toString(8).padStart(4, "0");
    checks.push({
      check: "file",
      ok: !open,
      detail: `${path}, mode ${octal}`,
      ...(open ? { hint: `Everybody may copy it; it is sealed, but: chmod 600 ${path}` } : {}),
    });
  }
  if (transitKey) {
    checks.push({ check: "key", ok: undefined, detail: `the transit key ${transitKey.key} of ${transitKey.mount}` });
    checks.push(loginCheck(transitKey, token));
    return checks;
  }
  checks.push(
    key === undefined
      ? { check: "key", ok: undefined, detail: "none is configured; a passphrase is asked for where somebody sits" }
      : { check: "key", ok: undefined, detail: `${key.kind === "key" ? "a key" : "a passphrase"} from ${key.source}` },
  );
  return checks;
}

async function checkEngine(): Promise<Check> {
  try {
    const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
    const { stdout } = await promisify(execFile)("pulumi", ["version"], { timeout: ENGINE_TIMEOUT_MS, env });
    return { check: "engine", ok: true, detail: `pulumi ${stdout.trim()}` };
  } catch {
    return { check: "engine", ok: undefined, detail: "no `pulumi` on PATH; the commands of coffre need none" };
  }
}

/** What may run on this machine. */
async function checkFolder(
  { check, variable, noun, who }: (typeof ALLOWED)[number],
  env: NodeJS.ProcessEnv,
): Promise<Check> {
  const folder = env[variable];
  if (folder === undefined || folder === "") {
    return { check, ok: undefined, detail: `${variable} isn't set: ${who} run no ${noun} here` };
  }
  const found = isAbsolute(folder) ? await stat(folder).catch(() => undefined) : undefined;
  if (found?.isDirectory() === true && (found.mode & OTHERS_WRITE) === 0) {
    return { check, ok: true, detail: `${variable} allows the ${noun}s of ${folder}` };
  }
  const hint = "Name a folder by its whole path that only its owner may write.";
  return { check, ok: false, detail: `${variable} names ${folder}, of which no ${noun} is run`, hint };
}

function failed(check: string, error: unknown): Check {
  const { problem, hint } = errorShape(error);
  return { check, ok: false, detail: problem, ...(hint === null ? {} : { hint }) };
}
