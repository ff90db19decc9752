import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { execa } from "execa";
import { isCoffreError } from "../../../provider/core/errors.js";
import type { ScannerProgram } from "../../../provider/server/files/run-scanner.js";
import { Scanner } from "../../../provider/server/files/scanner.js";
import { createMemoryVault } from "../../../provider/vault/memory/memory-vault.js";
import type { StoredFile } from "../../../provider/vault/port.js";
import type { RecordVault } from "../../../provider/vault/records/record-vault.js";
import { box, pieces } from "../../contract/vault-cases/boxes.js";
import { collect, failure, HandClock } from "../../contract/vault-cases/setup.js";
import { zipBomb } from "../../fixtures/zip-bomb.js";

jest.setTimeout(60_000); // for a busy machine

let folder: string;
let clock: HandClock;
let vault: RecordVault;
let complaints: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-scanner-"));
  clock = new HandClock();
  vault = createMemoryVault({ clock });
  complaints = [];
});
afterEach(async () => {
  const { id } = await vault.identity();
  await rm(join(tmpdir(), `coffre-scan-${process.getuid?.()}-${id}`), { recursive: true, force: true });
  await vault.close();
  await rm(folder, { recursive: true });
});

/** A scanner of these lines of shell, which hasn't begun. */
async function scannerOf(lines: string, limits: Partial<ScannerProgram> = {}): Promise<Scanner> {
  const path = join(folder, "scan");
  await writeFile(path, `#!/bin/sh\ncd '${folder}' || exit 9\n${lines}\n`);
  await chmod(path, 0o755);
  const program = { argv: [path, "-"], seconds: 20, memoryBytes: 4e9, moreBytes: 1e9, ...limits };
  const complain = (error: unknown) => {
    complaints.push(isCoffreError(error) ? error.problem : String(error));
  };
  const scanner = new Scanner({ vault, program, clock, complain });
  vault.ruleFiles({ scanner });
  return scanner;
}

async function finished(content: Uint8Array | string = "a letter"): Promise<StoredFile> {
  const name = `box ${(await collect(vault.boxes.listBoxes())).length}`;
  const { id: depositId } = await vault.boxes.openDeposit((await box(vault, { name })).id, { by: "ana@acme.example" });
  const { files } = vault.boxes;
  const { id } = await files.create({ depositId, name: "a.txt" });
  await files.append(id, 0, pieces(content));
  return files.finish(id);
}

const stateOf = async ({ id }: StoredFile) => (await vault.boxes.files.readFile(id)).state;

describe("a file", () => {
  test("waits for the scanner, which reads all of it, and is ready once that says that it is clean", async () => {
    const content = Buffer.alloc(300_000, "0123456789");
    const scanner = await scannerOf('cat > seen; [ "$1" = - ]');
    const file = await finished(content);
    expect(file.state).toBe("quarantine");
    await failure(vault.boxes.files.read(file.id), "CONFLICT");
    await scanner.scanDue();
    expect(await stateOf(file)).toBe("ready");
    expect(await readFile(join(folder, "seen"))).toEqual(content);
    expect(complaints).toEqual([]);
    const events = await collect(vault.listEvents());
    expect(events.map(({ action }) => action)).toEqual(expect.arrayContaining(["file.finished", "file.cleared"]));
    expect(events.map(({ action }) => action)).not.toContain("file.downloaded");
  });

  test("that is infected is refused, with what the scanner found, and its content is gone", async () => {
    const scanner = await scannerOf("cat > /dev/null; printf 'scanning\\nstream: Eicar\\033[31m FOUND\\n\\n'; exit 1");
    const file = await finished();
    await scanner.scanDue();
    expect(await vault.boxes.files.readFile(file.id)).toMatchObject({
      state: "refused",
      reason: "stream: Eicar [31m FOUND",
    });
    await failure(vault.boxes.files.read(file.id), "CONFLICT");
  });

  test.each([
    ["says nothing by its exit code", "cat > /dev/null; exit 2", {}, /ended with exit code 2$/],
    ["isn't there", "exec /nowhere/scanner", {}, /ended with exit code 12[67]$/],
    ["never ends", "sleep 60", { seconds: 1 }, /took longer than 1 s$/],
    ["says too much", "cat > /dev/null; yes", {}, /printed more than 65536 bytes$/],
    ["kills itself", "kill -9 $$", {}, /ended by SIGKILL$/],
    [
      "asks for too much memory",
      "cat > /dev/null; dd if=/dev/zero of=/dev/null bs=200M count=1 || exit 7",
      { memoryBytes: 1e8 },
      /ended with exit code 7$/,
    ],
    [
      "writes too much",
      "cat > /dev/null; exec dd if=/dev/zero of=big bs=1M seek=1200 count=1",
      {},
      /ended by SIGXFSZ$/,
    ],
    ["reads only the beginning", "head -c 10 > /dev/null", {}, /before it had read all of it$/],
  ] as const)("stays in quarantine where the scanner %s", async (_what, lines, limits, why) => {
    const scanner = await scannerOf(lines, limits);
    const file = await finished(Buffer.alloc(500_000, "x"));
    await scanner.scanDue();
    expect(await stateOf(file)).toBe("quarantine");
    expect(complaints).toEqual([expect.stringMatching(why)]);
    expect(complaints[0]).toContain(file.id);
  });

  test("is looked at again after a minute, then five, and once more when the server starts again", async () => {
    const scanner = await scannerOf("cat > /dev/null; echo x >> tries; exit 2");
    const file = await finished();
    const tries = async () => (await readFile(join(folder, "tries"), "utf8")).length / 2;
    await scanner.scanDue();
    await scanner.scanDue();
    expect(await tries()).toBe(1);
    clock.pass({ seconds: 61 });
    await scanner.scanDue();
    clock.pass({ seconds: 61 });
    await scanner.scanDue();
    expect(await tries()).toBe(2);
    const next = await scannerOf("cat > /dev/null");
    await next.scanDue();
    expect(await stateOf(file)).toBe("ready");
  });

  test("that is deleted meanwhile, or was judged by somebody else, is forgotten", async () => {
    const scanner = await scannerOf("cat > /dev/null; sleep 1");
    const [gone, judged] = [await finished(), await finished()];
    const scanning = scanner.scanDue();
    await vault.boxes.files.deleteFile(gone.id);
    await vault.boxes.files.judge(judged.id, { clean: true });
    await scanning;
    await scanner.scanDue();
    expect(complaints).toEqual([]);
  });
});

