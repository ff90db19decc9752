import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";

/** Permissive licences only, for what a user of the package installs. */
const PERMISSIVE = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  // A list of licence names, taken in by the SDK: attribution is all it asks for.
  "CC-BY-3.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "Python-2.0",
  "Unlicense",
]);

/** Packages whose manifest names no SPDX licence, with the one that their licence file was read to be. */
const READ_BY_HAND: Record<string, string> = {
  "@logdna/tail-file": "MIT",
  ssh2: "MIT",
  "cpu-features": "MIT",
  buildcheck: "MIT",
  "combine-errors": "MIT",
};

interface LockedPackage {
  dev?: boolean;
  devOptional?: boolean;
  license?: string;
}

const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, LockedPackage> };

function isPermissive(expression: string): boolean {
  const names = expression.replaceAll(/[()]/g, "").split(/ (AND|OR) /);
  return names.every((name) => name === "AND" || name === "OR" || PERMISSIVE.has(name));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

describe("licences", () => {
  const installed = Object.entries(lock.packages).filter(([path, { dev }]) => path !== "" && dev !== true);

  test("every package that a user installs has a permissive licence", () => {
    expect(installed.length).toBeGreaterThan(50);
    const others = installed
      .map(([path, { license }]) => ({ name: nameOf(path), licence: READ_BY_HAND[nameOf(path)] ?? license ?? "none" }))
      .filter(({ licence }) => !isPermissive(licence));
    expect(others).toEqual([]);
  });

  test("a licence that isn't permissive would be found", () => {
    expect(isPermissive("GPL-3.0-only")).toBe(false);
    expect(isPermissive("(MIT OR GPL-2.0-or-later)")).toBe(false);
    expect(isPermissive("(BSD-3-Clause AND Apache-2.0)")).toBe(true);
  });

  test("the lock file names no download address", () => {
    expect(readFileSync("package-lock.json", "utf8")).not.toMatch(/"resolved": "https?:/);
  });
});
