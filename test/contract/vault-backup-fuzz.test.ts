import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Encrypter } from "age-encryption";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import * as fc from "fast-check";
import { CoffreError } from "../../provider/core/errors.js";
import { decryptFile } from "../../provider/vault/embedded/backup/age.js";
import { parseBackup } from "../../provider/vault/embedded/backup/parse.js";
import { BackupScene, furnish } from "./vault-backup-scene.js";

jest.setTimeout(120_000);

const NOBODY = { header: () => undefined, row: () => undefined, block: () => undefined };
const ALLOWED = ["CORRUPT", "NEWER_FORMAT"];

let scene: BackupScene;
let clear: Buffer;
let file: string;
beforeEach(async () => {
  scene = await BackupScene.make();
  const vault = scene.open();
  await furnish(vault);
  ({ file } = await scene.backUp(vault));
  const chunks: Uint8Array[] = [];
  for await (const chunk of decryptFile(file, [scene.identity])) chunks.push(chunk);
  clear = Buffer.concat(chunks);
});
afterEach(() => scene.dispose());

async function* inPieces(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function outcome(bytes: Uint8Array, size = 1000): Promise<string> {
  try {
    await parseBackup(inPieces(bytes, size), NOBODY);
    return "taken";
  } catch (error) {
    if (!(error instanceof CoffreError)) throw error;
    return error.code;
  }
}

test("the text is read the same in pieces of any size", async () => {
  for (const size of [1, 2, 7, 100, 65_536]) expect(await outcome(clear, size)).toBe("taken");
});

test("any change of the text is refused by its code: a byte changed, left out, put in; a line left out, doubled, moved", async () => {
  const lines = clear.toString("utf8").trimEnd().split("\n");
  const where = fc.integer({ min: 0, max: clear.length - 1 });
  const line = fc.integer({ min: 0, max: lines.length - 1 });
  const changes = fc.oneof(
    fc.tuple(where, fc.integer({ min: 1, max: 255 })).map(([at, by]) => {
      const changed = Buffer.from(clear);
      changed[at] = (changed[at] ?? 0) ^ by;
      return changed;
    }),
    where.map((at) => Buffer.concat([clear.subarray(0, at), clear.subarray(at + 1)])),
    where.map((at) => clear.subarray(0, at)),
    fc
      .tuple(where, fc.uint8Array({ minLength: 1, maxLength: 5 }))
      .map(([at, more]) => Buffer.concat([clear.subarray(0, at), more, clear.subarray(at)])),
    line.map((at) => Buffer.from(`${lines.toSpliced(at, 1).join("\n")}\n`)),
    line.map((at) => Buffer.from(`${lines.toSpliced(at, 0, lines[at] ?? "").join("\n")}\n`)),
    fc
      .tuple(line, line)
      .filter(([from, to]) => from !== to)
      .map(([from, to]) =>
        Buffer.from(
          `${lines
            .with(from, lines[to] ?? "")
            .with(to, lines[from] ?? "")
            .join("\n")}\n`,
        ),
      ),
  );
  await fc.assert(
    fc.asyncProperty(changes, async (changed) => {
      expect(ALLOWED).toContain(await outcome(changed));
    }),
    { numRuns: 400 },
  );
});

test("anything at all in its place is refused by its code", async () => {
  const shapes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.json().map((text) => Buffer.from(`${text}\n`)),
    fc
      .array(fc.json(), { maxLength: 5 })
      .map((all) => Buffer.from(`${clear.toString("utf8").split("\n")[0]}\n${all.join("\n")}\n`)),
  );
  await fc.assert(
    fc.asyncProperty(shapes, async (bytes) => {
      expect(ALLOWED).toContain(await outcome(bytes));
    }),
    { numRuns: 300 },
  );
});

test("any byte of the age file changed, or the file cut anywhere, is refused, and leaves nothing behind", async () => {
  const whole = readFileSync(file);
  const before = readdirSync(scene.folder).sort();
  const bad = join(scene.to, "bad");
  const where = fc.integer({ min: 0, max: whole.length - 1 });
  await fc.assert(
    fc.asyncProperty(where, fc.boolean(), async (at, cut) => {
      const changed = cut ? whole.subarray(0, at) : Buffer.from(whole);
      if (!cut) changed[at] = (changed[at] ?? 0) ^ 0x20;
      writeFileSync(bad, changed);
      const error = await scene.intoNew(bad).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(CoffreError);
      expect(["CORRUPT", "WRONG_KEY"]).toContain((error as CoffreError).code);
      expect(readdirSync(scene.folder).sort()).toEqual(before);
    }),
    { numRuns: 40 },
  );
});

test("a newer format is NEWER_FORMAT, whatever else it holds", async () => {
  const encrypter = new Encrypter();
  encrypter.addRecipient(scene.recipient);
  writeFileSync(join(scene.to, "newer"), await encrypter.encrypt('{"coffreBackup":3,"more":true}\n["and",1]\n'));
  const error = await scene.intoNew(join(scene.to, "newer")).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: "NEWER_FORMAT", details: { format: 3, known: 2 } });
  expect(
    await scene
      .open()
      .restore(scene.source(join(scene.to, "newer")))
      .catch((thrown: unknown) => thrown),
  ).toMatchObject({
    code: "NEWER_FORMAT",
  });
});
