import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../servers/guarded.ts";
import { findServerBinary } from "./binary.ts";

const START_MS = 30_000;
const MOUNT_MS = 10_000;
const STOP_MS = 5_000;

/** A request of the server's own API, as its root. */
export interface ApiAnswer {
  status: number;
  // The server's own JSON, as tests ask it.
  body: { data?: Record<string, unknown>; auth?: { client_token: string }; [key: string]: unknown };
}

/** Starts a server in its folder: a shell holds our end of a pipe; when that closes, it ends the server and removes the folder. */
export function spawnVault(command: readonly string[], folder: string, env: Record<string, string> = {}): ChildProcess {
  const guard =
    'exec 3<&0; "$@" </dev/null >server.log 2>&1 & server=$!; { read -r _ <&3; kill -KILL $server; folder=$PWD; cd /; rm -rf "$folder"; } & wait $server';
  const child = spawn("/bin/sh", ["-c", guard, "sh", ...command], {
    cwd: folder,
    env: { PATH: "/usr/bin:/bin", HOME: folder, BAO_LOG_LEVEL: "warn", VAULT_LOG_LEVEL: "warn", ...env },
    stdio: ["pipe", "ignore", "ignore"],
    detached: true, // a Ctrl-C for us is none for the server
  });
  child.unref();
  (child.stdin as { unref?: () => void } | null)?.unref?.();
  return child;
}

/**
 * A real OpenBao or HashiCorp Vault in development mode on loopback: unsealed, in memory, gone when it is stopped. It
 * ends with this process, even if that is killed.
 */
export class VaultServer {
  readonly origin: string;
  rootToken: string;
  /** `OpenBao 2.7.2`: which one ran. */
  readonly version: string;
  protected child: ChildProcess;
  protected readonly folder: string;

  protected constructor(child: ChildProcess, folder: string, origin: string, rootToken: string, version: string) {
    this.child = child;
    this.folder = folder;
    this.origin = origin;
    this.rootToken = rootToken;
    this.version = version;
  }

  /** @throws Error with the last lines of its log if it doesn't serve */
  static async start(say: (line: string) => void = () => undefined): Promise<VaultServer> {
    const binary = await findServerBinary(say);
    const folder = await mkdtemp(join(tmpdir(), "coffre-openbao-"));
    const port = await freePort();
    const rootToken = `root-${randomBytes(12).toString("hex")}`;
    const log = join(folder, "server.log");
    const options = ["-dev", "-dev-no-store-token", `-dev-listen-address=127.0.0.1:${port}`];
    const child = spawnVault([binary, "server", ...options], folder, {
      BAO_DEV_ROOT_TOKEN_ID: rootToken,
      VAULT_DEV_ROOT_TOKEN_ID: rootToken,
    });
    const origin = `http://127.0.0.1:${port}`;
    const until = Date.now() + START_MS;
    while (Date.now() < until && child.exitCode === null) {
      const health = await fetch(`${origin}/v1/sys/health`).catch(() => undefined);
      if (health?.ok === true) {
        const { version } = (await health.json()) as { version: string };
        const name = `${binary.endsWith("vault") ? "HashiCorp Vault" : "OpenBao"} ${version}`;
        return new VaultServer(child, folder, origin, rootToken, name);
      }
      await delay(25);
    }
    const said = await readFile(log, "utf8").catch(() => "");
    throw new Error(`${binary} didn't serve on ${origin}:\n${said.split("\n").slice(-12).join("\n")}`);
  }

  /** Asks the server itself, as root unless another token is given. */
  async api(method: string, path: string, body?: object, token = this.rootToken): Promise<ApiAnswer> {
    const answer = await fetch(`${this.origin}/v1/${path}`, {
      method,
      headers: { "x-vault-token": token, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === "" ? {} : (JSON.parse(text) as ApiAnswer["body"]) };
  }

  /** Makes a mount with a new name. @param options of the engine; default KV version 2 */
  async mount(options: { version?: "1" | "2"; config?: Record<string, unknown> } = {}): Promise<string> {
    const { version = "2", config } = options;
    const mount = `kv-${randomBytes(6).toString("hex")}`;
    await this.#must("POST", `sys/mounts/${mount}`, { type: "kv", options: { version } });
    if (version === "2") await this.#untilVersioned(mount, config ?? {});
    return mount;
  }

  /** A token with exactly this policy's text. */
  async token(policy: string, more: Record<string, unknown> = {}): Promise<string> {
    const name = `policy-${randomBytes(6).toString("hex")}`;
    await this.#must("POST", `sys/policies/acl/${name}`, { policy });
    const { body } = await this.#must("POST", "auth/token/create", { policies: [name], ...more });
    return body.auth?.client_token ?? "";
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.stdin?.end();
    this.child.stdin?.destroy();
    this.child.ref(); // else a program that waits for nothing more ends here
    if (this.child.exitCode === null) await Promise.race([ended, delay(STOP_MS, undefined, { ref: false })]);
    this.child.unref();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #must(method: string, path: string, body: object): Promise<ApiAnswer> {
    const answer = await this.api(method, path, body);
    if (answer.status < 300) return answer;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  /** A new mount answers for a moment that it is being upgraded. */
  async #untilVersioned(mount: string, config: object): Promise<void> {
    const until = Date.now() + MOUNT_MS;
    for (;;) {
      const { status, body } = await this.api("POST", `${mount}/config`, config);
      if (status < 300) return;
      if (Date.now() > until) throw new Error(`The mount ${mount} isn't ready: ${JSON.stringify(body)}`);
      await delay(20);
    }
  }
}