describe("an archive of many entries", () => {
  test.each([
    ["are large together", "head -c 1000000 /dev/zero > $n", 100],
    ["are empty", ": > $n", 8_000],
  ])("that %s ends the scanner that unpacks it, and nothing of it is left", async (_what, make, count) => {
    const entries = join(folder, "entries");
    await mkdir(entries);
    await execa("/bin/sh", ["-c", `n=0; while [ $n -lt ${count} ]; do n=$((n + 1)); ${make}; done`], { cwd: entries });
    const { stdout } = await execa("tar", ["-C", entries, "-cz", "."], { encoding: "buffer" });
    // None is larger than a file may be, and the scanner has time.
    const scanner = await scannerOf('echo "$TMPDIR" > where; tar -C "$TMPDIR" -xz; sleep 60', { moreBytes: 20e6 });
    const file = await finished(stdout);
    const start = performance.now();
    await scanner.scanDue();
    expect(complaints).toEqual([expect.stringMatching(/the scanner wrote more than 20\d{6} bytes$/)]);
    expect(performance.now() - start).toBeLessThan(15_000);
    expect(await stateOf(file)).toBe("quarantine");
    await expect(stat((await readFile(join(folder, "where"), "utf8")).trim())).rejects.toThrow("ENOENT");
  });
});

describe("an archive that unpacks to a thousand times its size", () => {
  const bomb = zipBomb(60);
  /** As far as gzip knows zip: its first entry. */
  const unpacks = 'echo "$TMPDIR" > where; cat > "$TMPDIR/zip"; gzip -dc < "$TMPDIR/zip" > "$TMPDIR/unpacked"';
  const where = async () => (await readFile(join(folder, "where"), "utf8")).trim();

  test("stays in quarantine where that is more than a scanner may write, and nothing of it is left", async () => {
    expect(bomb.length).toBeLessThan(100_000);
    const scanner = await scannerOf(unpacks, { moreBytes: 20e6 });
    const file = await finished(bomb);
    await scanner.scanDue();
    expect(await stateOf(file)).toBe("quarantine");
    expect(complaints).toHaveLength(1);
    await expect(stat(await where())).rejects.toThrow("ENOENT");
  });

  test("is let out by the same scanner where it has room for it", async () => {
    const scanner = await scannerOf(unpacks, { moreBytes: 80e6 });
    const file = await finished(bomb);
    await scanner.scanDue();
    expect([await stateOf(file), complaints]).toEqual(["ready", []]);
  });

  test("leaves nothing behind a scanner that hangs over it, nor behind what that started", async () => {
    const scanner = await scannerOf(`${unpacks} & sleep 60`, { seconds: 1 });
    await finished(bomb);
    await scanner.scanDue();
    expect(complaints).toEqual([expect.stringMatching(/took longer than 1 s$/)]);
    await expect(stat(await where())).rejects.toThrow("ENOENT");
  });
});

test("a server that ends ends the program, and leaves the file in quarantine", async () => {
  const scanner = await scannerOf("sleep 600 & echo $! > pid; wait");
  const file = await finished();
  await scanner.start();
  let pid = "";
  while (pid === "") pid = (await readFile(join(folder, "pid"), "utf8").catch(() => "")).trim();
  await scanner.stop();
  expect(await stateOf(file)).toBe("quarantine");
  expect(complaints).toEqual([]);
  // Killed, if perhaps not yet taken away by the system.
  while (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")) await clock.sleep(0);
});
