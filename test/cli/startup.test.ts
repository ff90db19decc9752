import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

const ROOT = resolve(import.meta.dirname, "../..");
/** Makes a Node say that it is an older one, as the machine's own may be. */
const AS_NODE_20 = `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.1.0"}})`;

let shell: Shell;
beforeAll(async () => {
  shell = await Shell.open();
});
afterAll(() => shell.close());

function run(
  program: string,
  args: string[],
  input = "",
): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      ["--import", AS_NODE_20, program, ...args],
      { env: shell.env, cwd: shell.home },
      (error, stdout, stderr) => done({ stdout, stderr, exitCode: typeof error?.code === "number" ? error.code : 0 }),
    );
    child.stdin?.end(input);
  });
}

test("under an older Node it runs itself with the npm package's, as if nothing had been", async () => {
  const program = join(ROOT, "bin", "coffre.js");
  expect(await run(program, ["--version"])).toMatchObject({
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    exitCode: 0,
  });
  const refused = await run(program, ["list"]);
  expect(refused).toMatchObject({ stdout: "", exitCode: 2 });
  expect(refused.stderr).toMatch(/^coffre: No vault is configured\n/);
});

test("without a newer Node it says so in one line", async () => {
  const folder = await mkdtemp(join(tmpdir(), "coffre-bin-"));
  try {
    await cp(join(ROOT, "bin"), join(folder, "bin"), { recursive: true });
    await cp(join(ROOT, "package.json"), join(folder, "package.json"));
    const said = await run(join(folder, "bin", "coffre.js"), ["list"]);
    expect(said).toEqual({
      stdout: "",
      stderr:
        "coffre: Node 24.7 or newer is needed, this is 20.1.0. Install it, or its npm package beside this one: `npm install node@24`.\n",
      exitCode: 1,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
