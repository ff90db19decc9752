import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { checkBoxFacts, touchedFacts } from "../../provider/core/drop-box.js";
import { dropBoxHandlers as handlers } from "../../provider/resources/drop-box/handlers.js";
import { UNKNOWN } from "../../provider/resources/values.js";
import type { Vault } from "../../provider/vault/port.js";
import { RecordVault } from "../../provider/vault/records/record-vault.js";
import { deposit } from "../contract/vault-cases/boxes.js";
import { collect, failure } from "../contract/vault-cases/setup.js";
import { type Kept, ResourceScene, type RunOptions, withIdentity, withoutBoxes } from "../fixtures/resource-scene.ts";

let scene: ResourceScene;
let vault: Vault;
beforeEach(() => {
  scene = new ResourceScene();
  vault = scene.vault;
});
afterEach(() => scene.close());

type Inputs = Record<string, unknown>;
const ANA = "ana@acme.example";
const acme = (inputs: Inputs = {}): Inputs => ({
  name: "acme",
  ownerKey: "shop/dev/DropBox/acme",
  recipients: [ANA],
  ...inputs,
});
const inDays = (days: number): string =>
  new Date(scene.clock.now().getTime() + days * 86_400_000).toISOString().replace("000Z", "5Z");

async function problems(inputs: Inputs, olds: Inputs = {}, options: RunOptions = {}): Promise<string> {
  const { failures } = await handlers.check(scene.resources(options), olds, inputs);
  return failures.map(({ reason }) => reason).join("\n");
}

/** `pulumi up`, as the engine calls the handlers. */
async function up(inputs: Inputs, kept?: Kept, options: RunOptions = {}): Promise<Kept> {
  const { inputs: checked, failures } = await handlers.check(scene.resources(options), kept?.outputs ?? {}, inputs);
  if (failures.length > 0) throw new Error(failures.map(({ reason }) => reason).join("\n"));
  const context = scene.resources(options);
  if (!kept) {
    const { id, outs } = await handlers.create(context, checked);
    return { id, outputs: outs };
  }
  return { id: kept.id, outputs: (await handlers.update(context, kept.id, kept.outputs, checked)).outs };
}

async function diff(inputs: Inputs, kept: Kept, options: RunOptions = {}) {
  const { inputs: checked } = await handlers.check(scene.resources(options), kept.outputs, inputs);
  return handlers.diff(scene.resources(options), kept.id, kept.outputs, checked);
}

const refresh = (kept: Kept, options: RunOptions = {}) =>
  handlers.read(scene.resources(options), kept.id, kept.outputs);
const destroy = (kept: Kept) => handlers.remove(scene.resources(), kept.id, kept.outputs);
const box = ({ id }: Kept) => vault.boxes.readBox(id);
const NOTHING = { changes: false };

