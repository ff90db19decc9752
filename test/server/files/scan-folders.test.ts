import type { ChildProcess } from "node:child_process";
import { chownSync, readdirSync, statSync } from "node:fs";
import { chmod, mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../../provider/core/clock.js";
import { Scanner } from "../../../provider/server/files/scanner.js";
import { isCoffreError } from "../../../provider/core/errors.js";
import type { EmbeddedVault } from "../../../provider/vault/embedded/embedded-vault.js";
import { box, pieces } from "../../contract/vault-cases/boxes.js";
import { failure } from "../../contract/vault-cases/setup.js";
import { kill, said, startProgram } from "../../contract/vault-child.js";
import { FileScene } from "../../contract/vault-scene.js";

jest.setTimeout(60_000); // for a busy machine

const ROOT = 0;
const NOBODY = 65_534;
const CLEAR = "a letter in the clear";

let scene: FileScene;
let vault: EmbeddedVault;
let workers: ChildProcess[];
let output: string;
beforeEach(async () => {
  scene = await FileScene.make();
  vault = scene.open();
  vault.ruleFiles({ scanner: { arrived: () => undefined } }); // so that files are in quarantine before anybody looks
  output = "";
  workers = [];
});
afterEach(async () => {
  for (const worker of workers) if (worker.exitCode === null && worker.signalCode === null) await kill(worker);
  for (const uid of [process.getuid?.(), NOBODY]) await rm(await parentOf(uid), { recursive: true, force: true });
  await scene.dispose();
});

/** Where servers of this vault and this user have what they scan. */
async function parentOf(uid: number | undefined): Promise<string> {
  return join(tmpdir(), `coffre-scan-${uid}-${(await vault.identity()).id}`);
}

/** A file in quarantine. @param name of its box */
async function quarantined(name = "acme"): Promise<string> {
  const { id: depositId } = await vault.boxes.openDeposit((await box(vault, { name })).id, { by: "ana@acme.example" });
  const { id } = await vault.boxes.files.create({ depositId, name: "a.txt" });
  await vault.boxes.files.append(id, 0, pieces(CLEAR));
  await vault.boxes.files.finish(id);
  return id;
}

/**
 * A server's process that scans by these lines of shell, which find `$own`, the test's folder. It is never root's, who may
 * write to any folder.
 */
async function startWorker(lines: string, moreBytes = 1e9): Promise<ChildProcess> {
  const uid = process.getuid?.() === ROOT ? NOBODY : (process.getuid?.() ?? NOBODY);
  const path = join(scene.folder, "scan");
  await writeFile(path, `#!/bin/sh\nown='${scene.folder}'\necho "$TMPDIR" > "$own/where"\n${lines}\n`);
  await chmod(path, 0o755);
  giveAway(scene.folder, uid);
  const worker = startProgram("../server/files/scan-worker.ts", {
    args: [scene.path, path, String(moreBytes), String(uid)],
    lines: [scene.keyText.reveal()],
  });
  workers.push(worker);
  worker.stdout?.on("data", (chunk) => (output += String(chunk)));
  await said(worker, "ready");
  return worker;
}

function giveAway(path: string, uid: number): void {
  chownSync(path, uid, uid);
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) giveAway(join(path, name), uid);
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20);
}

const stateOf = async (id: string) => (await vault.boxes.files.readFile(id)).state;
const where = async () => (await readFile(join(scene.folder, "where"), "utf8").catch(() => "")).trim();
const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );
const READ_ONLY =
  'mkdir -p "$TMPDIR/a/b"; echo x > "$TMPDIR/a/b/c"; chmod 555 "$TMPDIR/a/b" "$TMPDIR/a"; cat > /dev/null';

test("what a scanner found counts where it unpacked a folder that may not be written to, and that is gone", async () => {
  const id = await quarantined();
  await startWorker(`${READ_ONLY}; echo Eicar FOUND; exit 1`);
  await until(async () => (await stateOf(id)) !== "quarantine");
  expect(await vault.boxes.files.readFile(id)).toMatchObject({ state: "refused", reason: "Eicar FOUND" });
  await until(async () => !(await isThere(await where())));
  expect(output).toBe("ready\n");
});

