import { randomBytes } from "node:crypto";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Secret } from "../../provider/core/secret.js";
import type { Vault } from "../../provider/vault/port.js";
import type { EngineProcess, PulumiProject, StateResource } from "../fixtures/pulumi-project.ts";
import { createProject } from "../fixtures/pulumi-project.ts";
import { IMPORTS } from "../stack/harness.ts";
import type { EnginePoint } from "./engine-point.ts";
import { findWay } from "../../tools/linux-hosts/hosts.ts";
import { LinuxSystem } from "./linux-system.ts";
import { Proxy } from "./proxy.ts";
import type { Outcome } from "./run-point.ts";
import type { TargetKind } from "./scenarios.ts";
import type { System } from "./system.ts";
import { type Fault, Watch } from "./watch.ts";
import { configurationOf, VAULT_NAME } from "./vaults.ts";
import type { World } from "./world.ts";

/** How often the vault's log is looked at for the moment of a kill. */
const LOOK_MS = 2;

interface LaneTarget {
  kind: TargetKind;
  description: Record<string, unknown>;
}

/** One project whose `up` is killed again and again: first while its credential is made, then in rotations. */
export class EngineLane {
  readonly #project: PulumiProject;
  readonly #vault: Vault;
  readonly #proxy: Proxy;
  /** Before the vault, if that is a server. */
  readonly #vaultProxy: Proxy | undefined;
  readonly #system: System;
  readonly #user: string;
  /** What the program declares of the target, beside where it is. */
  readonly #target: LaneTarget;
  #trigger = 0;

  private constructor(
    project: PulumiProject,
    { vault, vaultProxy, proxy }: { vault: Vault; vaultProxy: Proxy | undefined; proxy: Proxy },
    account: { system: System; user: string; target: LaneTarget },
  ) {
    this.#project = project;
    this.#vault = vault;
    this.#vaultProxy = vaultProxy;
    this.#proxy = proxy;
    this.#system = account.system;
    this.#user = account.user;
    this.#target = account.target;
  }

  /** @param number every third one sets an account of a machine; of the others every second has its admin in the vault */
  static async create(world: World, number: number): Promise<EngineLane> {
    const project = await createProject({ program: IMPORTS, name: `crash${number}` });
    const { vault, opening, address } = await world.vaults.make(project.folder);
    const vaultProxy = address && (await Proxy.start(address));
    const { url, env } = configurationOf(opening, vaultProxy?.port);
    Object.assign(project.env, env);
    await project.setConfig("coffre:url", url);
    const isLinux = number % 3 === 2 && findWay().way !== "stand-in";
    const system = isLinux ? await LinuxSystem.start(world) : world.database;
    const proxy = await Proxy.start(system.address);
    const byFile = { admin: { username: "crash_admin", passwordFile: world.adminFile } };
    const admin = number % 2 === 1 ? { adminRef: await addAdmin(world, vault) } : byFile;
    const target =
      system instanceof LinuxSystem
        ? { kind: "linux" as const, description: { hostKey: system.hostKey, ...system.byKey } }
        : { kind: "postgres" as const, description: admin };
    return new EngineLane(project, { vault, vaultProxy, proxy }, { system, user: `engine_${number}`, target });
  }

  /** Of what kind its account is. */
  get target(): TargetKind {
    return this.#target.kind;
  }

