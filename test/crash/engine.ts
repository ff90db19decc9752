import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Secret } from "../../provider/core/secret.js";
import type { Vault } from "../../provider/vault/port.js";
import type { EngineProcess, PulumiProject, StateResource } from "../fixtures/pulumi-project.ts";
import { createVaultProject, type VaultProject } from "../stack/harness.ts";
import type { EnginePoint } from "./engine-point.ts";
import { Proxy } from "./proxy.ts";
import type { Outcome } from "./run-point.ts";
import { type Fault, type Observed, Watch } from "./watch.ts";
import type { World } from "./world.ts";

/** How often the vault's log is looked at for the moment of a kill. */
const LOOK_MS = 2;
/** One project whose `up` is killed again and again: first while its credential is made, then in rotations. */
export class EngineLane {
  readonly #world: World;
  readonly #stack: VaultProject;
  readonly #vault: Vault;
  readonly #proxy: Proxy;
  readonly #role: string;
  readonly #adminRef: string | undefined;
  #trigger = 0;

  private constructor(
    world: World,
    stack: VaultProject,
    vault: Vault,
    proxy: Proxy,
    names: { role: string; adminRef?: string },
  ) {
    this.#world = world;
    this.#stack = stack;
    this.#vault = vault;
    this.#proxy = proxy;
    this.#role = names.role;
    this.#adminRef = names.adminRef;
  }

  /** @param number odd ones have their admin in the vault, even ones its password in a file */
  static async create(world: World, number: number): Promise<EngineLane> {
    const stack = await createVaultProject("", { name: `crash${number}` });
    const proxy = await Proxy.start(world.server.port);
    const vault = stack.open();
    const role = `engine_${number}`;
    const adminRef = number % 2 === 1 ? await addAdmin(world, vault, stack.vault) : undefined;
    return new EngineLane(world, stack, vault, proxy, { role, ...(adminRef === undefined ? {} : { adminRef }) });
  }

  /** Cuts one `up` off, cancels and refreshes as a person would, and lets an ordinary `up` follow. */
  async run(point: EnginePoint): Promise<Outcome> {
    const { project } = this.#stack;
    this.#trigger += 1;
    await project.setProgram(this.#program());
    const refusedBefore = await this.#world.server.refusedLogins(this.#role);
    const wasCut = await this.#upAndKill(point);
    const watch = await this.#watch();
    // While a plugin lives on, vault and server can't be looked at in one moment.
    if (point.kill === "tree") await watch?.invariant("after the kill");
    const faults = await this.#goOn(point);
    const refused = (await this.#world.server.refusedLogins(this.#role)) - refusedBefore;
    const last = watch ?? (await this.#watch());
    if (last) await last.end();
    else faults.push({ what: "unfinished", detail: "there is no entry" });
    faults.push(...(last?.faults ?? []), ...(await this.#stateFaults()));
    return { faults, refused, wasCut };
  }

  async close(): Promise<void> {
    await this.#vault.close();
    await this.#stack.project.remove();
    await this.#proxy.close();
  }

  #program(): string {
    const admin = this.#adminRef
      ? { adminRef: this.#adminRef }
      : { admin: { username: "crash_admin", passwordFile: this.#world.adminFile } };
    const target = { host: "127.0.0.1", port: this.#proxy.port, ...admin, account: { create: true } };
    return `import * as coffre from "coffre";
new coffre.Credential("orders", {
  username: ${JSON.stringify(this.#role)},
  target: coffre.postgres(${JSON.stringify(target)}),
  rotateWhenChanged: { n: "${this.#trigger}" },
});
`;
  }

  /** @returns whether it died before it was done */
  async #upAndKill(point: EnginePoint): Promise<boolean> {
    const { project } = this.#stack;
    const up = project.start(["up", "--yes", "--skip-preview"]);
    const kill = () => killNow(up, project, point.kill);
    const ended = new AbortController();
    const watching =
      "event" in point.at
        ? this.#onEvent(point.at.event, kill, ended.signal)
        : this.#onPiece(point.at.piece, kill, ended.signal);
    const { signal } = await up;
    ended.abort();
    await watching;
    this.#proxy.watcher = {};
    if (point.kill === "tree") await goneAll(project);
    return signal === "SIGKILL";
  }

  #onPiece(number: number, kill: () => Promise<void>, ended: AbortSignal): Promise<void> {
    const from = this.#proxy.pieces;
    return new Promise((resolve) => {
      ended.addEventListener("abort", () => resolve(), { once: true });
      this.#proxy.watcher = {
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
    const { project } = this.#stack;
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
    const observed: Observed = {
      vault: this.#vault,
      verifiers: (roles) => this.#world.verifiers(roles),
      logsIn: (user, password) => this.#world.logsIn(user, password),
    };
    // Causes are digests; that each has one version shows in the number of versions.
    return new Watch(observed, [{ id: credential.id, role: this.#role, causes: [], versions: this.#trigger }]);
  }

  async #stateFaults(): Promise<Fault[]> {
    const { project } = this.#stack;
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
        if (username === this.#role) entries += 1;
    }
    if (entries !== 1) faults.push({ what: "doubled", detail: `the vault has ${entries} entries for ${this.#role}` });
    return faults;
  }
}

async function addAdmin(world: World, vault: Vault, { keyFile }: { keyFile: string }): Promise<string> {
  const password = (await readFile(world.adminFile, "utf8")).trim();
  const name = `admin-${randomBytes(3).toString("hex")}`;
  const initial = { value: new Secret(password), causes: [] };
  const [admin] = await vault.createCredentials([{ name, categoryId: null, username: "crash_admin", initial }]);
  if (!admin) throw new Error(`no admin was made in the vault of ${keyFile}`);
  return `coffre://${(await vault.identity()).name}/id/${admin.id}`;
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

async function isLocked(project: PulumiProject): Promise<boolean> {
  const entries = await readdir(join(project.stateFolder, ".pulumi/locks"), { recursive: true }).catch(() => []);
  return entries.some((name) => name.endsWith(".json"));
}
