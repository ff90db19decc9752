import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { EXIT_CODES } from "../../provider/target/command/answers.js";
import { commandDriver } from "../../provider/target/command/driver.js";
import { Programs } from "./command-programs.ts";
import { until } from "./target-contract.ts";

const PASSWORD = "New/Pass+word=7 \"x\" \\ 'y'";
const ADMIN_PASSWORD = "Admins-own-9f2c";
const password = new Secret(PASSWORD);
const admin = { username: "admin", password: new Secret(ADMIN_PASSWORD), self: false };

let programs: Programs;
beforeAll(() => {
  programs = new Programs();
  programs.add("fine", "cat >/dev/null");
});
afterAll(() => programs.close());

const at = (name: string) => join(programs.folder, name);
const argv = (...words: string[]) => ({ argv: words });

function specOf(description: Record<string, unknown> = {}) {
  const declared = {
    host: "switch-1",
    port: 23,
    look: argv("fine"),
    set: argv("fine"),
    verify: argv("fine"),
    repeatable: true,
    adminRef: "coffre://prod/admin",
    ...description,
  };
  return commandDriver.parse(declared, "operator");
}

/** Sets by this script, after a look that says yes. */
async function setBy(script: string, description: Record<string, unknown> = {}) {
  const name = programs.add(`set-${crypto.randomUUID()}`, script);
  const spec = specOf({ ...description, set: argv(name) });
  const session = await commandDriver.connect(spec, admin);
  return session.set(spec, password);
}

async function verifyBy(script: string, description: Record<string, unknown> = {}, signal?: AbortSignal) {
  const name = programs.add(`verify-${crypto.randomUUID()}`, script);
  const spec = specOf({ ...description, verify: argv(name) });
  return commandDriver.verify(spec, password, spec.address, signal);
}

