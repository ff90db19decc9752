import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { parse as parseYaml } from "yaml";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

const VALUE = "Zq7~ a $value: with 'quotes', \"more\" and {{ braces }}\nand a second line";

let shell: Shell;
beforeAll(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault("prod");
  await entry(vault, "Databases/orders-app", { value: VALUE, username: "orders_app" });
  await vault.close();
  await mkdir(join(shell.home, "folder"));
  await symlink("/dev/null", join(shell.home, "device"));
  await put("app.yaml.tpl", "user: orders_app\npassword: {{ coffre://prod/Databases/orders-app | yaml }}\n");
});
afterAll(() => shell.close());

const put = (name: string, text: string) => writeFile(join(shell.home, name), text);
const inject = (input: string, output: string, ...more: string[]) =>
  shell.coffre(["inject", "-i", input, "-o", output, ...more]);
/** What is left in the home besides what was put there. */
const leftovers = () => readdirSync(shell.home).filter((name) => name.endsWith(".tmp"));

describe.each([
  ["by its key", async () => async () => undefined],
  ["through an agent, by the quick program", () => shell.withAgent()],
])("%s:", (_way, begin: () => Promise<() => Promise<void>>) => {
  let end: () => Promise<void>;
  beforeAll(async () => {
    end = await begin();
  });
  afterAll(() => end());

  test("the file is written as a whole, mode 0600 whatever was there before", async () => {
    await put("app.yaml", "an older one");
    await chmod(join(shell.home, "app.yaml"), 0o644);
    expect(await inject("app.yaml.tpl", "app.yaml")).toEqual({
      stdout: "",
      stderr: "Written: app.yaml, with 1 value.\n",
      exitCode: 0,
    });
    const path = join(shell.home, "app.yaml");
    expect(parseYaml(readFileSync(path, "utf8"))).toEqual({ user: "orders_app", password: VALUE });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(leftovers()).toEqual([]);
  });

  test("into a pipe it writes no file, and with --json it says what it did", async () => {
    const said = await inject("app.yaml.tpl", "-");
    expect(said).toMatchObject({ stderr: "", exitCode: 0 });
    expect(parseYaml(said.stdout)).toMatchObject({ password: VALUE });
    expect(JSON.parse((await inject("app.yaml.tpl", "other.yaml", "--json")).stdout)).toEqual({
      file: join(shell.home, "other.yaml"),
      references: 1,
    });
  });

  test("to a terminal nothing is written", async () => {
    const { screen, exitCode } = await shell.onTerminal(["inject", "-i", "app.yaml.tpl", "-o", "-"], "");
    expect(screen).toContain("Values aren't written to a terminal");
    expect(screen).not.toContain("Zq7~");
    expect(exitCode).toBe(2);
  });

  test.each([
    ["{{ coffre://prod/Databases/nobody }}", 3, 't.tpl:1:1: There is no credential "Databases/nobody"'],
    ["a\n {{ coffre://other/x }}", 5, 't.tpl:2:2: The reference names the vault "other", but "prod" is configured'],
    [
      "a\n {{ coffre://prod/Databases/orders-app | dotenv }}",
      2,
      /^coffre: t\.tpl:2:2: the value has a single quote beside/,
    ],
    ["{{ coffre://prod/Databases/orders-app", 2, "t.tpl:1:1: the reference isn't closed: }} is missing in its line"],
  ])("%j writes nothing and leaves what was there", async (template, exitCode, problem) => {
    await put("t.tpl", template);
    await put("t", "as it was");
    const said = await inject("t.tpl", "t");
    expect({ exitCode: said.exitCode, stdout: said.stdout, stderr: said.stderr.split("\n")[0] }).toEqual({
      exitCode,
      stdout: "",
      stderr: typeof problem === "string" ? `coffre: ${problem}` : expect.stringMatching(problem),
    });
    expect(said.stderr).not.toContain("Zq7~");
    expect(readFileSync(join(shell.home, "t"), "utf8")).toBe("as it was");
    expect(leftovers()).toEqual([]);
  });

  test("an output that can't be written is refused before anything is read", async () => {
    const vault = shell.openVault();
    const { head } = await vault.identity();
    for (const [output, problem] of [
      ["folder", "is a folder"],
      ["device", "is no ordinary file"],
      ["missing/app.yaml", "can't be written: its folder isn't there"],
    ] as const) {
      expect(await inject("app.yaml.tpl", output)).toMatchObject({
        stdout: "",
        stderr: expect.stringContaining(`The file ${join(shell.home, output)} ${problem}\n`),
        exitCode: 1,
      });
    }
    expect((await vault.identity()).head).toBe(head);
    await vault.close();
    expect(existsSync("/dev/null")).toBe(true);
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  });

  test.each([
    [["inject", "-i", "app.yaml.tpl"], "--output is missing"],
    [["inject", "-o", "x"], "--input is missing"],
    [["inject", "-i", "none.tpl", "-o", "x"], "The file none.tpl doesn't exist"],
  ])("%j is wrong usage", async (words, problem) => {
    const said = await shell.coffre(words);
    expect(said).toMatchObject({ stdout: "", exitCode: 2 });
    expect(said.stderr.split("\n")[0]).toBe(`coffre: ${problem}`);
  });
});
