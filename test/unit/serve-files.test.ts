import { expect, test } from "@jest/globals";
import { readFileSettings } from "../../provider/cli/commands/serve-files.js";

test("a scanner is a program of this machine with limits, and a quota is a size", async () => {
  expect(await readFileSettings({})).toEqual({});
  expect(await readFileSettings({ quota: "200GB", scanner: "/bin/cat  -u -" })).toEqual({
    quota: 200e9,
    program: { argv: ["/bin/cat", "-u", "-"], seconds: 300, memoryBytes: 4e9, moreBytes: 1e9 },
  });
  const limited = await readFileSettings({
    scanner: "/bin/cat",
    scannerSeconds: "7",
    scannerMemory: "512 m",
    quota: "12",
  });
  expect(limited).toEqual({
    quota: 12,
    program: { argv: ["/bin/cat"], seconds: 7, memoryBytes: 512e6, moreBytes: 1e9 },
  });
});

test.each([
  [{ scannerSeconds: "7" }, "--scanner-seconds and --scanner-memory belong to --scanner"],
  [{ scanner: "clamdscan -" }, "--scanner doesn't begin with the absolute path of a program"],
  [{ scanner: "" }, "--scanner doesn't begin with the absolute path of a program"],
  [{ scanner: "/nowhere/clamdscan" }, "The scanner /nowhere/clamdscan can't be run by this user"],
  [{ scanner: "/bin/cat", scannerSeconds: "soon" }, "--scanner-seconds takes a whole number of 1 or more"],
  [{ scanner: "/bin/cat", scannerMemory: "much" }, "--scanner-memory isn't a size"],
  [{ quota: "0" }, "--quota isn't a size"],
  [{ quota: "1.5GB" }, "--quota isn't a size"],
  [{ quota: "-1" }, "--quota isn't a size"],
])("%j: %s", async (options, problem) => {
  await expect(readFileSettings(options)).rejects.toMatchObject({ problem });
});