async function lookBy(script: string, description: Record<string, unknown> = {}): Promise<unknown> {
  const name = programs.add(`look-${crypto.randomUUID()}`, script);
  const spec = specOf({ ...description, look: argv(name) });
  try {
    return await (await commandDriver.connect(spec, admin)).look(spec);
  } catch (error) {
    return error;
  }
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${String(pid)}/status`, "utf8"));
  } catch {
    return false;
  }
};

const isWritten = (file: string) => existsSync(file) && readFileSync(file, "utf8").endsWith("\n");

describe("what a program gets", () => {
  test("is one line of JSON on standard input, and of variables the small list and what is declared", async () => {
    process.env["COFFRE_PLANTED"] = "a key";
    process.env["PULUMI_PLANTED"] = "a passphrase";
    process.env["DEVICE_NET"] = "lab";
    process.env["NOT_DECLARED"] = "mine";
    const script = `cat >'${at("seen")}'; env >'${at("env")}'; echo "$@" >'${at("args")}'; pwd >'${at("cwd")}'`;
    const name = programs.add("record", script);
    const spec = specOf({
      set: argv(name, "--model", "x 9"),
      environment: ["DEVICE_NET", "UNSET_ONE"],
      parameters: { slot: "2" },
      account: { create: true },
    });
    const session = await commandDriver.connect(spec, admin);
    await expect(session.set(spec, password)).resolves.toEqual({ result: "set", accountMade: false });
    const text = readFileSync(at("seen"), "utf8");
    expect(text.indexOf("\n")).toBe(text.length - 1);
    expect(JSON.parse(text)).toEqual({
      operation: "set",
      host: "switch-1",
      port: 23,
      username: "operator",
      password: PASSWORD,
      login: { username: "admin", password: ADMIN_PASSWORD },
      create: true,
      parameters: { slot: "2" },
      timeoutMs: expect.any(Number),
    });
    const variables = readFileSync(at("env"), "utf8")
      .split("\n")
      .filter((line) => /^\w+=/.test(line))
      .map((line) => line.split("=")[0])
      .filter((variable) => !["PWD", "OLDPWD", "SHLVL", "_", "HOME", "LANG"].includes(variable ?? ""));
    expect(variables.sort()).toEqual(["DEVICE_NET", "PATH"]);
    expect(readFileSync(at("args"), "utf8")).toBe("--model x 9\n");
    expect(readFileSync(at("cwd"), "utf8")).toBe(`${programs.folder}\n`);
  });

  test("a proof gets the password and no login, a look the login and no password", async () => {
    await verifyBy(`cat >'${at("verified")}'`);
    const asked = JSON.parse(readFileSync(at("verified"), "utf8")) as Record<string, unknown>;
    expect(asked).toMatchObject({ operation: "verify", password: PASSWORD });
    expect(asked).not.toHaveProperty("login");
    await lookBy(`cat >'${at("looked")}'`);
    const looked = JSON.parse(readFileSync(at("looked"), "utf8")) as Record<string, unknown>;
    expect(looked).toMatchObject({ operation: "look", login: { password: ADMIN_PASSWORD } });
    expect(looked).not.toHaveProperty("password");
  });
});

describe("what a program answers", () => {
  const exit = (answer: keyof typeof EXIT_CODES) => `cat >/dev/null; exit ${String(EXIT_CODES[answer])}`;

  test.each([
    ["done", { result: "set", accountMade: false }],
    ["made", { result: "set", accountMade: true }],
    ["value-refused", { result: "value-refused" }],
    ["refused", { result: "refused" }],
    ["unreachable", { result: "refused" }],
    ["login-refused", { result: "refused" }],
    ["no-account", { result: "refused" }],
    ["forbidden", { result: "refused" }],
    ["not-verifiable", { result: "in-doubt" }],
  ] as const)("to a set, %s", async (answer, result) => {
    await expect(setBy(exit(answer))).resolves.toMatchObject(result);
  });

  test.each([
    ["done", "works"],
    ["login-refused", "refused"],
    ["no-account", "refused"],
    ["unreachable", "unreachable"],
    ["not-verifiable", "not-verifiable"],
    ["refused", "unanswered"],
    ["value-refused", "unanswered"],
  ] as const)("to a proof, %s", async (answer, proof) => {
    await expect(verifyBy(exit(answer))).resolves.toMatchObject({ proof });
  });

  test.each([
    ["done", { accountExists: true, notes: [] }],
    ["refused", { code: "TARGET_NOT_READY" }],
    ["unreachable", { code: "UNREACHABLE" }],
    ["login-refused", { code: "LOGIN_REFUSED" }],
    ["not-verifiable", { code: "NOT_VERIFIABLE" }],
    ["no-account", { code: "NOT_FOUND" }],
    ["forbidden", { code: "FORBIDDEN" }],
    ["made", { code: "UNREACHABLE", details: { unanswered: true } }],
  ] as const)("to a look, %s", async (answer, expected) => {
    await expect(lookBy(exit(answer))).resolves.toMatchObject(expected);
  });

  test("by any other exit code or a signal leaves the set in doubt, and the login counted", async () => {
    for (const script of ["exit 1", "exit 2", "exit 22", "exit 126", "exit 255", "kill -SEGV $$", "no-such-tool"]) {
      await expect(setBy(`cat >/dev/null; ${script}`)).resolves.toMatchObject({ result: "in-doubt" });
    }
    await expect(verifyBy("exit 1")).resolves.toMatchObject({ proof: "unanswered" });
    await expect(lookBy("exit 1")).resolves.toMatchObject({ code: "UNREACHABLE", details: { unanswered: true } });
    const means = { adminRef: undefined, admin: { username: "robot", ownMeans: true } };
    const spec = specOf({ ...means, look: argv(programs.add("crash", "exit 1")) });
    const login = { username: "robot", password: new Secret(""), self: false };
    const error: unknown = await commandDriver.connect(spec, login).catch((problem: unknown) => problem);
    expect(error).toMatchObject({ code: "UNREACHABLE" });
    expect(error).not.toMatchObject({ details: { unanswered: true } }); // nothing of ours was there to be refused
  });

  test("an account that is to be made may be missing", async () => {
    await expect(lookBy(exit("no-account"), { account: { create: true } })).resolves.toEqual({
      accountExists: false,
      notes: [],
    });
  });

  test("a login that a set is refused ends the session, so that the next one is counted", async () => {
    const spec = specOf({ set: argv(programs.add("stale", exit("login-refused"))) });
    const session = await commandDriver.connect(spec, admin);
    await session.set(spec, password);
    expect(session.usable).toBe(false);
  });
});

describe("a program that", () => {
  test("hangs is killed with all that it started, in its time", async () => {
    const script = `sleep 60 & echo $! >'${at("grandchild")}'; echo $$ >'${at("child")}'; sleep 60`;
    const startedAt = performance.now();
    const result = await setBy(script, { limits: { setMs: 400 } });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(result).toMatchObject({ result: "in-doubt", reason: expect.stringContaining("took longer than 0.4 s") });
    for (const name of ["child", "grandchild"]) {
      const pid = Number(readFileSync(at(name), "utf8"));
      await until(() => !isAlive(pid));
    }
    await expect(verifyBy("sleep 60", { limits: { verifyMs: 200 } })).resolves.toMatchObject({ proof: "unanswered" });
  });

  test("leaves something running behind it ends with it, and one that escaped holds up nobody", async () => {
    const left = `cat >/dev/null; sleep 60 & echo $! >'${at("left")}'`;
    await expect(setBy(left)).resolves.toMatchObject({ result: "set" });
    const pid = Number(readFileSync(at("left"), "utf8"));
    await until(() => !isAlive(pid));
    const startedAt = performance.now();
    const escaped = `cat >/dev/null; setsid sh -c 'echo $$ >"${at("escaped")}"; exec sleep 5' & sleep 0.2`;
    await expect(setBy(escaped)).resolves.toMatchObject({ result: "set" });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    process.kill(Number(readFileSync(at("escaped"), "utf8")), "SIGKILL");
  });

  test.each([
    ["killed", "SIGKILL", 1_000],
    ["frozen", "SIGSTOP", 4_000],
  ] as const)("belongs to a Coffre that is %s ends too", async (_, signal, inMs) => {
    const file = at(`pid-${signal}`);
    const name = programs.add(`orphan-${signal}`, `echo $$ >'${file}'; sleep 60`);
    const run = `{ operation: "set", argv: ["${name}"], input: "{}", secrets: [], environment: [], limitMs: 1500 }`;
    const source = [
      'import "./tools/sources.ts";',
      'const { runProgram } = await import("./provider/target/command/run-program.ts");',
      `await runProgram(${run});`,
    ].join("\n");
    const options = { stdio: "inherit", env: process.env } as const;
    const coffre = spawn(process.execPath, ["--input-type=module", "-e", source], options);
    try {
      for (let tries = 0; !isWritten(file) && tries < 200; tries++) await delay(50);
      coffre.kill(signal);
      const pid = Number(readFileSync(file, "utf8"));
      for (let waited = 0; isAlive(pid) && waited < inMs; waited += 50) await delay(50);
      expect(isAlive(pid)).toBe(false);
    } finally {
      coffre.kill("SIGKILL");
    }
  });

  test("ignores what it is told is believed until the proof, and breaks nothing", async () => {
    await expect(setBy("exec <&-; sleep 0.1; exit 0")).resolves.toMatchObject({ result: "set" });
    const large = Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [`p${String(index)}`, "x".repeat(4_000)]),
    );
    await expect(setBy("exec <&-; exit 0", { parameters: large })).resolves.toMatchObject({ result: "set" });
  });

  test("floods its output is neither held up nor quoted", async () => {
    const flood =
      "cat >/dev/null; head -c 20000000 /dev/zero | tr '\\0' 'x'; head -c 20000000 /dev/zero >&2; echo no >&2";
    await expect(setBy(`${flood}; exit 114`)).resolves.toEqual({ result: "refused", reason: "the device refused" });
  });

  test("doesn't exist, isn't executable, or may not run here is found before anything is drawn", async () => {
    programs.add("not-executable", "exit 0", 0o644);
    programs.add("for-all", "exit 0", 0o777);
    mkdirSync(at("folder"));
    for (const [name, why] of [
      ["missing", "isn't there"],
      ["not-executable", "isn't executable"],
      ["for-all", "can be written by everybody"],
      ["folder", "isn't a file"],
    ] as const) {
      for (const operation of ["look", "set", "verify", "remove"]) {
        const spec = specOf({ [operation]: argv(name) });
        const error: unknown = await commandDriver.connect(spec, admin).catch((problem: unknown) => problem);
        expect(error).toMatchObject({ code: "CONFIGURATION", problem: expect.stringContaining(why) });
      }
      const spec = specOf({ verify: argv(name) });
      await expect(commandDriver.verify(spec, password, spec.address)).resolves.toMatchObject({ proof: "unreachable" });
    }
    await chmod(programs.folder, 0o777);
    await expect(commandDriver.connect(specOf(), admin)).rejects.toMatchObject({ code: "CONFIGURATION" });
    await chmod(programs.folder, 0o755);
    const { folder } = programs;
    for (const [value, why] of [
      [undefined, "no programs are allowed"],
      ["", "no programs are allowed"],
      ["commands", "isn't an absolute path"],
      [join(folder, "fine"), "isn't a folder"],
    ] as const) {
      if (value === undefined) delete process.env["COFFRE_COMMANDS"];
      else process.env["COFFRE_COMMANDS"] = value;
      const error: unknown = await commandDriver.connect(specOf(), admin).catch((problem: unknown) => problem);
      process.env["COFFRE_COMMANDS"] = folder;
      expect(error).toMatchObject({ code: "CONFIGURATION", problem: expect.stringContaining(why) });
    }
  });

  test("is interrupted ends at once, with its group", async () => {
    const stop = new AbortController();
    const running = verifyBy(`sleep 60 & echo $! >'${at("interrupted")}'; sleep 60`, {}, stop.signal);
    running.catch(() => {});
    await until(() => isWritten(at("interrupted")));
    stop.abort();
    await expect(running).rejects.toMatchObject({ code: "INTERRUPTED", details: { unanswered: true } });
    const pid = Number(readFileSync(at("interrupted"), "utf8"));
    await until(() => !isAlive(pid));
  });
});

test("calls on one session run one after another, and the time in the queue counts", async () => {
  const log = at("order");
  const name = programs.add("slow", `cat >/dev/null; echo in >>'${log}'; sleep 0.3; echo out >>'${log}'`);
  const spec = specOf({ set: argv(name) });
  const hurried = specOf({ set: argv(name), limits: { setMs: 150 } });
  const session = await commandDriver.connect(spec, admin);
  const results = await Promise.all([spec, spec, hurried].map((one) => session.set(one, password)));
  expect(results.map(({ result }) => result)).toEqual(["set", "set", "refused"]);
  expect(readFileSync(log, "utf8")).toBe("in\nout\nin\nout\n");
  await session.close();
});

test("an account is removed by a program of its own, and without one kept", async () => {
  const name = programs.add("remove", `cat >'${at("removed")}'`);
  const spec = specOf({ remove: argv(name) });
  const session = await commandDriver.connect(spec, admin);
  await session.remove(spec, "drop");
  expect(JSON.parse(readFileSync(at("removed"), "utf8"))).toMatchObject({ operation: "drop", username: "operator" });
  await expect(session.remove(specOf(), "disable")).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  expect(specOf().onDelete).toBe("keep");
  expect(spec.onDelete).toBe("default");
});
