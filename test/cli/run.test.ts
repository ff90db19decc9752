import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(2 * SLOW_MS);

const VALUE = "Zq7~ a $value with 'quotes', \"more\", %d and {{ braces }}\nand a second line";
const TOKEN = "tok_51aaBBccDDeeFF";

let shell: Shell;
beforeAll(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault("prod");
  const put = (name: string, type: "secret" | "text" | "totp" | "file", value: string) =>
    ({ change: "put", name, type, value: new Secret(value), cause: "test" }) as const;
  await entry(vault, "Databases/orders-app", { value: VALUE });
  await entry(vault, "Partners/mail-api", {
    value: "abc",
    valueManagedBy: "external",
    fields: [
      put("api-token", "secret", TOKEN),
      put("account", "text", "acct-public-1234"),
      put("totp", "totp", "JBSWY3DPEHPK3PXP"),
      put("blob", "file", Buffer.from([0xff, 0x00, 0x01]).toString("base64")),
      put("nul", "file", Buffer.from("a\0b").toString("base64")),
    ],
  });
  await vault.close();
  await refs(
    "refs.env",
    "PGPASSWORD=coffre://prod/Databases/orders-app\nTOKEN='coffre://prod/Partners/mail-api?field=api-token'\nPLAIN=as it is\n",
  );
});
afterAll(() => shell.close());

const refs = (name: string, text: string) => writeFile(join(shell.home, name), text);
const run = (words: readonly string[], env: Record<string, string> = {}, more: readonly string[] = []) =>
  shell.coffre(["run", "--env-file", "refs.env", ...more, "--", ...words], { env });

