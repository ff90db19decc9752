import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { checkCredential } from "../../provider/resources/credential/handlers.js";
import { fileBytes } from "../../provider/core/field.js";
import { UNKNOWN } from "../../provider/resources/values.js";
import type { DropBox, Vault } from "../../provider/vault/port.js";
import { box, deposit } from "../contract/vault-cases/boxes.js";
import { collect } from "../contract/vault-cases/setup.js";
import { ResourceScene } from "../fixtures/resource-scene.ts";

let scene: ResourceScene;
let vault: Vault;
let acme: DropBox;
beforeEach(async () => {
  scene = new ResourceScene();
  vault = scene.vault;
  acme = await box(vault);
});
afterEach(() => scene.close());

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const inputs = (type = "file", file = "acme.crt") => ({
  name: "api",
  source: "typed",
  secretFields: { certificate: { type, source: { dropBox: acme.id, file } } },
});

async function preview(declared: Record<string, unknown>): Promise<string> {
  scene.notes.length = 0;
  const news = { ownerKey: `shop/dev/Credential/${String(declared["name"])}`, ...declared };
  const { failures } = await checkCredential(scene.resources(), {}, news);
  return [...failures.map(({ reason }) => reason), ...scene.notes].join("\n");
}

async function later(content: string, name = "acme.crt"): Promise<string> {
  await scene.clock.sleep(60_000);
  return (await deposit(vault, acme, { [name]: content })).id;
}

/** `the value (number of its version)` of the field. */
async function current(field = "certificate"): Promise<string | undefined> {
  const credential = await vault.findCredential(["api"]);
  const version = credential?.fields
    .find(({ name }) => name === field)
    ?.versions.find(({ state }) => state === "current");
  if (!credential || !version) return undefined;
  const [answer] = await vault.readMany([{ id: credential.id, field }]);
  if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
  return `${fileBytes(answer.value).toString()} (${version.number})`;
}

const downloads = async (): Promise<number> =>
  (await collect(vault.listEvents({ credentialId: acme.id }))).filter(({ action }) => action === "file.downloaded")
    .length;