  /** Cuts one `up` off, cancels and refreshes as a person would, and lets an ordinary `up` follow. */
  async run(point: EnginePoint): Promise<Outcome> {
    const project = this.#project;
    this.#trigger += 1;
    await project.setProgram(this.#program());
    const refusedBefore = await this.#system.refusedLogins(this.#user);
    const wasCut = await this.#upAndKill(point);
    const watch = await this.#watch();
    // While a plugin lives on, vault and server can't be looked at in one moment.
    if (point.kill === "tree") await watch?.invariant("after the kill");
    const faults = await this.#goOn(point);
    const refused = (await this.#system.refusedLogins(this.#user)) - refusedBefore;
    const last = watch ?? (await this.#watch());
    if (last) await last.end();
    else faults.push({ what: "unfinished", detail: "there is no entry" });
    faults.push(...(last?.faults ?? []), ...(await this.#stateFaults()));
    return { faults, refused, wasCut };
  }

  async close(): Promise<void> {
    await this.#vault.close();
    await this.#project.remove();
    await this.#proxy.close();
    await this.#vaultProxy?.close();
    await this.#system.close();
  }

  #program(): string {
    const { kind, description } = this.#target;
    const target = { host: "127.0.0.1", port: this.#proxy.port, ...description, account: { create: true } };
    return `import * as coffre from "coffre";
new coffre.Credential("orders", {
  username: ${JSON.stringify(this.#user)},
  target: coffre.${kind}(${JSON.stringify(target)}),
  rotateWhenChanged: { n: "${this.#trigger}" },
});
`;
  }

  /** @returns whether it died before it was done */
  async #upAndKill(point: EnginePoint): Promise<boolean> {
    const project = this.#project;
    const up = project.start(["up", "--yes", "--skip-preview"]);
    const kill = () => killNow(up, project, point.kill);
    const ended = new AbortController();
    const watching =
      "event" in point.at
        ? this.#onEvent(point.at.event, kill, ended.signal)
        : this.#onPiece(point.at, kill, ended.signal);
    const { signal } = await up;
    ended.abort();
    await watching;
    for (const proxy of [this.#proxy, this.#vaultProxy]) if (proxy) proxy.watcher = {};
    if (point.kill === "tree") await goneAll(project);
    return signal === "SIGKILL";
  }

  #onPiece(
    { piece: number, of }: { piece: number; of: "system" | "vault" },
    kill: () => Promise<void>,
    ended: AbortSignal,
  ): Promise<void> {
    const proxy = of === "vault" ? this.#vaultProxy : this.#proxy;
    if (!proxy) throw new Error("the vault has no traffic");
    const from = proxy.pieces;
    return new Promise((resolve) => {
      ended.addEventListener("abort", () => resolve(), { once: true });
      proxy.watcher = {
        before: (piece) => {
          if (piece.number === from + number) void kill().then(resolve);
          return "pass";
        },
      };
    });
  }

  async #onEvent(action: string, kill: () => Promise<void>, ended: AbortSignal): Promise<void> {
    let { head } = await this.#vault.identity();
    while (!ended.aborted) {
      for await (const event of this.#vault.listEvents({ after: head })) {
        head = event.seq;
        if (event.action === action) return kill();
      }
      await delay(LOOK_MS);
    }
  }

  async #goOn({ refreshBetween }: EnginePoint): Promise<Fault[]> {
    const project = this.#project;
    await removeEmptyAttributes(project);
    if (await isLocked(project)) await project.run(["cancel", "--yes"]);
    if (refreshBetween) {
      const refresh = await project.refresh(["--run-program=false"]);
      if (refresh.exitCode !== 0)
        return [{ what: "unfinished", detail: `refresh failed: ${refresh.stdout}${refresh.stderr}` }];
    }
    const up = await project.up();
    if (up.exitCode === 0) return [];
    return [{ what: "unfinished", detail: `the next up failed: ${up.stdout}${up.stderr}` }];
  }

  /** The entry as it is expected in the end; `undefined` before it is made. */
  async #watch(): Promise<Watch | undefined> {
    const credential = await this.#vault.findCredential(["orders"]);
    if (!credential) return undefined;
    // Causes are digests; that each has one version shows in the number of versions.
    const watched = { id: credential.id, user: this.#user, causes: [], versions: this.#trigger };
    return new Watch(this.#vault, this.#system, [watched]);
  }

  async #stateFaults(): Promise<Fault[]> {
    const project = this.#project;
    const faults: Fault[] = [];
    // The engine's own format; read from its file, since the engine takes half a second to print it.
    const { checkpoint } = JSON.parse(await project.stateText()) as {
      checkpoint: { latest: { resources: StateResource[] } };
    };
    const found = checkpoint.latest.resources.filter(({ urn }) => urn.endsWith("::orders"));
    if (found.length !== 1)
      faults.push({ what: "doubled", detail: `the state has the credential ${found.length} times` });
    for (const { outputs, initErrors } of found) {
      if (outputs?.["status"] === "done" && outputs["currentVersion"] === this.#trigger && !initErrors?.length)
        continue;
      const { status, currentVersion } = outputs ?? {};
      faults.push({ what: "unfinished", detail: `the state says ${JSON.stringify({ status, currentVersion })}` });
    }
    let entries = 0;
    for (const archived of [false, true]) {
      for await (const { username } of this.#vault.listCredentials({ archived }))
        if (username === this.#user) entries += 1;
    }
    if (entries !== 1) faults.push({ what: "doubled", detail: `the vault has ${entries} entries for ${this.#user}` });
    return faults;
  }
}

async function addAdmin(world: World, vault: Vault): Promise<string> {
  const password = (await readFile(world.adminFile, "utf8")).trim();
  const name = `admin-${randomBytes(3).toString("hex")}`;
  const initial = { value: new Secret(password), causes: [] };
  const [admin] = await vault.createCredentials([{ name, categoryId: null, username: "crash_admin", initial }]);
  if (!admin) throw new Error("the vault made no admin");
  return `coffre://${VAULT_NAME}/id/${admin.id}`;
}

async function killNow(up: EngineProcess, project: PulumiProject, what: EnginePoint["kill"]): Promise<void> {
  up.kill("SIGKILL");
  if (what === "tree") await endLeftovers(project);
}

async function endLeftovers(project: PulumiProject): Promise<number> {
  const pids = await project.leftovers();
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended in the meantime.
    }
  }
  return pids.length;
}

/** Ends what is left until nothing is: a process may have been about to start another. */
async function goneAll(project: PulumiProject): Promise<void> {
  while ((await endLeftovers(project)) > 0) await delay(20);
}

/**
 * The engine's file backend writes a small `.attrs` beside each file of the state. A kill within that write leaves it
 * empty, and each command then ends with "failed to load checkpoint: EOF" until somebody removes it (docs/operation.md).
 */
async function removeEmptyAttributes(project: PulumiProject): Promise<void> {
  const folder = join(project.stateFolder, ".pulumi");
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    if (name.endsWith(".attrs") && (await stat(path)).size === 0) await rm(path);
  }
}

async function isLocked(project: PulumiProject): Promise<boolean> {
  const entries = await readdir(join(project.stateFolder, ".pulumi/locks"), { recursive: true }).catch(() => []);
  return entries.some((name) => name.endsWith(".json"));
}