describe("a drop-box", () => {
  test("is made where it is declared, with all that is said of it, and is unchanged after", async () => {
    const partners = await vault.createCategory({ name: "Partners", parentId: null });
    const declared = acme({
      categoryId: partners.id,
      recipients: ["ana@ACME.example", "bo@acme.example", ANA],
      managers: ["cy@example.com"],
      description: "The signed statement",
      expiresAt: inDays(10),
      archivesAt: inDays(20),
      partitioned: true,
      depositNotice: false,
      downloadNotice: true,
      maxFileBytes: 1000,
      maxBytes: 5000,
      fileTypes: ["pdf"],
      keepDays: 30,
      phones: ["+33 1 23 45 67 89"],
    });
    const made = await up(declared);
    expect(made.outputs).toEqual({
      ...declared,
      recipients: [ANA, "bo@acme.example"],
      path: "Partners/acme",
      depositCount: 0,
      status: "open",
      ownerToken: expect.stringMatching(/^[\w-]{20}$/),
      vaultStamp: expect.any(String),
    });
    const { ownerKey: _key, ...facts } = declared;
    expect(await box(made)).toMatchObject({
      ...facts,
      recipients: [ANA, "bo@acme.example"],
      expiresAt: new Date(inDays(10)).toISOString(),
      archivesAt: new Date(inDays(20)).toISOString(),
      enabled: true,
      owned: true,
    });
    expect(await diff(declared, made)).toEqual(NOTHING);
    expect(await refresh(made)).toEqual({ id: made.id, props: made.outputs });
  });

  test("that an interrupted create left is returned, and its people aren't told twice", async () => {
    const lost = await up(acme());
    const made = await up(acme({ description: "more" }));
    expect(made.id).toBe(lost.id);
    expect(await collect(vault.boxes.listBoxes())).toMatchObject([{ description: "more" }]);
    expect(vault instanceof RecordVault && (await collect(vault.outbox.list()))).toHaveLength(1);
    await expect(up(acme({ name: "other" }))).rejects.toThrow(/CONFLICT[\s\S]*earlier run[\s\S]*adopt: "bx_/);
  });

  test("is changed, renamed and moved in place; what is no longer declared goes back to its default", async () => {
    const made = await up(
      acme({
        description: "old",
        expiresAt: inDays(1),
        enabled: false,
        managers: ["cy@example.com"],
        fileTypes: ["pdf"],
      }),
    );
    const partners = await vault.createCategory({ name: "Partners", parentId: null });
    const news = acme({ name: "Acme GmbH", categoryId: partners.id, recipients: [ANA, "dee@acme.example"] });
    expect(await diff(news, made)).toEqual({ changes: true });
    const after = await up(news, made);
    expect(after.outputs).toMatchObject({ path: "Partners/Acme GmbH", status: "open" });
    expect(after.outputs).not.toHaveProperty("description");
    const { description, expiresAt, fileTypes, ...rest } = await box(after);
    expect([description, expiresAt, fileTypes]).toEqual([undefined, undefined, undefined]);
    expect(rest).toMatchObject({ enabled: true, managers: [], recipients: [ANA, "dee@acme.example"] });
    expect(await diff(news, after)).toEqual(NOTHING);
  });

  test("has what is declared brought back, and keeps what was left to people", async () => {
    const made = await up(acme({ partitioned: true }));
    await vault.boxes.updateBox(made.id, { description: "by hand", enabled: false });
    expect(await diff(acme({ partitioned: true }), made)).toEqual(NOTHING);
    expect((await refresh(made)).props).toEqual({ ...made.outputs, status: "closed" });
    await vault.boxes.updateBox(made.id, { recipients: ["eve@example.com"], partitioned: false });
    expect(await diff(acme({ partitioned: true }), made)).toEqual({ changes: true });
    expect((await refresh(made)).props).toMatchObject({ recipients: ["eve@example.com"], partitioned: false });
    const after = await up(acme({ partitioned: true }), made);
    expect(await box(after)).toMatchObject({
      recipients: [ANA],
      partitioned: true,
      description: "by hand",
      enabled: false,
    });
  });

  test("counts deposits at the next refresh, and a deposit changes nothing that is declared", async () => {
    const made = await up(acme());
    await deposit(vault, await box(made), { "a.txt": "text" });
    expect(await diff(acme(), made)).toEqual(NOTHING);
    expect((await refresh(made)).props).toEqual({ ...made.outputs, depositCount: 1 });
  });

  test("has the address of its page where its program says what people reach", async () => {
    const publicUrl = "https://vault.example.com/";
    const made = await up(acme({ publicUrl }));
    const url = `https://vault.example.com/boxes/${made.id}`;
    expect(made.outputs).toMatchObject({ url });
    expect(await diff(acme({ publicUrl }), made)).toEqual(NOTHING);
    expect((await refresh(made)).props).toMatchObject({ url });
    expect((await up(acme(), made)).outputs).not.toHaveProperty("url");
  });

  test("keeps the address of its page where who answers knows none", async () => {
    const made = await up(acme());
    const url = "https://vault.example.com/boxes/x";
    const kept = { ...made, outputs: { ...made.outputs, url } };
    expect((await refresh(kept)).props).toMatchObject({ url });
    expect(await diff(acme(), kept)).toEqual(NOTHING);
    expect((await up(acme({ description: "new" }), kept)).outputs).toMatchObject({ url });
  });

  test("is read by its id alone, for an import and for a program that looks at it", async () => {
    const made = await up(acme({ description: "wanted" }));
    expect(await handlers.read(scene.resources(), made.id, {})).toEqual({
      id: made.id,
      props: {
        name: "acme",
        recipients: [ANA],
        managers: [],
        description: "wanted",
        partitioned: false,
        depositNotice: true,
        downloadNotice: false,
        enabled: true,
        phones: [],
        path: "acme",
        depositCount: 0,
        status: "open",
      },
    });
  });
});

describe("the name of a drop-box", () => {
  test("that somebody else has is a conflict at preview, or adopted, or replaced with what was deposited kept", async () => {
    const there = await vault.boxes.createBox({ name: "acme", categoryId: null, recipients: [ANA] });
    await deposit(vault, there, { "a.txt": "kept" });
    expect(await problems(acme())).toMatch(
      new RegExp(`CONFLICT[\\s\\S]*"acme"[\\s\\S]*adopt: "${there.id}"[\\s\\S]*onNameConflict`),
    );
    await failure(handlers.create(scene.resources(), acme()), "CONFLICT");
    expect(await problems(acme({ adopt: true }))).toBe("");
    expect(scene.notes).toEqual([]);
    const made = await up(acme({ onNameConflict: "replace" }));
    expect(scene.notes).toEqual([
      `archives the box "acme" (${there.id}) that has the name; its 1 deposit stays readable`,
    ]);
    expect(made.id).not.toBe(there.id);
    expect(await vault.boxes.readBox(there.id)).toMatchObject({ status: "archived", depositCount: 1 });
    expect(await diff(acme({ onNameConflict: "replace" }), made)).toEqual(NOTHING);
    expect(await diff(acme(), made)).toEqual(NOTHING);
  });

  test("of this month's box replaces last month's, whose resource then leaves the program", async () => {
    const october = await up(acme({ ownerKey: "shop/dev/DropBox/acme-10", onDelete: "archive" }));
    const november = await up(acme({ ownerKey: "shop/dev/DropBox/acme-11", onNameConflict: "replace" }));
    await destroy(october);
    expect((await box(october)).status).toBe("archived");
    expect((await box(november)).status).toBe("open");
  });

  test("is adopted by id or name, with what wasn't declared as people made it", async () => {
    const there = await vault.boxes.createBox({
      name: "acme",
      categoryId: null,
      recipients: [],
      description: "theirs",
    });
    const made = await up(acme({ adopt: true }));
    expect(made.id).toBe(there.id);
    expect(await box(made)).toMatchObject({ recipients: [ANA], description: "theirs", owned: true });
    const other = await vault.boxes.createBox({ name: "other", categoryId: null, recipients: [] });
    const byId = await up(acme({ name: "renamed", ownerKey: "shop/dev/DropBox/b", adopt: other.id }));
    expect(byId.outputs).toMatchObject({ path: "renamed" });
    expect(await problems(acme({ name: "none", ownerKey: "k", adopt: true }))).toMatch(/NOT_FOUND[\s\S]*to adopt/);
    await vault.boxes.archiveBox(there.id, {});
    expect(await problems(acme({ ownerKey: "k", adopt: there.id }))).toMatch(/CONFLICT[\s\S]*archived/);
    await failure(handlers.create(scene.resources(), acme({ ownerKey: "k", adopt: there.id })), "CONFLICT");
  });

  test("is declared by one resource of a program, and not taken by a rename", async () => {
    const context = scene.resources();
    expect((await handlers.check(context, {}, acme())).failures).toEqual([]);
    const second = await handlers.check(context, {}, acme({ ownerKey: "shop/dev/DropBox/again" }));
    expect(second.failures[0]?.reason).toMatch(/CONFLICT[\s\S]*shop\/dev\/DropBox\/acme/);
    const made = await up(acme());
    await vault.boxes.createBox({ name: "taken", categoryId: null, recipients: [] });
    expect(await problems(acme({ name: "taken", onNameConflict: "replace" }), made.outputs)).toContain("CONFLICT");
  });
});

describe("a drop-box that leaves the program", () => {
  test("is deleted while it is empty, and refused while anything is deposited", async () => {
    const made = await up(acme());
    await deposit(vault, await box(made), { "a.txt": "text" });
    await expect(destroy(made)).rejects.toThrow(/CONFLICT[\s\S]*a deposit would be lost[\s\S]*Archive it/);
    expect((await box(made)).status).toBe("open");
    for await (const { id } of vault.boxes.listDeposits(made.id)) await vault.boxes.deleteDeposit(id);
    await destroy(made);
    await destroy(made);
    await failure(box(made), "NOT_FOUND");
  });

  test("is archived with its deposits, or kept as it is, by onDelete", async () => {
    const made = await up(acme({ onDelete: "archive" }));
    const { id } = await deposit(vault, await box(made), { "a.txt": "text" });
    await destroy(made);
    expect((await box(made)).status).toBe("archived");
    expect((await vault.boxes.readDeposit(id)).files).toHaveLength(1);
    const kept = await up(acme({ onDelete: "keep" }));
    await destroy(kept);
    expect((await box(kept)).status).toBe("open");
    const foreign = { ...kept, outputs: { ...kept.outputs, onDelete: "delete", ownerToken: "another" } };
    await failure(destroy(foreign), "CONFLICT");
  });

  test("by somebody's hand is gone for a refresh, and an up says so first", async () => {
    const made = await up(acme());
    await vault.boxes.archiveBox(made.id, {});
    await expect(diff(acme(), made)).rejects.toThrow(/NOT_FOUND[\s\S]*archived or deleted, not by this stack/);
    expect(await refresh(made)).toEqual({});
    const again = await up(acme());
    expect(again.id).not.toBe(made.id);
    await vault.boxes.deleteBox(again.id, {});
    expect(await refresh(again)).toEqual({});
  });
});

describe("the times of a drop-box", () => {
  test("pass without a change; once it is archived, a later time makes a new one, and what was deposited stays", async () => {
    const times = { expiresAt: inDays(1), archivesAt: inDays(2) };
    const made = await up(acme(times));
    await deposit(vault, await box(made), { "a.txt": "text" });
    await scene.clock.sleep(3 * 86_400_000);
    expect(await diff(acme(times), made)).toEqual(NOTHING);
    const kept = { id: made.id, outputs: (await refresh(made)).props ?? {} };
    expect(kept.outputs).toMatchObject({ status: "archived", depositCount: 1 });
    expect(await diff(acme({ ...times, description: "typing error" }), kept)).toEqual({ changes: true });
    const news = acme({ expiresAt: inDays(5) });
    expect(await diff(news, kept)).toEqual({ changes: true, replaces: ["expiresAt", "archivesAt"] });
    await destroy(kept);
    const next = await up(news);
    expect(next.id).not.toBe(made.id);
    expect(await box(made)).toMatchObject({ status: "archived", depositCount: 1 });
  });

  test("lie ahead for a new one, with their zone", async () => {
    expect(await problems(acme({ expiresAt: inDays(-1) }))).toMatch(/INVALID_INPUT[\s\S]*expiresAt has passed/);
    expect(await problems(acme({ archivesAt: inDays(-1) }))).toMatch(/archivesAt has passed/);
    expect(await problems(acme({ expiresAt: "2035-02-30T00:00:00Z" }))).toMatch(
      /expiresAt names a day that doesn't exist/,
    );
    const made = await up(acme());
    expect(scene.notes).toEqual([]);
    const over = acme({ expiresAt: inDays(-1), archivesAt: inDays(-1) });
    expect(await problems(over, made.outputs)).toBe("");
    expect(scene.notes.splice(0)).toEqual([
      'expiresAt has passed: this closes the box "acme"',
      'archivesAt has passed: this archives the box "acme"',
    ]);
    const after = await up(over, made);
    scene.notes.length = 0;
    expect(await diff(over, after)).toEqual(NOTHING);
    expect(scene.notes).toEqual([]); // said once, when it was changed
  });
});

describe("a preview refuses", () => {
  test.each<[string, Inputs, RegExp]>([
    ["no recipients at all", { recipients: undefined }, /recipients: is missing: it must be a list/],
    [
      "an address that is none",
      { recipients: [ANA, "not an address"] },
      /Number 2 of recipients isn't an e-mail address/,
    ],
    ["a header in an address", { managers: ["a@b.example\r\nBcc: c@d.example"] }, /Number 1 of managers isn't/],
    [
      "more people than a box has",
      { recipients: Array.from({ length: 1001 }, (_, n) => `p${n}@a.example`) },
      /1001 addresses/,
    ],
    ["a path for a name", { name: "a/b" }, /has a slash/],
    [
      "an archive before the end",
      { expiresAt: "2035-02-02T00:00:00Z", archivesAt: "2035-02-01T00:00:00Z" },
      /before expiresAt[\s\S]*Give a later archivesAt/,
    ],
    ["a size that is none", { maxFileBytes: 1.5 }, /maxFileBytes isn't a whole number above 0/],
    ["a size that is no number", { maxFileBytes: Number.NaN }, /maxFileBytes: must be a number, not NaN/],
    ["a size that no computer has", { maxFileBytes: 1e300 }, /maxFileBytes is more than 9,007,199,254,740,991/],
    ["a file larger than the box", { maxFileBytes: 2, maxBytes: 1 }, /maxFileBytes is larger than maxBytes/],
    ["a thousand years", { keepDays: 36_501 }, /keepDays is more than 36,500/],
    ["a page with a path", { publicUrl: "https://example.com/x" }, /publicUrl isn't the server's address alone/],
    ["no bytes", { maxBytes: 0 }, /maxBytes isn't/],
    ["no days", { keepDays: -1 }, /keepDays isn't/],
    ["an ending with a dot", { fileTypes: [".PDF"] }, /Number 1 of fileTypes isn't an ending[\s\S]*without a dot/],
    ["a type as a browser says it", { fileTypes: ["pdf", "application/pdf"] }, /Number 2 of fileTypes isn't/],
    [
      "a type that can't be told by content",
      { fileTypes: ["pdf", "csv"] },
      /fileTypes has csv, which no file is found to be/,
    ],
    ["no type at all", { fileTypes: [] }, /fileTypes: must name a type; left out, it means any/],
    ["a text that is too long", { description: "x".repeat(4001) }, /description has more than 4000[\s\S]*it has 4001/],
    ["a character that is none to read", { description: "a\0" }, /description has a control character[\s\S]*tabs/],
    ["half a character", { description: "a\ud800" }, /description isn't whole Unicode/],
    ["a telephone of two lines", { phones: ["1\n2"] }, /Number 1 of phones is no/],
    ["another word for a conflict", { onNameConflict: "overwrite" }, /onNameConflict: must be "fail" or "replace"/],
    ["another way to delete", { onDelete: "purge" }, /onDelete: must be/],
    ["a switch that is none", { partitioned: "yes" }, /partitioned: must be true or false/],
    ["a category that isn't there", { categoryId: "Partners" }, /There is no category Partners[\s\S]*by its id/],
  ])("%s", async (_what, wrong, message) => {
    const said = await problems(acme(wrong));
    expect(said).toMatch(message);
    expect(said).not.toMatch(/not an address|Bcc/);
    expect(await collect(vault.boxes.listBoxes())).toEqual([]);
  });

  test("several things at once, each by itself, and nothing that isn't known yet", async () => {
    const said = await problems(acme({ name: "", recipients: ["x"], maxBytes: 0 }));
    expect(said.split("\n").filter((line) => line.includes("INVALID_INPUT"))).toHaveLength(3);
    const unknown = acme({ categoryId: UNKNOWN, recipients: [ANA, UNKNOWN], expiresAt: UNKNOWN, maxBytes: UNKNOWN });
    expect(await problems(unknown)).toBe("");
    expect(await problems(acme({ categoryId: UNKNOWN, recipients: ["x", UNKNOWN] }))).toContain(
      "Number 1 of recipients",
    );
    expect(await problems(acme({ categoryId: UNKNOWN, expiresAt: inDays(-1) }))).toContain("has passed");
  });

  test("a vault that keeps no drop-boxes, another vault, and an older copy of this one", async () => {
    const at = (other: Vault): RunOptions => ({ rotation: { ...scene.context(), vault: other } });
    expect(await problems(acme(), {}, at(withoutBoxes(vault)))).toMatch(/NOT_SUPPORTED[\s\S]*keeps no drop-boxes/);
    const made = await up(acme());
    await expect(diff(acme(), made, at(withIdentity(vault, { id: "other" })))).rejects.toThrow("WRONG_VAULT");
    await expect(refresh(made, at(withIdentity(vault, { id: "other" })))).rejects.toThrow("WRONG_VAULT");
    await vault.boxes.deleteBox(made.id, {});
    await expect(refresh(made, at(withIdentity(vault, { head: 0 })))).rejects.toThrow("ROLLED_BACK");
  });
});

test("what a box had before it was refused stands in the way of no other change", () => {
  const row = { description: "a\u0007", maxFileBytes: 2, maxBytes: 1, keepDays: 1e9 };
  expect(touchedFacts(row, { enabled: false })).toEqual({});
  expect(touchedFacts({ maxFileBytes: 2 }, { maxBytes: null })).toEqual({ maxFileBytes: 2 });
  for (const field of ["description", "maxBytes", "keepDays"]) {
    expect(() => checkBoxFacts(touchedFacts(row, { [field]: 1 }))).toThrow("INVALID_INPUT");
  }
});

test("without asking the vault, a program is checked and compared by what it says", async () => {
  expect((await handlers.checkOffline(acme({ recipients: ["X@ACME.example"] }))).inputs).toMatchObject({
    recipients: ["X@acme.example"],
  });
  expect((await handlers.checkOffline(acme({ keepDays: 0 }))).failures).toHaveLength(1);
  expect(handlers.diffOffline(acme(), acme({ adopt: true }))).toEqual(NOTHING);
  expect(handlers.diffOffline(acme(), acme({ keepDays: 2 }))).toEqual({ changes: true });
});
