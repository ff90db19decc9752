import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { newKeyText, writeKeyFile } from "../../provider/vault/embedded/key-file.js";
import { collect, createOne, failure, withValue } from "./vault-cases/setup.js";
import { asRoot, FileScene, onTmpfs } from "./vault-scene.js";

const PASSPHRASE = new Secret("correct horse battery staple");
const scenes: FileScene[] = [];

async function makeScene(options: Parameters<typeof FileScene.make>[0] = {}): Promise<FileScene> {
  const scene = await FileScene.make(options);
  scenes.push(scene);
  return scene;
}

afterEach(async () => {
  await Promise.all(scenes.splice(0).map((scene) => scene.dispose()));
});

describe("opening a vault", () => {
  test("nothing happens before the first call, and reading writes nothing", async () => {
    const scene = await makeScene();
    const before = readFileSync(scene.path);
    const { mtimeMs } = statSync(scene.path);
    let asked = 0;
    const key = () => {
      asked += 1;
      return { keyText: scene.keyText };
    };
    const vault = scene.open({ key });
    expect([asked, readdirSync(scene.folder)]).toEqual([0, ["coffre.db"]]);
    expect((await vault.identity()).name).toBe("test");
    await collect(vault.listCredentials());
    await vault.close();
    expect(asked).toBe(1);
    expect(readFileSync(scene.path).equals(before)).toBe(true);
    expect(statSync(scene.path).mtimeMs).toBe(mtimeMs);
  });

  test("a missing file is VAULT_MISSING, and none is made", async () => {
    const scene = await makeScene();
    const error = await failure(scene.open({ path: join(scene.folder, "other.db") }).identity(), "VAULT_MISSING");
    expect(error.message).toContain("coffre vault init");
    const deeper = scene.open({ path: join(scene.path, "below-a-file.db") });
    await failure(deeper.identity(), "VAULT_MISSING");
    expect(readdirSync(scene.folder)).toEqual(["coffre.db"]);
  });

  test("a missing vault can appear later: the next call opens it", async () => {
    const scene = await makeScene();
    renameSync(scene.path, `${scene.path}.away`);
    const vault = scene.open();
    await failure(vault.identity(), "VAULT_MISSING");
    renameSync(`${scene.path}.away`, scene.path);
    expect((await vault.identity()).name).toBe("test");
  });

  test("another key, a mistyped key and a passphrase are WRONG_KEY", async () => {
    const scene = await makeScene();
    const text = scene.keyText.reveal();
    const mistyped = text.slice(0, -6) + (text.at(-6) === "A" ? "B" : "A") + text.slice(-5);
    for (const keyText of [newKeyText(), new Secret(mistyped), new Secret(text.slice(0, -1)), new Secret("hunter2")]) {
      const error = await failure(scene.open({ key: { keyText } }).identity(), "WRONG_KEY");
      expect(error.message).not.toContain(keyText.reveal());
    }
    await failure(scene.open({ key: { passphrase: PASSPHRASE } }).identity(), "WRONG_KEY");
    const padded = new Secret(`\n ${text} \n`);
    expect((await scene.open({ key: { keyText: padded } }).identity()).name).toBe("test");
  });

  test("a key file opens, unless it is missing or open to others", async () => {
    const scene = await makeScene();
    const keyFile = join(scene.folder, "ana.key");
    writeKeyFile(keyFile, scene.keyText);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(() => writeKeyFile(keyFile, scene.keyText)).toThrow("CONFLICT");
    expect((await scene.open({ key: { keyFile } }).identity()).name).toBe("test");
    chmodSync(keyFile, 0o640);
    const error = await failure(scene.open({ key: { keyFile } }).identity(), "CONFIGURATION");
    expect(error.message).toContain("chmod 600");
    await failure(scene.open({ key: { keyFile: `${keyFile}.gone` } }).identity(), "CONFIGURATION");
  });

  test("a newer format is refused without touching the file", async () => {
    const scene = await makeScene();
    scene.sql((db) => db.exec("PRAGMA user_version = 3"));
    const before = readFileSync(scene.path);
    const error = await failure(scene.open().identity(), "NEWER_FORMAT");
    expect(error.details).toEqual({ format: 3, known: 2 });
    expect(readFileSync(scene.path).equals(before)).toBe(true);
    expect(readdirSync(scene.folder)).toEqual(["coffre.db"]);
  });

  test("a process that has it open notices a newer format as well", async () => {
    const scene = await makeScene();
    const vault = scene.open();
    await createOne(vault, { name: "a" });
    scene.sql((db) => db.exec("UPDATE meta SET format = 3"));
    await failure(createOne(vault, { name: "b" }), "NEWER_FORMAT");
  });

  test.each<[string, (path: string) => void]>([
    ["an empty file", (path) => truncateSync(path)],
    ["a text file", (path) => writeFileSync(path, "not a vault at all, but longer than a header ".repeat(9))],
    ["another program's database", (path) => rewrite(path, (bytes) => bytes.writeUInt32BE(7, 68))],
    ["a vault without a format", (path) => rewrite(path, (bytes) => bytes.writeUInt32BE(0, 60))],
  ])("%s is CORRUPT, and stays as it is", async (_, damage) => {
    const scene = await makeScene();
    damage(scene.path);
    const before = readFileSync(scene.path);
    await failure(scene.open().identity(), "CORRUPT");
    expect(readFileSync(scene.path).equals(before)).toBe(true);
  });

  test("a folder is no vault", async () => {
    const scene = await makeScene();
    await failure(scene.open({ path: scene.folder }).identity(), "CORRUPT");
  });

  test("a file that was cut gives an error, never a wrong value, and is not changed", async () => {
    const scene = await makeScene();
    const made = await scene.with((vault) =>
      vault.createCredentials(
        Array.from({ length: 60 }, (_, index) => ({ name: `n${index}`, categoryId: null, ...withValue(`v${index}`) })),
      ),
    );
    const { size } = statSync(scene.path);
    for (const length of [1, 50, 99, 100, 4095, 4096, 5000, 8192, size / 2, size - 4096].map(Math.floor)) {
      const cut = scene.copy();
      scenes.push(cut);
      truncateSync(cut.path, length);
      const before = readFileSync(cut.path);
      const vault = cut.open();
      await failure(vault.readMany(made.map(({ id }) => ({ id }))), "CORRUPT");
      await vault.close();
      expect(readFileSync(cut.path).equals(before)).toBe(true);
    }
    truncateSync(scene.path, size - 1); // SQLite reads the missing byte as zero: right, or altered
    const answers = await scene.open().readMany(made.map(({ id }) => ({ id })));
    for (const [index, answer] of answers.entries()) {
      if (answer instanceof Error) expect(answer).toMatchObject({ code: "CORRUPT" });
      else expect(answer.value.reveal()).toBe(`v${index}`);
    }
  });

  test("a network file system is refused, for opening and for making", async () => {
    const scene = await makeScene();
    for (const [type, name] of [
      [0x6969, "NFS"],
      [0xff534d42 | 0, "CIFS"], // some libraries answer it as a negative number
      [0x65735546, "FUSE"],
    ] as const) {
      const error = await failure(scene.open({ typeOfFileSystem: () => type }).identity(), "NETWORK_FILE_SYSTEM");
      expect(error.message).toContain(name);
    }
    const path = join(scene.folder, "other.db");
    const made = createEmbeddedVault({ ...scene.options(), path, name: "x", typeOfFileSystem: () => 0xfe534d42 });
    await failure(made, "NETWORK_FILE_SYSTEM");
    expect(existsSync(path)).toBe(false);
  });

  asRoot("a read-only file system is READ_ONLY", async () => {
    const scene = new FileScene();
    scenes.push(scene);
    await onTmpfs(scene, "size=4m", async () => {
      await createEmbeddedVault({ ...scene.options(), name: "x" });
      await scene.with((vault) => createOne(vault, { name: "a", ...withValue("v") }));
      const before = readFileSync(scene.path);
      execFileSync("mount", ["-o", "remount,ro", scene.folder]);
      await failure(scene.open().identity(), "READ_ONLY");
      await failure(
        createEmbeddedVault({ ...scene.options(), path: join(scene.folder, "b.db"), name: "b" }),
        "READ_ONLY",
      );
      expect(readFileSync(scene.path).equals(before)).toBe(true);
    });
  });

  test("a file that this user may not write is READ_ONLY, one that he may not read is FORBIDDEN", async () => {
    const scene = await makeScene();
    chmodSync(scene.path, 0o444);
    expect(asOrdinaryUser(scene)).toBe("READ_ONLY");
    chmodSync(scene.path, 0o000);
    expect(asOrdinaryUser(scene)).toBe("FORBIDDEN");
    chmodSync(scene.path, 0o600);
  }, 30_000);

  test("a file that was replaced while it was open is noticed before anything is written to the lost one", async () => {
    const scene = await makeScene();
    const vault = scene.open();
    await createOne(vault, { name: "a" });
    const copy = readFileSync(scene.path);
    renameSync(scene.path, `${scene.path}.old`);
    writeFileSync(scene.path, copy, { mode: 0o600 });
    await failure(createOne(vault, { name: "b" }), "ROLLED_BACK");
  });

  test("after closing, calls are INTERRUPTED", async () => {
    const scene = await makeScene();
    const vault = scene.open();
    await vault.identity();
    await vault.close();
    await failure(vault.identity(), "INTERRUPTED");
    await failure(
      scene
        .open()
        .close()
        .then(() => vault.digest("x")),
      "INTERRUPTED",
    );
  });
});

function rewrite(path: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  change(bytes);
  writeFileSync(path, bytes);
}

/** Opens the vault in a process of a user who isn't root, and answers the error's code. */
function asOrdinaryUser(scene: FileScene): string {
  const nobody = 65_534;
  const root = process.getuid?.() === 0;
  if (root) chmodSync(scene.folder, 0o755);
  return execFileSync(
    process.execPath,
    [
      "--import",
      join(import.meta.dirname, "../../tools/sources.ts"),
      join(import.meta.dirname, "vault-opener.ts"),
      scene.path,
    ],
    {
      input: scene.keyText.reveal(),
      encoding: "utf8",
      ...(root ? { uid: nobody, gid: nobody } : {}),
      stdio: ["pipe", "pipe", "ignore"],
    },
  ).trim();
}
