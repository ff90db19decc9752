import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, jest, test } from "@jest/globals";
import { SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

const ROOT = resolve(import.meta.dirname, "../..");

test("docs/commands says what the commands' own help says: `node tools/docs/commands.ts` writes it", async () => {
  const said = promisify(execFile)(process.execPath, [join(ROOT, "tools/docs/commands.ts"), "--check"]);
  await expect(said).resolves.toMatchObject({ stderr: "" });
});
