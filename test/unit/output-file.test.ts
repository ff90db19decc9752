import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { makeFolderOf } from "../../provider/cli/output-file.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "coffre-output-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("missing folders of an output are made, for their user alone", () => {
  makeFolderOf(join(folder, "a", "b", "file"));
  for (const name of ["a", "a/b"]) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o700);
  makeFolderOf(join(folder, "a", "b", "file"));
});

test("where the system makes no folders it ends with an error that names the file", () => {
  expect(() => makeFolderOf("/proc/none/below/file")).toThrow(
    expect.objectContaining({ code: "READ_ONLY", problem: "The file /proc/none/below/file can't be written (ENOENT)" }),
  );
});

test("a file in the place of a folder is left for the write to tell", () => {
  writeFileSync(join(folder, "file"), "");
  expect(() => makeFolderOf(join(folder, "file", "below"))).not.toThrow();
});