test("what a scanner found counts where its folder can't be removed, which is said", async () => {
  const id = await quarantined();
  await startWorker('cat > /dev/null; chmod 500 "$TMPDIR/.."');
  await until(async () => (await stateOf(id)) !== "quarantine");
  expect(await stateOf(id)).toBe("ready");
  expect(output).toContain(`What a scanner left in ${await where()} can't be removed (EACCES)\n`);
  await chmod(dirname(await where()), 0o700);
});

test("what a folder hides that may not be read counts to what a scanner may write", async () => {
  const id = await quarantined();
  const hidden = 'mkdir "$TMPDIR/a"; for n in 1 2 3 4; do head -c 1000000 /dev/urandom > "$TMPDIR/a/$n"; done';
  await startWorker(`${hidden}; chmod 0 "$TMPDIR/a"; cat > /dev/null; sleep 60`, 2e6);
  await until(() => output.includes("quarantine"));
  expect(output).toContain(`The file ${id} stays in quarantine: the scanner wrote more than 2000021 bytes\n`);
  expect(await stateOf(id)).toBe("quarantine");
  expect(await isThere(await where())).toBe(false);
});

test("what a server that was killed had in the clear is gone once the next one starts, and what a living one has stays", async () => {
  const id = await quarantined();
  const clear = 'cat > "$TMPDIR/clear"; echo $$ > "$own/pid"; exec sleep 60';
  const killed = await startWorker(clear);
  await until(() => isThere(join(scene.folder, "pid")));
  await kill(killed);
  const left = await where();
  expect(await readFile(join(left, "clear"), "utf8")).toBe(CLEAR);
  // Nobody may look into it meanwhile.
  expect((await stat(dirname(dirname(left)))).mode & 0o777).toBe(0o700);
  process.kill(Number(await readFile(join(scene.folder, "pid"), "utf8")), "SIGKILL");

  await writeFile(join(scene.folder, "pid"), "");
  await startWorker(clear);
  await until(async () => (await readFile(join(scene.folder, "pid"), "utf8")) !== "");
  expect(await isThere(left)).toBe(false);
  const living = await where();
  const third = await startWorker("cat > /dev/null; exit 2");
  expect(await readFile(join(living, "clear"), "utf8")).toBe(CLEAR);
  await kill(third);
  process.kill(Number(await readFile(join(scene.folder, "pid"), "utf8")), "SIGKILL");
  expect(await stateOf(id)).toBe("quarantine");
});

test("a scanner's folder that others may open, or have made, is refused", async () => {
  const path = await parentOf(process.getuid?.());
  const program = { argv: ["/bin/cat"], seconds: 20, memoryBytes: 4e9, moreBytes: 1e9 };
  const scanner = () => new Scanner({ vault, program, clock: systemClock, complain: () => undefined });
  const first = scanner();
  await first.start();
  await first.stop();
  await chmod(path, 0o755);
  const { problem } = await failure(scanner().start(), "CONFIGURATION");
  expect(problem).toBe(`The folder ${path} for files that are scanned is open to others (mode 0755)`);
});

test("files are scanned on where somebody tidied the folder away, and a scanner that found none may be stopped", async () => {
  const complaints: unknown[] = [];
  const program = { argv: ["/bin/cat"], seconds: 20, memoryBytes: 4e9, moreBytes: 1e9 };
  const scanner = () =>
    new Scanner({ vault, program, clock: systemClock, complain: (error) => complaints.push(String(error)) });
  const first = scanner();
  await first.start();
  const path = await parentOf(process.getuid?.());
  await rm(path, { recursive: true });
  const id = await quarantined();
  first.arrived(id);
  await until(async () => (await stateOf(id)) === "ready" || complaints.length > 0);
  expect(complaints).toEqual([]);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  await first.stop();

  await chmod(path, 0o755);
  const second = scanner();
  await failure(second.start(), "CONFIGURATION");
  await second.stop();
});

