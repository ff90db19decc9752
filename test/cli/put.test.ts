import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { Vault } from "../../provider/vault/port.js";
import { category, entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

const REF = "Partners/mail-api";

let shell: Shell;
let vault: Vault;
beforeEach(async () => {
  shell = await Shell.open();
  vault = await shell.makeVault();
  await category(vault, "Partners", { policy: { minLength: 12, forbidden: " " } });
  await entry(vault, REF, { value: null, valueManagedBy: "external" });
  await entry(vault, "Partners/ours");
});
afterEach(async () => {
  await vault.close();
  await shell.close();
});

test("put takes a value from stdin, without the line end that the shell adds", async () => {
  const said = await shell.coffre(["put", REF], { input: "brought by people\n".replaceAll(" ", "-") });
  expect(said).toEqual({ stdout: "Partners/mail-api: version 1 is current.\n", stderr: "", exitCode: 0 });
  expect(await shell.coffre(["read", REF])).toMatchObject({ stdout: "brought-by-people\n", stderr: "" });

  expect(JSON.parse((await shell.coffre(["put", REF, "--json"], { input: "the-second-one" })).stdout)).toEqual({
    ref: "coffre://main/Partners/mail-api",
    id: expect.stringMatching(/^cr_/),
    field: "password",
    type: "secret",
    version: 2,
    previousVersion: 1,
  });
  expect(await shell.coffre(["read", `${REF}?version=previous`])).toMatchObject({ stdout: "brought-by-people\n" });
  expect(await shell.json(["history", REF])).toMatchObject([
    { version: 2, state: "current", causes: [{ kind: "put" }] },
    { version: 1, state: "previous" },
  ]);
});

test("put asks on a terminal, twice, and shows nothing of it", async () => {
  const { screen, exitCode } = await shell.onTerminal(["put", REF], "typed-by-a-person\ntyped-by-a-person\n");
  expect(screen.replaceAll("\r", "")).toBe(`New value of Partners/mail-api: 
The same again: 
Partners/mail-api: version 1 is current.
`);
  expect(exitCode).toBe(0);
  expect(await shell.coffre(["read", REF])).toMatchObject({ stdout: "typed-by-a-person\n" });
});

test("two entries that differ, and Ctrl-C, change nothing", async () => {
  const differing = await shell.onTerminal(["put", REF], "typed-by-a-person\ntyped-by-another\n");
  expect(differing).toMatchObject({ exitCode: 2 });
  expect(differing.screen).toContain("coffre: The two entries differ");
  const stopped = await shell.onTerminal(["put", REF], "\u0003\n");
  expect(stopped).toMatchObject({ exitCode: 130 });
  expect(stopped.screen).toContain("coffre: Nothing was given, and nothing was changed");
  expect(await shell.json(["history", REF])).toEqual([]);
});

test("put tells every rule that a value breaks, and nothing of the value", async () => {
  const said = await shell.coffre(["put", REF], { input: "hunter two" });
  expect(said).toEqual({
    stdout: "",
    stderr:
      "coffre: The value breaks the policy of its category: it must have at least 12 characters (category Partners); " +
      "it has a character that is forbidden (category Partners)\n  Nothing was changed.\n",
    exitCode: 2,
  });
  expect(await shell.json(["history", REF])).toEqual([]);
});

test.each([
  ["an empty value", [REF], "", "The value on stdin is empty"],
  ["a value that isn't text", [REF], "\0binary-value", "The value on stdin has a NUL character"],
  ["a value that Coffre manages", ["Partners/ours"], "hunter2", "The value of Partners/ours is managed by Coffre"],
  ["a value as an argument", [REF, "hunter2"], "", "coffre put takes one argument, and got more"],
  ["a value as an option", [REF, "--value", "hunter2"], "", "--value is refused: arguments can be seen by every user"],
  ["a value as another option", [REF, "--pw=hunter2"], "", "coffre put has no option --pw"],
  ["a value in a short option", [REF, "-phunter2"], "", "coffre put has no option -p"],
])("%s is refused and not repeated", async (_what, args, input, problem) => {
  const said = await shell.coffre(["put", ...args], { input });
  expect(said).toMatchObject({ stdout: "", exitCode: 2 });
  expect(said.stderr.startsWith(`coffre: ${problem}`)).toBe(true);
  expect(said.stderr).not.toContain("hunter2");
});

test("a value that a person brings settles what waited for a person", async () => {
  await shell.coffre(["put", REF], { input: "the-stale-password" });
  const { id } = (await shell.json(["get", REF])) as { id: string };
  const { lease } = await vault.acquireLease(id, { holder: "a run", ttlSeconds: 60 });
  const attention = { reason: "admin-refused", message: "it was refused at db1:5432" };
  await vault.record(lease, [{ step: "attention", attention }, { step: "release" }]);
  expect(await shell.coffre(["attention"])).toMatchObject({ exitCode: 6 });

  expect(await shell.coffre(["put", REF], { input: "the-right-password" })).toMatchObject({ exitCode: 0 });
  expect(await shell.coffre(["attention"])).toMatchObject({ exitCode: 0 });
  expect(await shell.coffre(["read", REF])).toMatchObject({ stdout: "the-right-password\n", stderr: "" });
});

test("an entry that nobody has given a value says so", async () => {
  expect(await shell.json(["get", REF])).toMatchObject({ status: "awaiting-value", currentVersion: null });
  const read = await shell.coffre(["read", REF]);
  expect(read).toMatchObject({ stdout: "", exitCode: 3 });
  expect(read.stderr).toContain("`coffre put` gives it its first value.");
});
