import { type ChildProcess, execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { createAuthority } from "../../tools/postgres/certificates.ts";
import { Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

/** What `deploy/` says is run here as far as it can be without a service manager and a container engine. */

const ROOT = resolve(import.meta.dirname, "../..");
const DEPLOY = join(ROOT, "deploy");
const HEALTH = join(DEPLOY, "health.mjs");
const EXEC = promisify(execFile);

let shell: Shell;
beforeAll(async () => {
  shell = await Shell.open();
  await (await shell.makeVault("prod")).close();
  const { certificate, key } = createAuthority().issue({ commonName: "coffre", hosts: ["vault.example.com"] });
  for (const folder of ["srv/coffre", "etc/coffre", "run/secrets"])
    await mkdir(join(shell.home, folder), { recursive: true });
  await cp(shell.vaultFile, join(shell.home, "srv/coffre/prod.db"));
  for (const [folder, vaultKey] of [
    ["etc/coffre", "prod.key"],
    ["run/secrets", "coffre.key"],
  ] as const) {
    await cp(shell.keyFile, join(shell.home, folder, vaultKey));
    await writeFile(join(shell.home, folder, "tls.pem"), certificate);
    await writeFile(join(shell.home, folder, "tls.key"), key);
  }
});
afterAll(() => shell.close());

/** The folders of the system below the test's home, and a free port of loopback in the place of everybody's. */
function moved(text: string): string {
  return text.replaceAll(/\/(srv|etc|run\/secrets)\//g, `${shell.home}/$1/`).replaceAll("0.0.0.0:8730", "127.0.0.1:0");
}

/** Starts a server as a service manager would. @returns its origin, and how it ends when it is told to */
async function serve(args: readonly string[], env: Record<string, string>) {
  const child = shell.start(args.map(moved), {
    env: { ...shell.env, ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, moved(value)])) },
  });
  const origin = await listening(child);
  return {
    origin,
    async stop(): Promise<number | null> {
      child.kill("SIGTERM");
      const [code] = (await once(child, "close")) as [number | null];
      return code;
    },
  };
}

async function listening(child: ChildProcess): Promise<string> {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk);
    const line = said.split("\n").find((each) => each.includes('"listening"'));
    if (line !== undefined) {
      child.stdout?.resume();
      return (JSON.parse(line) as { listening: string }).listening;
    }
  }
  throw new Error(said);
}

async function health(url: string): Promise<{ exitCode: number; said: string }> {
  return EXEC(process.execPath, [HEALTH], { env: { COFFRE_HEALTH_URL: url } }).then(
    () => ({ exitCode: 0, said: "" }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ exitCode: code, said: stderr }),
  );
}

