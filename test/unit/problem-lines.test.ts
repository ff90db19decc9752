import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { findStoppedProblems } from "../fixtures/problem-lines.ts";

// A problem is quoted in other sentences, after a colon or before a hint, by the CLI, by Pulumi and in an editor. So it ends
// without a full stop, and its hint, which always stands last, ends with one.

const root = join(import.meta.dirname, "../..");
const files = globSync("{provider,tools,examples}/**/*.{ts,cts,mts}", {
  cwd: root,
  exclude: (name) => name.includes("node_modules") || name.includes("dist"),
});

test("no problem of an error ends with a full stop", () => {
  expect(files.length).toBeGreaterThan(200);
  const found = files.flatMap((file) =>
    findStoppedProblems(file, readFileSync(join(root, file), "utf8")).map(
      ({ line, text }) => `${file}:${line} ${text}`,
    ),
  );
  expect(found).toEqual([]);
});

test.each([
  'throw new CoffreError("CONFLICT", "It exists.");',
  'throw new CoffreError("CONFLICT", `${path} exists.`, { hint: "Move it." });',
  'throw new CoffreError("CONFLICT", "It " + (old ? `was ${what}.` : "is"), {});',
  'throw new CoffreError("CONFLICT", `It ${found ? "is there." : "was there"}`);',
  'const invalid = (problem: string) => new CoffreError("CONFLICT", problem); throw invalid("It exists.");',
  'function stop(code: Code, problem: string) {} stop("CONFLICT", `${path} exists.`, "Move it.");',
  'const problem = code === "ENOENT" ? "It is gone." : "It exists";',
  'return { result: "refused", reason: `${said} said so.` };',
])("one is found in %s", (text) => {
  expect(findStoppedProblems("a.ts", text)).toHaveLength(1);
});

test.each([
  'throw new CoffreError("CONFLICT", "It exists", { hint: "Move it." });',
  'throw new CoffreError("CONFLICT", "There is more than one, …and so on...");',
  'const hint = "Move it.";',
])("none is found in %s", (text) => {
  expect(findStoppedProblems("a.ts", text)).toEqual([]);
});
