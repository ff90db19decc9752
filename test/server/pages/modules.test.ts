import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "@jest/globals";
import ts from "typescript";
import { readModuleGraph } from "../../../provider/server/pages/modules.js";

const SCRIPT = new URL("../../../provider/server/pages/assets/decrypt.js", import.meta.url);
const { entry, files } = readModuleGraph(SCRIPT, "/pages/modules/");
/** As the compiler finds them. */
const imported = (text: string) => ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);

test("a script is served with every module that it needs, each under a path that its content is part of", () => {
  expect(entry).toMatch(/^\/pages\/modules\/[0-9a-f]{16}\/0-decrypt\.js$/);
  expect(files.size).toBeGreaterThan(10);
  const missing = [...files.values()].flatMap(imported).filter((name) => !files.has(name));
  expect(missing).toEqual([]);
  expect(imported(files.get(entry) ?? "")).toHaveLength(1);
});

test("of a library nothing is changed but the names of what it imports", () => {
  const file = createRequire(import.meta.url).resolve("age-encryption");
  const published = readFileSync(file, "utf8");
  const served = [...files].find(
    ([path]) => path.endsWith("-index.js") && files.get(path)?.includes("class Encrypter"),
  );
  const names = /(["'])[^"'\n]*\1;$/gm;
  expect(served?.[1].replaceAll(names, "")).toBe(published.replaceAll(names, ""));
  expect(served?.[1]).not.toBe(published);
});