describe("a field from a drop-box", () => {
  test("waits for the deposit, takes it at the next up, and another content as another version", async () => {
    expect(await preview(inputs())).toBe(
      `Credential api, field certificate: waits for the file acme.crt of the drop-box ${acme.id}`,
    );
    let kept = await scene.up(inputs());
    expect(kept.error).toBeUndefined();
    expect(kept.outputs).toMatchObject({ status: "awaiting-value" });
    expect(await scene.changes(inputs(), kept)).toBe(false);

    await later("first");
    await later("other", "other.crt");
    scene.notes.length = 0;
    expect(await scene.changes(inputs(), kept)).toBe(true);
    expect(scene.notes).toEqual([
      expect.stringMatching(
        new RegExp(
          `^Credential api, field certificate: takes the file acme.crt .*SHA-256 ${sha256("first")}, deposited by ana@acme.example on 2`,
        ),
      ),
    ]);
    expect(await downloads()).toBe(0); // a preview reads nothing
    kept = await scene.up(inputs(), kept);
    expect(await current()).toBe("first (1)");
    expect(await downloads()).toBe(1);
    expect(await scene.changes(inputs(), kept)).toBe(false);

    await later("first");
    expect(await scene.changes(inputs(), kept)).toBe(false);
    const second = await later("second");
    expect(await scene.changes(inputs(), kept)).toBe(true);
    kept = await scene.up(inputs(), kept);
    expect(await current()).toBe("second (2)");
    await later("first");
    kept = await scene.up(inputs(), kept);
    expect(await current()).toBe("first (3)");
    expect(JSON.stringify(kept.outputs)).not.toMatch(/first|second/);

    for await (const { id } of vault.boxes.listDeposits(acme.id))
      if (id !== second) await vault.boxes.deleteDeposit(id);
    await vault.boxes.deleteDeposit(second);
    expect(await scene.changes(inputs(), kept)).toBe(false);
    await vault.boxes.archiveBox(acme.id, {});
    expect(await scene.changes(inputs(), kept)).toBe(false);
    expect(await current()).toBe("first (3)");
  });

  test("is taken at creation where it is there, and isn't asked for in a preview that doesn't know the box yet", async () => {
    await later("first");
    expect(await preview(inputs())).toContain(
      `takes the file acme.crt of the drop-box ${acme.id}, SHA-256 ${sha256("first")}`,
    );
    expect(await preview(inputs())).not.toMatch(/: .*first"/);
    expect(await downloads()).toBe(0);
    const unknown = { name: "api", secretFields: { a: { source: { dropBox: UNKNOWN, file: "acme.crt" } } } };
    expect(await preview(unknown)).toBe("");
    const kept = await scene.up(inputs());
    expect(await current()).toBe("first (1)");
    expect(await scene.changes(inputs(), kept)).toBe(false);
  });

  test("keeps what people put by hand until another content is deposited, and follows another box or name", async () => {
    await later("first");
    let kept = await scene.up(inputs());
    const value = (await import("../../provider/core/field.js")).fileValue(Buffer.from("by hand"));
    const put = { change: "put", name: "certificate", type: "file", value, cause: "put" } as const;
    await vault.updateCredential(kept.id, { fields: [put] });
    expect(await scene.changes(inputs(), kept)).toBe(false);
    await later("second");
    kept = await scene.up(inputs(), kept);
    expect(await current()).toBe("second (3)");
    await later("third", "new.crt");
    expect(await scene.changes(inputs("file", "new.crt"), kept)).toBe(true);
    await scene.up(inputs("file", "new.crt"), kept);
    expect(await current()).toBe("third (4)");
  });

  test("doesn't take what a scanner holds or refused, nor what is still being deposited", async () => {
    await later("first");
    const kept = await scene.up(inputs());
    const { files } = vault.boxes;
    for (const verdict of [undefined, { clean: false, reason: "infected" } as const]) {
      const opened = await vault.boxes.openDeposit(acme.id, { by: "ana@acme.example" });
      const file = await files.create({ depositId: opened.id, name: "acme.crt" });
      await files.append(
        file.id,
        0,
        (async function* () {
          yield Buffer.from("bad");
        })(),
      );
      await files.finish(file.id, { quarantine: true });
      expect(await scene.changes(inputs(), kept)).toBe(false);
      await vault.boxes.submitDeposit(opened.id);
      if (verdict) await files.judge(file.id, verdict);
      expect(await scene.changes(inputs(), kept)).toBe(false);
    }
    await scene.up(inputs(), kept);
    expect(await current()).toBe("first (1)");
  });

  test.each([
    [
      "too large",
      "file",
      "x".repeat(1_048_577),
      /INVALID_INPUT[\s\S]*acme\.crt of the drop-box bx_.* is larger than 1048576 bytes/,
    ],
    ["too large for text", "secret", "x".repeat(65_537), /is larger than 65536 bytes/],
  ])("that is %s is refused by the preview", async (_what, type, content, message) => {
    await later(content);
    expect(await preview(inputs(type))).toMatch(message);
  });

  test("that isn't text where text is wanted is refused by the up, without a word of it", async () => {
    await deposit(vault, acme, { "acme.crt": Buffer.from([0xff, 0xfe, 0x41]) });
    await expect(scene.up(inputs("secret"))).rejects.toThrow(/Credential api, field certificate isn't UTF-8 text/);
    expect(await vault.findCredential(["api"])).toBeUndefined();
  });

  test("of a box that isn't there is refused by the preview", async () => {
    const declared = { ...inputs(), secretFields: { certificate: { source: { dropBox: "bx_gone", file: "a" } } } };
    expect(await preview(declared)).toMatch(/NOT_FOUND[\s\S]*bx_gone/);
    expect(await preview({ ...inputs(), secretFields: { a: { source: { dropBox: acme.id } } } })).toContain(
      "{ dropBox, file }",
    );
  });
});

test("a password may be deposited, too, and obeys the policy of its category", async () => {
  const { id: categoryId } = await vault.createCategory({ name: "Strict", parentId: null, policy: { minLength: 12 } });
  const declared = { name: "api", categoryId, source: { dropBox: acme.id, file: "password.txt" } };
  let kept = await scene.up(declared);
  expect(kept.outputs).toMatchObject({ status: "awaiting-value" });
  await later("short\n", "password.txt");
  await expect(scene.up(declared, kept)).rejects.toThrow("POLICY");
  await later("a password that is long\n", "password.txt");
  kept = await scene.up(declared, kept);
  expect(kept.outputs).toMatchObject({ status: "done", currentVersion: 1 });
  const [answer] = await vault.readMany([{ id: kept.id }]);
  if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
  expect(answer.value.reveal()).toBe("a password that is long");
});