describe.each([
  ["by its key", async () => async () => undefined],
  ["through an agent, by the quick program", () => shell.withAgent()],
])("%s:", (_way, begin: () => Promise<() => Promise<void>>) => {
  let end: () => Promise<void>;
  beforeAll(async () => {
    end = await begin();
  });
  afterAll(() => end());

  test("the command has the values in its environment, and nothing of ours that opens the vault", async () => {
    const script =
      "const { PGPASSWORD, TOKEN, PLAIN, COFFRE_KEY, COFFRE_TOKEN, KEPT } = process.env; " +
      "process.stdout.write(JSON.stringify({ PGPASSWORD, TOKEN, PLAIN, COFFRE_KEY, COFFRE_TOKEN, KEPT })); process.exit(7)";
    const env = { COFFRE_TOKEN: "not for the command", KEPT: "kept", PLAIN: "the shell's" };
    const said = await run([process.execPath, "-e", script], env, ["--no-mask"]);
    expect(said).toMatchObject({ stderr: "", exitCode: 7 });
    expect(JSON.parse(said.stdout)).toEqual({ PGPASSWORD: VALUE, TOKEN, PLAIN: "as it is", KEPT: "kept" });
  });

  test("what it prints is masked on both streams, and the rest is as it was", async () => {
    const script =
      'echo "out $TOKEN"; printf %s "$PGPASSWORD" | base64 -w0 >&2; echo "$PLAIN $TOKEN" >&2; printf "no end"';
    const said = await run(["sh", "-c", script]);
    expect(said.stdout).toBe("out [secret]\nno end");
    expect(said.stderr).toMatch(/^\[secret\].{0,3}as it is \[secret\]\n$/);
    expect(said.exitCode).toBe(0);
  });

  test("a later file wins, a text field is shown, a code is that of the moment, and what is too short is said", async () => {
    await refs(
      "more.env",
      "PLAIN=coffre://prod/Partners/mail-api?field=account\nCODE=coffre://prod/Partners/mail-api?field=totp\nPIN=coffre://prod/Partners/mail-api\n",
    );
    const words = ["sh", "-c", 'echo "$PLAIN ${#CODE} $CODE $PIN"'];
    const said = await run(words, {}, ["--env-file", "more.env"]);
    expect(said.stdout).toBe("acct-public-1234 6 [secret] abc\n");
    expect(said.stderr).toBe("warning: the value for PIN is too short to be told from other text: it isn't masked.\n");
  });

  test.each([
    ["X=coffre://prod/Databases/nobody", 3, 'refs2.env:1:3: There is no credential "Databases/nobody"'],
    [
      "X=coffre://prod/Partners/mail-api?field=none",
      3,
      /^coffre: refs2\.env:1:3: Credential Partners\/mail-api .* has no field "none"/,
    ],
    ["X=coffre://prod/Partners/mail-api?version=9", 3, /^coffre: refs2\.env:1:3: Credential .* has no version 9/],
    [
      "X=coffre://other/Databases/orders-app",
      5,
      'refs2.env:1:3: The reference names the vault "other", but "prod" is configured',
    ],
    ["X=coffre://prod/Partners/mail-api?field=blob", 2, "refs2.env:1:3: the value for X isn't text"],
    [
      "X=coffre://prod/Partners/mail-api?field=nul",
      2,
      "refs2.env:1:3: the value for X has a NUL character, which ends a variable",
    ],
    ["X", 2, "refs2.env:1:1: this line declares no variable"],
  ])("%s starts nothing", async (text, exitCode, problem) => {
    await refs("refs2.env", `${text}\n`);
    const said = await shell.coffre(["run", "--env-file", "refs2.env", "--", "touch", "started"]);
    expect({ ...said, stderr: said.stderr.split("\n")[0] }).toEqual({
      stdout: "",
      exitCode,
      stderr: typeof problem === "string" ? `coffre: ${problem}` : expect.stringMatching(problem),
    });
    expect((await shell.coffre(["run", "--env-file", "refs.env", "--", "ls", "started"])).exitCode).not.toBe(0);
  });

  test("all that can't be read are named at once, by their places", async () => {
    await refs("refs3.env", "A=coffre://prod/a\nB=coffre://prod/Databases/orders-app\nC=coffre://prod/c\n");
    const said = await shell.coffre(["run", "--env-file", "refs3.env", "--", "true"]);
    expect(said.stderr).toMatch(
      /refs3\.env:1:3: There is no credential "a"[^]*\n {2}refs3\.env:3:3: There is no credential "c"\.\n$/,
    );
  });

  test.each([
    [["run", "--env-file", "refs.env"], 2, "No command was given"],
    [["run", "--", "true"], 2, "No file says which values the command gets"],
    [["run", "--env-file", "missing.env", "--", "true"], 2, "The file missing.env doesn't exist"],
    [["run", "--env-file", ".", "--", "true"], 2, "The file . is a folder"],
    [["run", "--env-file", "refs.env", "--", "no-such-command"], 127, "The command no-such-command wasn't found"],
    [["run", "--env-file", "refs.env", "--", "./refs.env"], 126, "The command ./refs.env can't be run"],
  ])("%j", async (words, exitCode, problem) => {
    const said = await shell.coffre(words);
    expect({ stdout: said.stdout, stderr: said.stderr.split("\n")[0], exitCode: said.exitCode }).toEqual({
      stdout: "",
      stderr: `coffre: ${problem}`,
      exitCode,
    });
  });

  test("signals go to the command, which decides what they mean", async () => {
    const script = 'trap "echo got it; exit 9" TERM; trap "echo again" HUP; echo ready; while :; do sleep 0.1; done';
    const child = shell.start(["run", "--env-file", "refs.env", "--", "sh", "-c", script]);
    const said = await until(child, "ready");
    child.kill("SIGHUP");
    await said("again");
    await pause(1_100);
    child.kill("SIGHUP"); // a second one is no impatience: nobody else ends it
    child.kill("SIGTERM");
    const [code] = (await once(child, "close")) as [number | null];
    expect(code).toBe(9);
  });

  test("a command that a signal ends is told by 128 and its number", async () => {
    expect((await run(["sh", "-c", "kill -KILL $$"])).exitCode).toBe(137);
  });

  test("a reader that goes away ends the command as it would without us", async () => {
    const child = shell.start(["run", "--env-file", "refs.env", "--", "yes"]);
    await once(child.stdout as NonNullable<typeof child.stdout>, "data"); // a pipe, by default
    child.stdout?.destroy();
    const [code] = (await once(child, "exit")) as [number | null];
    expect(code).not.toBe(0);
  });
});

/** Waits until the child has printed this; what it returns waits for more. */
async function until(child: ChildProcess, text: string): Promise<(text: string) => Promise<void>> {
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (piece: string) => (said += piece));
  const wait = async (wanted: string) => {
    while (!said.includes(wanted)) await pause(20);
  };
  await wait(text);
  return wait;
}
