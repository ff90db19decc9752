import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import ssh2, { type Connection, type Server } from "ssh2";
import { diffCommand, runStep, type Step } from "../fixtures/command-plugin/life.ts";
import { holdsSecret, plain, type Properties, secret } from "../fixtures/command-plugin/values.ts";
import { newKeyPair } from "../../tools/linux-hosts/key-pair.ts";

const LOCAL = "command:local:Command";
const REMOTE = "command:remote:Command";

/** Runs a step and says what it showed. */
async function run(type: string, step: Step, inputs: Properties, olds?: Properties) {
  const shown: string[] = [];
  const outputs = await runStep(type, step, { inputs, say: (line) => shown.push(line), ...(olds ? { olds } : {}) });
  return { outputs, shown };
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-command-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a local command", () => {
  test("gets its environment, its input and its folder, and what it writes are its outputs", async () => {
    const inputs = {
      create: 'cat; echo "$A in $PWD"; echo aside >&2',
      stdin: "typed ",
      environment: { A: "1" },
      dir: folder,
    };
    const { outputs, shown } = await run(LOCAL, "create", inputs);
    expect(outputs).toEqual({ ...inputs, stdout: `typed 1 in ${folder}`, stderr: "aside" });
    expect(shown).toEqual([`typed 1 in ${folder}`, "aside"]);
  });

  test("is run by the interpreter that it names", async () => {
    const inputs = { create: "false | cat", interpreter: ["/bin/bash", "-o", "pipefail", "-c"] };
    await expect(run(LOCAL, "create", inputs)).rejects.toThrow("exit status 1");
    await expect(run(LOCAL, "create", { create: "false | cat" })).resolves.toBeDefined();
    await expect(run(LOCAL, "create", { create: "x", interpreter: ["/nowhere"] })).rejects.toThrow("ENOENT");
  });

  test("fails with its exit code, its text and what it wrote", async () => {
    const failed = run(LOCAL, "create", { create: "echo said; echo why >&2; exit 3" });
    await expect(failed).rejects.toThrow('exit status 3: running "echo said; echo why >&2; exit 3":\nsaid\nwhy\n');
    await expect(run(LOCAL, "create", { create: "kill -9 $$" })).rejects.toThrow("signal: SIGKILL");
  });

  test("is that of its step: update has create's unless it has its own, and nothing runs where there is none", async () => {
    const both = { create: "echo made", update: "echo changed" };
    expect((await run(LOCAL, "update", both)).outputs).toMatchObject({ stdout: "changed" });
    expect((await run(LOCAL, "update", { create: "echo made" })).outputs).toMatchObject({ stdout: "made" });
    expect((await run(LOCAL, "delete", { ...both, stdout: "made", stderr: "" })).shown).toEqual([]);
    expect((await run(LOCAL, "create", {})).outputs).toEqual({ stdout: "", stderr: "" });
  });

  test("sees what the run before wrote, unless that is switched off", async () => {
    const inputs = { create: 'echo "[$PULUMI_COMMAND_STDOUT]"' };
    const olds = { ...inputs, stdout: "before", stderr: "" };
    expect((await run(LOCAL, "update", inputs, olds)).outputs).toMatchObject({ stdout: "[before]" });
    const off = { ...inputs, addPreviousOutputInEnv: false };
    expect((await run(LOCAL, "update", off, olds)).outputs).toMatchObject({ stdout: "[]" });
  });

  test.each([
    ["stdout", ["out"]],
    ["stderr", ["err"]],
    ["stdoutAndStderr", ["out", "err"]],
    ["none", []],
  ])("with logging %s shows %j", async (logging, lines) => {
    expect((await run(LOCAL, "create", { create: "echo out; echo err >&2", logging })).shown).toEqual(lines);
  });

  test("keeps secret inputs secret, and what it wrote too", async () => {
    const inputs = { create: 'printf %s "$A"', environment: { A: secret("hidden") } };
    const { outputs } = await run(LOCAL, "create", inputs);
    expect(outputs["environment"]).toEqual(inputs.environment);
    expect(holdsSecret(outputs["stdout"])).toBe(true);
    expect(plain(outputs["stdout"])).toBe("hidden");
  });

  test("with an input that the stand-in doesn't know is refused, by the name alone", async () => {
    await expect(run(LOCAL, "create", { create: "x", assetPaths: ["a-value"] })).rejects.toThrow(/assetPaths/);
    await expect(run(LOCAL, "create", { create: "x", assetPaths: ["a-value"] })).rejects.not.toThrow(/a-value/);
    await expect(run("command:remote:CopyFile", "create", {})).rejects.toThrow("no command:remote:CopyFile");
  });

  test("ends when the engine cancels", async () => {
    const stopping = new AbortController();
    const running = runStep(LOCAL, "create", {
      inputs: { create: "exec sleep 60" },
      say: () => {},
      signal: stopping.signal,
    });
    stopping.abort();
    await expect(running).rejects.toThrow("aborted");
  });
});

