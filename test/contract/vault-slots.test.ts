import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import { collect, createOne, failure, readValue, withValue } from "./vault-cases/setup.js";
import { FileScene } from "./vault-scene.js";

jest.setTimeout(30_000); // argon2id is slow on purpose, and the machine may be busy

const PASSPHRASE = new Secret("correct horse battery staplé");
const scenes: FileScene[] = [];

async function makeScene(options: Parameters<typeof FileScene.make>[0] = {}): Promise<FileScene> {
  const scene = await FileScene.make(options);
  scenes.push(scene);
  return scene;
}

afterEach(async () => {
  await Promise.all(scenes.splice(0).map((scene) => scene.dispose()));
});

describe("key slots", () => {
  test("each key of its own opens the same vault: key files and passphrases", async () => {
    const scene = await makeScene({ label: "runner-1" });
    const vault = scene.open();
    const made = await createOne(vault, { name: "a", ...withValue("v") });
    const bo = newKeyText();
    await vault.addSlot({ label: "bo", key: { keyText: bo } });
    await vault.addSlot({ label: "ana", key: { passphrase: PASSPHRASE } });
    expect(await readValue(scene.open({ key: { keyText: bo } }), made.id)).toBe("v");
    const ana = scene.open({ key: { passphrase: new Secret(PASSPHRASE.reveal().normalize("NFD")) } });
    expect(await readValue(ana, made.id)).toBe("v");
    expect((await ana.listSlots()).map(({ label, kind, opened }) => [label, kind, opened])).toEqual([
      ["runner-1", "key-file", false],
      ["bo", "key-file", false],
      ["ana", "passphrase", true],
    ]);
    await failure(
      scene.open({ key: { passphrase: new Secret("correct horse battery stapler") } }).identity(),
      "WRONG_KEY",
    );
  });

  test("a vault can be made with a passphrase", async () => {
    const scene = await makeScene({ key: { passphrase: PASSPHRASE } });
    expect((await scene.open({ key: { passphrase: PASSPHRASE } }).identity()).name).toBe("test");
    await failure(scene.open().identity(), "WRONG_KEY");
  });

  test("a slot that was removed opens no more, for those who open anew; the note says what it still opens", async () => {
    const scene = await makeScene();
    const vault = scene.open();
    const bo = newKeyText();
    const added = await vault.addSlot({ label: "bo", key: { keyText: bo } });
    const { slot, note } = await vault.removeSlot("bo");
    expect(slot).toEqual(added);
    expect(note).toMatch(/backups.*still open/);
    await failure(scene.open({ key: { keyText: bo } }).identity(), "WRONG_KEY");
    await failure(vault.removeSlot("bo"), "NOT_FOUND");
    expect(await vault.check()).toMatchObject({ ok: true });
  });

  test("the last slot stays", async () => {
    const scene = await makeScene();
    const vault = scene.open();
    const [only] = await vault.listSlots();
    await failure(vault.removeSlot(only?.id ?? ""), "CONFLICT");
    expect(await vault.listSlots()).toHaveLength(1);
  });

  test("a label names one slot", async () => {
    const scene = await makeScene();
    const vault = scene.open();
    await failure(vault.addSlot({ label: "first", key: { keyText: newKeyText() } }), "CONFLICT");
    await failure(vault.addSlot({ label: "", key: { keyText: newKeyText() } }), "INVALID_INPUT");
    await failure(vault.addSlot({ label: "x", key: { passphrase: new Secret("elf chars..") } }), "INVALID_INPUT");
    await failure(vault.addSlot({ label: "x", key: { keyText: new Secret("no key") } }), "WRONG_KEY");
    expect(await vault.listSlots()).toHaveLength(1);
  });

  test("every change of slots is an event with the label, and never with the key", async () => {
    const scene = await makeScene({ label: "first" });
    const vault = scene.open();
    await vault.addSlot({ label: "bo", key: { passphrase: PASSPHRASE } });
    await vault.removeSlot("first");
    const events = await collect(vault.listEvents());
    expect(events.map(({ action, detail }) => [action, detail])).toEqual([
      ["vault.created", undefined],
      ["slot.added", "first"],
      ["slot.added", "bo"],
      ["slot.removed", "first"],
    ]);
    expect(JSON.stringify(events)).not.toContain(PASSPHRASE.reveal());
  });
});

test("nothing that a person wrote stands in the file: names, users, addresses, descriptions, tags, owners, values", async () => {
  const scene = await makeScene({ name: "plainly-visible", label: "LabelMarker" });
  const vault = scene.open();
  const words = [
    "CategoryMarker",
    "NameMarker",
    "UserMarker",
    "urlmarker",
    "DescriptionMarker",
    "TagMarker",
    "ValueMarker",
  ];
  words.push("AccountMarker", "OwnerMarker", "StackMarker", "TokenMarker", "LabelMarker", "ActorMarker", "CauseMarker");
  const marked = scene.open({ actor: "ActorMarker" });
  const category = await marked.createCategory({
    name: "CategoryMarker",
    parentId: null,
    description: "DescriptionMarker",
  });
  await marked.createCredentials([
    {
      name: "NameMarker",
      categoryId: category.id,
      username: "UserMarker",
      url: "https://urlmarker.example",
      description: "DescriptionMarker",
      tags: ["TagMarker"],
      targets: [
        { kind: "postgres", account: "AccountMarker", description: { host: "AccountMarker" }, accountMade: false },
      ],
      owner: { key: "OwnerMarker", stack: "StackMarker", token: "TokenMarker" },
      initial: { value: new Secret("ValueMarker"), causes: ["CauseMarker"] },
    },
  ]);
  await vault.bookLogin({ id: "b", account: "AccountMarker", host: "AccountMarker", kind: "probe" });
  await vault.readMany([{ path: ["CategoryMarker", "NameMarker"] }]);
  const bytes = scene.bytes().toString("latin1");
  expect(words.filter((word) => bytes.toLowerCase().includes(word.toLowerCase()))).toEqual([]);
  // The same search finds what does stand there: ids and words of the format.
  expect([category.id, "key-file"].filter((word) => bytes.includes(word))).toHaveLength(2);
});

test("values of nearby lengths take the same room", async () => {
  const scene = await makeScene();
  const vault = scene.open();
  await vault.createCredentials(
    ["", "x", "x".repeat(24), "é".repeat(20), "x".repeat(60)].map((value, index) => ({
      name: `n${index}`,
      categoryId: null,
      ...withValue(value),
    })),
  );
  const lengths = scene.sql((db) => db.prepare("SELECT length(body) AS length FROM value ORDER BY rowid").all());
  expect(lengths.map(({ length }) => length)).toEqual([92, 92, 92, 92, 156]);
});