describe("the systemd unit", () => {
  const text = readFileSync(join(DEPLOY, "coffre-serve.service"), "utf8");
  const settings = text.split("\n").flatMap((line) => {
    const [, name, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [{ name, value }];
  });
  const valuesOf = (name: string) => settings.filter((each) => each.name === name).map(({ value }) => value);

  test("has nothing but sections, settings and comments, and takes away what a server doesn't need", () => {
    const others = text.split("\n").filter((line) => !/^(#.*|\[(Unit|Service|Install)\]|[A-Za-z]+=.*|)$/.test(line));
    expect(others).toEqual([]);
    for (const name of ["NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictNamespaces"]) {
      expect([name, valuesOf(name)]).toEqual([name, ["yes"]]);
    }
    expect(valuesOf("ProtectSystem")).toEqual(["strict"]);
    expect(valuesOf("CapabilityBoundingSet")).toEqual([""]);
    expect(valuesOf("User")).toEqual(["coffre"]);
    expect(valuesOf("LimitCORE")).toEqual(["0"]);
  });

  test("is understood by systemd, and open to little, where systemd is installed", async () => {
    if (spawnSync("systemd-analyze", ["--version"]).status !== 0) return;
    const folder = await mkdtemp(join(tmpdir(), "coffre-unit-"));
    const unit = join(folder, "coffre-serve.service");
    await writeFile(unit, text.replace("ExecStart=/usr/local/bin/coffre", `ExecStart=${process.execPath}`));
    const verified = await EXEC("systemd-analyze", ["verify", "--man=no", unit]);
    expect(verified.stdout + verified.stderr).toBe("");
    const { stdout } = await EXEC("systemd-analyze", ["security", "--offline=true", "--no-pager", unit]);
    expect(Number(/exposure level for .*: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(1.5);
    await rm(folder, { recursive: true });
  });

  test("starts a server that its health check finds ready, and that ends as the unit expects", async () => {
    const [command = ""] = valuesOf("ExecStart");
    const [program, ...args] = command.split(" ");
    expect(program).toBe("/usr/local/bin/coffre");
    const env = Object.fromEntries(valuesOf("Environment").map((pair) => pair.split("=") as [string, string]));
    const server = await serve(args, env);
    expect(server.origin).toMatch(/^https:/);
    expect(await health(`${server.origin}/readyz`)).toEqual({ exitCode: 0, said: "" });
    expect((await health(`${server.origin}/elsewhere`)).exitCode).toBe(1);
    expect(valuesOf("SuccessExitStatus")).toEqual([String(await server.stop())]);
    expect(await health(`${server.origin}/readyz`)).toEqual({
      exitCode: 1,
      said: `${server.origin} isn't ready: ECONNREFUSED\n`,
    });
  });
});

describe("the container file", () => {
  /** Its instructions, with lines that go on put together. */
  const instructions = readFileSync(join(DEPLOY, "Containerfile"), "utf8")
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll("\\\n", "")
    .split("\n")
    .flatMap((line) => {
      const [, name, value] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [{ name, value }];
    });
  const lastStage = instructions.slice(instructions.findLastIndex(({ name }) => name === "FROM"));
  const valueOf = (wanted: string) => lastStage.findLast(({ name }) => name === wanted)?.value ?? "";
  const environment = Object.fromEntries(
    valueOf("ENV")
      .split(/\s+/)
      .map((pair) => pair.split("=") as [string, string]),
  );

  test("stands on the Node of this checkout, by its version, and runs as nobody in particular", () => {
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      devDependencies: Record<string, string>;
    };
    expect(instructions[0]).toEqual({ name: "ARG", value: `NODE_VERSION=${devDependencies["node"]}` });
    for (const { value } of instructions.filter(({ name }) => name === "FROM"))
      expect(value).toContain(":${NODE_VERSION}-");
    expect(valueOf("USER")).toBe("10001:10001");
    expect(instructions.filter(({ name }) => name === "ADD")).toEqual([]);
  });

  test("copies what is there, and only what its ignore file lets through", () => {
    const allowed = readFileSync(join(DEPLOY, "Containerfile.dockerignore"), "utf8").split("\n");
    const copied = instructions
      .filter(({ name, value }) => name === "COPY" && !value.startsWith("--from"))
      .flatMap(({ value }) => value.split(" ").slice(0, -1));
    for (const path of copied)
      expect([path, existsSync(join(ROOT, path)), allowed.includes(`!${path}`)]).toEqual([path, true, true]);
    expect(copied.map((path) => `!${path}`).sort()).toEqual(allowed.filter((line) => line.startsWith("!")).sort());
  });

  test("has commands that a shell understands, and builds with what it has copied", async () => {
    const commands = instructions.filter(({ name }) => name === "RUN").map(({ value }) => value);
    for (const command of commands) await EXEC("sh", ["-nc", command]);
    const compile = commands.find((command) => command.includes("tsc")) ?? "";
    // The same programs from the same files; where it writes is the only other thing.
    const folder = await mkdtemp(join(tmpdir(), "coffre-build-"));
    for (const path of ["package.json", "tsconfig.json", "provider"])
      await cp(join(ROOT, path), join(folder, path), { recursive: true });
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const { stdout } = await EXEC("sh", ["-c", `${compile} --showConfig`], {
      cwd: folder,
      maxBuffer: 16 * 1024 * 1024,
    });
    expect(stdout).toContain("./provider/cli/main.ts");
    await rm(folder, { recursive: true });
  });

  test("has a command that serves from what is in the image, with a health check that finds it ready", async () => {
    const image = await mkdtemp(join(tmpdir(), "coffre-image-"));
    for (const path of ["package.json", "bin", "dist"])
      await cp(join(ROOT, path), join(image, path), { recursive: true });
    await symlink(join(ROOT, "node_modules"), join(image, "node_modules"));
    const version = await EXEC(process.execPath, [join(image, "bin/coffre.js"), "--version"]);
    expect(version.stdout).toMatch(/^\d/);
    await rm(image, { recursive: true });

    expect(JSON.parse(valueOf("ENTRYPOINT"))).toEqual(["coffre"]);
    const server = await serve(JSON.parse(valueOf("CMD")) as string[], environment);
    const check = JSON.parse(valueOf("HEALTHCHECK").replace(/^.* CMD /, "")) as string[];
    expect(check[1]?.replace("/opt/coffre", DEPLOY)).toBe(HEALTH);
    expect(statSync(HEALTH).isFile()).toBe(true);
    expect(await health(`${server.origin}/readyz`)).toEqual({ exitCode: 0, said: "" });
    expect(await server.stop()).toBe(143);
  });
});