describe("a change", () => {
  const olds = { create: "a", environment: { A: secret("1") }, triggers: [1], stdout: "x", stderr: "" };

  test("of nothing but outputs, or of a secret's wrapping, is none", () => {
    const news = { create: "a", environment: { A: "1" }, triggers: [1], stdin: null };
    expect(diffCommand(olds, news)).toEqual({ changed: [], replaces: [] });
  });

  test("of a trigger is a replacement, any other one an update", () => {
    const { environment, triggers } = olds;
    expect(diffCommand(olds, { create: "b", environment, triggers })).toEqual({ changed: ["create"], replaces: [] });
    const other = diffCommand(olds, { create: "a", environment: { A: "2" }, triggers: [2] });
    expect(other).toEqual({ changed: ["environment", "triggers"], replaces: ["triggers"] });
    expect(diffCommand(olds, { create: "a", environment }).replaces).toEqual(["triggers"]);
  });
});

describe("a remote command", () => {
  const hostKeys = newKeyPair();
  const user = newKeyPair();
  const [, keyData = ""] = user.public.split(" ");
  let server: Server;
  let port: number;
  let logins = 0;
  /** Whether the server takes variables, as its AcceptEnv says. */
  let takesVariables = true;

  /** A server that knows three commands and one user. */
  function serveClient(client: Connection): void {
    client.on("error", () => undefined);
    client.on("authentication", (context) => {
      if (context.method === "none") return context.reject(["publickey", "password"]);
      logins += 1;
      const isKey = context.method === "publickey" && context.key.data.toString("base64") === keyData;
      const isPassword = context.method === "password" && context.password === "right";
      if (isKey || isPassword) context.accept();
      else context.reject();
    });
    client.on("session", (accept) => {
      const session = accept();
      const variables: Record<string, string> = {};
      session.on("env", (_accept, _reject, { key, val }) => (variables[key] = takesVariables ? val : ""));
      session.on("exec", (acceptExec, _reject, { command }) => {
        const channel = acceptExec();
        let typed = "";
        channel.on("data", (chunk: Buffer) => (typed += chunk.toString()));
        channel.on("end", () => {
          if (command === "both") {
            channel.write(`${typed}${variables["A"] ?? ""}`);
            channel.stderr.write("aside\n");
          }
          const missing =
            command.startsWith("printenv") &&
            command
              .split(" ")
              .slice(1)
              .some((name) => !variables[name]);
          channel.exit(command === "fail" ? 4 : missing ? 1 : 0);
          channel.end();
        });
      });
    });
  }

  beforeAll(async () => {
    server = new ssh2.Server({ hostKeys: [hostKeys.private] }, serveClient);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = server.address();
    port = typeof address === "object" && address !== null ? address.port : 0;
  });
  afterAll(() => new Promise<void>((done) => void server.close(() => done())));

  const connection = (more: Properties = {}) => ({
    host: "127.0.0.1",
    port,
    user: "shop",
    hostKey: hostKeys.public,
    dialErrorLimit: 1,
    perDialTimeout: 5,
    ...more,
  });
  const byKey = () => secret(connection({ privateKey: user.private }));

  test("logs in by key or password, and has input, variables and outputs, which are secret as its connection is", async () => {
    const inputs = { connection: byKey(), create: "both", stdin: "typed ", environment: { A: "1" } };
    const { outputs, shown } = await run(REMOTE, "create", inputs);
    expect(outputs["connection"]).toBe(inputs.connection);
    expect(outputs).toMatchObject({ stdout: secret("typed 1"), stderr: secret("aside") });
    expect(shown).toEqual(["typed 1aside"]);
    const byPassword = { connection: connection({ password: "right" }), create: "both" };
    expect((await run(REMOTE, "create", byPassword)).outputs).toMatchObject({ stdout: "" });
  });

  test("fails with its exit code", async () => {
    await expect(run(REMOTE, "create", { connection: byKey(), create: "fail" })).rejects.toThrow("exit status 4");
  });

  test("fails before it runs where the server doesn't take a variable", async () => {
    takesVariables = false;
    try {
      const inputs = { connection: byKey(), create: "both", environment: { A: "1" } };
      await expect(run(REMOTE, "create", inputs)).rejects.toThrow(/AcceptEnv/);
    } finally {
      takesVariables = true;
    }
  });

  test("gives no credentials to a machine with another host key", async () => {
    const other = newKeyPair().public;
    logins = 0;
    const inputs = { connection: connection({ privateKey: user.private, hostKey: other }), create: "both" };
    await expect(run(REMOTE, "create", inputs)).rejects.toThrow("another host key");
    expect(logins).toBe(0);
  });

  test("doesn't repeat a refused login, and repeats a connection that doesn't come about up to its limit", async () => {
    logins = 0;
    const refused = { connection: connection({ password: "wrong" }), create: "both" };
    await expect(run(REMOTE, "create", refused)).rejects.toThrow("ssh to shop@127.0.0.1");
    expect(logins).toBeLessThan(3); // by password, and by keyboard-interactive
    const nobody = { connection: connection({ port: 1 }), create: "both" };
    await expect(run(REMOTE, "create", nobody)).rejects.toThrow("ECONNREFUSED");
  });
});