test("what another machine's server has stays as long as a scan may last there, and no longer", async () => {
  const parent = await parentOf(process.getuid?.());
  const foreign = join(parent, Buffer.from("elsewhere+boot+namespace/17/4711/abc").toString("base64url"));
  await mkdir(join(foreign, "file-1"), { recursive: true });
  await chmod(parent, 0o700);
  const left = join(parent, Buffer.from("elsewhere+boot+namespace/18/4711/abc").toString("base64url"));
  await mkdir(join(left, "file-1"), { recursive: true });
  const before = (seconds: number) => new Date(Date.now() - seconds * 1000);
  await utimes(left, before(20 + 70), before(20 + 70));

  const complaints: unknown[] = [];
  const program = { argv: ["/bin/cat"], seconds: 20, memoryBytes: 4e9, moreBytes: 1e9 };
  const complain = (error: unknown) => complaints.push(String(error));
  const scanner = new Scanner({ vault, program, clock: systemClock, complain });
  await scanner.start();
  expect([await isThere(foreign), await isThere(left)]).toEqual([true, false]);
  // By then its last scan has ended, and the next one here removes what is left of it.
  await utimes(foreign, before(20 + 70), before(20 + 70));
  const id = await quarantined();
  scanner.arrived(id);
  await until(async () => (await stateOf(id)) === "ready" || complaints.length > 0);
  expect(await isThere(foreign)).toBe(false);
  await scanner.stop();
  expect(complaints).toEqual([]);
});

test("a program whose folder was taken away while it ran knows nothing, unless it has found something", async () => {
  const id = await quarantined();
  await startWorker('cat > /dev/null; rm -rf "$TMPDIR"');
  await until(() => output.includes("quarantine"));
  expect(output).toContain(`The file ${id} stays in quarantine: the scanner lost its TMPDIR while it ran\n`);
  expect(await stateOf(id)).toBe("quarantine");
  await startWorker('cat > /dev/null; rm -rf "$TMPDIR"; echo Eicar FOUND; exit 1');
  await until(async () => (await stateOf(id)) !== "quarantine");
  expect(await stateOf(id)).toBe("refused");
});

test("a folder of this server's that others have opened is named in the error", async () => {
  const complaints: string[] = [];
  const program = { argv: ["/bin/cat"], seconds: 20, memoryBytes: 4e9, moreBytes: 1e9 };
  const complain = (error: unknown) => complaints.push(isCoffreError(error) ? error.problem : String(error));
  const scanner = new Scanner({ vault, program, clock: systemClock, complain });
  await scanner.start();
  const parent = await parentOf(process.getuid?.());
  const own = join(parent, readdirSync(parent)[0] ?? "");
  await chmod(own, 0o755);
  scanner.arrived(await quarantined());
  await until(() => complaints.length > 0);
  expect(complaints).toEqual([`The folder ${own} for files that are scanned is open to others (mode 0755)`]);
  await chmod(own, 0o700);
  await scanner.stop();
});

test.each([
  ["can't be written to", 'chmod 500 "$TMPDIR/.."', "No folder for a file that is scanned can be made in "],
  ["can't be listed", 'chmod 300 "$TMPDIR/../.."', "What servers have left can't be looked for in "],
])("files stay in quarantine, and it is said why, where a folder %s", async (_what, change, problem) => {
  // One more than are looked at at once: at least the last one comes too late.
  const ids = [await quarantined(), await quarantined("second"), await quarantined("third")];
  await startWorker(`cat > /dev/null; ${change}`);
  await until(() => output.includes(problem) || output.includes("Error: "));
  const own = dirname(await where());
  for (const folder of [dirname(own), own]) await chmod(folder, 0o700);
  expect(output).not.toContain("Error: ");
  expect(output).toContain(`${problem}${change.includes("500") ? own : dirname(own)} (EACCES)\n`);
  expect(await Promise.all(ids.map(stateOf))).toContain("quarantine");
});
