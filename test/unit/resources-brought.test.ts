import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  checkCredential,
  checkCredentialOffline,
  diffCredential,
} from "../../provider/resources/credential/handlers.js";
import { UNKNOWN } from "../../provider/resources/values.js";
import { Secret } from "../../provider/core/secret.js";
import { giveValue } from "../../provider/rotation/give.js";
import { type Kept, ResourceScene } from "../fixtures/resource-scene.ts";
import { killedAtRequest } from "../fixtures/rotation-scene.ts";

let scene: ResourceScene;
let folder: string;
let variables: Record<string, string>;
beforeEach(() => {
  scene = new ResourceScene();
  folder = mkdtempSync(join(tmpdir(), "coffre-brought-"));
  variables = {};
});
afterEach(async () => {
  await scene.close();
  rmSync(folder, { recursive: true });
});

const SEED = "JBSWY3DPEHPK3PXP";

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A run in which the declared variables are set. */
const run = (around?: Parameters<ResourceScene["context"]>[0]) => ({
  rotation: scene.context({ environment: variables, ...around }),
});

function up(inputs: Record<string, unknown>, kept?: Kept): Promise<Kept & { error?: Error }> {
  return scene.up({ name: "mail", ...inputs }, kept, run());
}

async function problems(inputs: Record<string, unknown>, olds: Record<string, unknown> = {}): Promise<string[]> {
  const news = { name: "mail", ownerKey: "shop/dev/Credential/mail", ...inputs };
  const { failures } = await checkCredential(scene.resources(run()), olds, news);
  return failures.map(({ reason }) => reason);
}

async function read(id: string, field: string, version?: number): Promise<string> {
  const [answer] = await scene.vault.readMany([{ id, field, ...(version === undefined ? {} : { version }) }]);
  if (!answer || answer instanceof Error) throw answer ?? new Error("no answer");
  return answer.value.reveal();
}

describe("a password from a file", () => {
  test("is read when the entry is made, and stands in no state", async () => {
    const path = file("token", "from-the-file\n");
    const made = await up({ source: { file: path, revision: "1" } });
    expect(await scene.value(made.id)).toBe("from-the-file");
    expect(made.outputs).toMatchObject({ source: { file: path, revision: "1" }, status: "done", currentVersion: 1 });
    expect(JSON.stringify(made.outputs)).not.toContain("from-the-file");
    expect(await scene.vault.readCredential(made.id)).toMatchObject({ valueManagedBy: "external" });
    expect(await scene.events(made.id)).toEqual(["credential.created", "credential.read"]);
  });

  test("isn't asked for again while the revision stays, though the file is another, or gone", async () => {
    const inputs = { source: { file: file("token", "the-first-one"), revision: "1" } };
    const made = await up(inputs);
    rmSync(join(folder, "token"));
    expect(await problems(inputs, { ...inputs, ownerKey: "shop/dev/Credential/mail" })).toEqual([]);
    const again = await up({ ...inputs, url: "https://mail.example.com" }, made);
    expect(again.outputs).toMatchObject({ currentVersion: 1, url: "https://mail.example.com" });
  });

  test("is read again for each new revision, and for one that comes back", async () => {
    const inputs = (revision: string) => ({ source: { file: join(folder, "token"), revision } });
    file("token", "the-first-one");
    const first = await up(inputs("1"));
    file("token", "the-second-one");
    const second = await up(inputs("2"), first);
    expect(second.outputs).toMatchObject({ currentVersion: 2, status: "done" });
    expect(await scene.value(first.id)).toBe("the-second-one");
    file("token", "the-first-one");
    const back = await up(inputs("1"), second);
    expect(await scene.value(first.id)).toBe("the-first-one");
    expect(await scene.versions(first.id)).toBe("1 previous, 2 previous, 3 current");
    expect(await scene.changes({ name: "mail", ...inputs("1") }, back)).toBe(false);
  });

  test("is read once though the state of a run was lost", async () => {
    const inputs = { source: { file: file("token", "the-only-one"), revision: "1" } };
    const made = await up(inputs);
    rmSync(join(folder, "token"));
    const again = await up(inputs);
    expect(again).toMatchObject({ id: made.id, outputs: { currentVersion: 1, status: "done" } });
  });

  test("whose new revision couldn't be written is written by the next up", async () => {
    const inputs = (revision: string) => ({ name: "mail", source: { file: join(folder, "token"), revision } });
    file("token", "the-first-one");
    const made = await up(inputs("1"));
    file("token", "the-second-one");
    const killed = { rotation: scene.context({ environment: {}, around: killedAtRequest("acquireLease") }) };
    const failed = await scene.up(inputs("2"), made, killed);
    expect(failed.error).toBeDefined();
    const finished = await up(inputs("2"), failed);
    expect(finished.outputs).toMatchObject({ currentVersion: 2, status: "done", source: { revision: "2" } });
    expect(await scene.value(made.id)).toBe("the-second-one");
  });

  test("that a person replaced stays replaced until the next revision", async () => {
    const inputs = { source: { file: file("token", "from-the-file"), revision: "1" } };
    const made = await up(inputs);
    await giveValue(scene.context(), made.id, { value: new Secret("by-a-person"), cause: "command:x" });
    const seen = await up({ ...inputs, tags: ["t"] }, made);
    expect(seen.outputs).toMatchObject({ currentVersion: 2 });
    expect(await scene.value(made.id)).toBe("by-a-person");
  });

  test("takes the place of one that Coffre drew, and gives way to one that people type", async () => {
    const made = await up({});
    const fromFile = await up({ source: { file: file("token", "from-the-file"), revision: "1" } }, made);
    expect(await scene.value(made.id)).toBe("from-the-file");
    const typed = await up({ source: "typed" }, fromFile);
    expect(typed.outputs).toMatchObject({ source: "typed", currentVersion: 2, status: "done" });
  });
});

test("a password from a variable is read from the environment of the run", async () => {
  variables["MAIL_TOKEN"] = "from-the-environment";
  const made = await up({ source: { env: "MAIL_TOKEN", revision: "1" } });
  expect(await scene.value(made.id)).toBe("from-the-environment");
});

test("a password that people type is awaited; the earlier word for it means the same", async () => {
  const typed = await up({ source: "typed" });
  expect(typed.outputs).toMatchObject({ status: "awaiting-value", source: "typed" });
  const again = await up({ valueManagedBy: "external" }, typed);
  expect(again.outputs).toMatchObject({ status: "awaiting-value", valueManagedBy: "external" });
  await giveValue(scene.context(), typed.id, { value: new Secret("typed"), cause: "command:x", expected: 0 });
  expect(await scene.changes({ name: "mail", valueManagedBy: "external" }, again)).toBe(true);
  const done = await up({ valueManagedBy: "external" }, again);
  expect(done.outputs).toMatchObject({ status: "done", currentVersion: 1 });
});

describe("fields", () => {
  const declared = () => ({
    fields: { contact: "ana@example.com", region: "eu-1" },
    secretFields: {
      token: { source: { env: "TOKEN", revision: "1" } },
      totp: { type: "totp", source: { env: "SEED", revision: "1" } },
      "tls.key": { type: "file", source: { file: join(folder, "tls.key"), revision: "a" } },
      pin: { source: "typed" },
    },
  });
  const bytes = Buffer.from([0, 255, 10, 13, 0]);

  beforeEach(() => {
    variables["TOKEN"] = "t0ken-from-env";
    variables["SEED"] = SEED;
    file("tls.key", bytes);
  });

  test("are made with the entry, in one write, and the state holds no secret of them", async () => {
    const made = await up(declared());
    expect(await read(made.id, "token")).toBe("t0ken-from-env");
    expect(await read(made.id, "totp")).toBe(SEED);
    expect(Buffer.from(await read(made.id, "tls.key"), "base64").equals(bytes)).toBe(true);
    expect(made.outputs).toMatchObject({ ...declared(), status: "awaiting-value", currentVersion: 1 });
    const state = JSON.stringify(made.outputs);
    for (const secret of ["t0ken-from-env", SEED, bytes.toString("base64")]) expect(state).not.toContain(secret);
    const before = (await scene.vault.identity()).head;
    expect(await scene.changes({ name: "mail", ...declared() }, made)).toBe(false);
    expect((await scene.vault.identity()).head).toBe(before);
  });

  test("change one by one, and those that are no longer declared leave", async () => {
    const made = await up(declared());
    const { fields, secretFields } = declared();
    const { totp: _totp, ...left } = secretFields;
    variables["TOKEN"] = "the-next-token";
    const changed = await up(
      {
        fields: { contact: fields.contact, region: "eu-2" },
        secretFields: { ...left, token: { source: { env: "TOKEN", revision: "2" } } },
      },
      made,
    );
    expect(changed.error).toBeUndefined();
    expect(await read(made.id, "token")).toBe("the-next-token");
    expect(await read(made.id, "token", 1)).toBe("t0ken-from-env");
    const now = await scene.vault.readCredential(made.id);
    expect(now.fields.map(({ name, versions }) => `${name} ${versions.length}`)).toEqual([
      "contact 1",
      "region 2",
      "token 2",
      "tls.key 1",
      "pin 0",
    ]);
    expect(now.removedFields.map(({ name }) => name)).toEqual(["totp"]);
    expect(now.versions).toHaveLength(1);
  });

  test("that a person added stay as they are", async () => {
    const made = await up({ fields: { contact: "ana" } });
    const put = { change: "put", name: "own", type: "text", value: new Secret("x"), cause: "command:x" } as const;
    await scene.vault.updateCredential(made.id, { fields: [put] });
    await up({}, made);
    expect((await scene.vault.readCredential(made.id)).fields.map(({ name }) => name)).toEqual(["own"]);
  });

  test("that were changed or removed elsewhere show in a refresh, and come back with the next up", async () => {
    const made = await up(declared());
    const put = { change: "put", name: "region", type: "text", value: new Secret("us"), cause: "command:x" } as const;
    await scene.vault.updateCredential(made.id, { fields: [put, { change: "remove", name: "token" }] });
    const refreshed = await scene.refresh(made);
    expect(refreshed?.outputs).toMatchObject({ fields: { contact: "ana@example.com", region: "us" } });
    expect(Object.keys(refreshed?.outputs["secretFields"] ?? {})).toEqual(["totp", "tls.key", "pin"]);
    await up(declared(), refreshed);
    expect(await read(made.id, "region")).toBe("eu-1");
    expect(await read(made.id, "token")).toBe("t0ken-from-env");
  });

  test("of another type than before await their value, or are read again", async () => {
    const made = await up({ secretFields: { key: { source: { env: "TOKEN", revision: "1" } } } });
    const typed = await up({ secretFields: { key: { type: "file", source: "typed" } } }, made);
    expect(typed.outputs).toMatchObject({ status: "awaiting-value" });
    await up({ secretFields: { key: { source: { env: "TOKEN", revision: "1" } } } }, typed);
    expect(await read(made.id, "key")).toBe("t0ken-from-env");
    await up({ fields: { key: "words" } }, typed);
    expect(await scene.vault.readCredential(made.id)).toMatchObject({ fields: [{ type: "text", text: "words" }] });
  });

  test("that an update didn't reach are written by the next one", async () => {
    const made = await up(declared());
    const target = await scene.declaredTarget();
    const inputs = {
      ...declared(),
      name: "mail",
      username: "mail",
      targets: [target],
      secretFields: { token: { source: { env: "TOKEN", revision: "2" } } },
    };
    variables["TOKEN"] = "the-next-token";
    const killed = scene.context({ environment: variables, around: killedAtRequest("updateCredential") });
    const failed = await scene.up(inputs, made, { rotation: killed });
    expect(failed.error).toBeDefined();
    expect(await read(made.id, "token")).toBe("t0ken-from-env");
    const finished = await up(inputs, failed);
    expect(finished.error).toBeUndefined();
    expect(finished.outputs).toMatchObject({ status: "done" });
    expect(await read(made.id, "token")).toBe("the-next-token");
  });
});

describe("a preview refuses", () => {
  test.each<[Record<string, unknown>, RegExp]>([
    [{ source: { file: "/no/such/file", revision: "1" } }, /Credential mail: the file \/no\/such\/file doesn't exist/],
    [{ source: { file: "/", revision: "1" } }, /Credential mail: the file \/ isn't a file/],
    [{ source: { env: "NOT_SET", revision: "1" } }, /Credential mail: the variable NOT_SET isn't set/],
    [{ source: { env: "EMPTY", revision: "1" } }, /the variable EMPTY is empty/],
    [{ source: { file: "token" } }, /^source: must be "generated", "typed", \{ file, revision \}/],
    [{ source: { env: "A B", revision: "1" } }, /^source\.env: isn't the name of a variable/],
    [{ source: "hunter2" }, /^source: must be/],
    [{ source: "typed", valueManagedBy: "coffre" }, /^INVALID_INPUT: valueManagedBy: says something else than source/],
    [{ source: "generated", valueManagedBy: "external" }, /valueManagedBy: says something else than source/],
    [{ source: "typed", rotation: { everyDays: 1 } }, /rotation: a value that people bring isn't Coffre's to set/],
    [
      { source: "typed", username: "u", targets: [{ kind: "fake", host: "db1" }] },
      /target: a value that people bring isn't Coffre's to set[\s\S]*Remove target, or source/,
    ],
    [{ fields: { password: "x" } }, /fields\.password: its name is "password", which every credential has/],
    [{ fields: { "a b": "x" } }, /fields\.a b: its name isn't/],
    [{ fields: { note: "" } }, /fields\.note: is empty/],
    [{ fields: { note: "x".repeat(5000) } }, /fields\.note: is larger than 4096 bytes/],
    [
      { fields: { token: "x" }, secretFields: { token: { source: "typed" } } },
      /secretFields\.token: is declared in fields, too/,
    ],
    [{ secretFields: { token: "hunter2" } }, /secretFields\.token/],
    [
      { secretFields: { token: { type: "text", source: "typed" } } },
      /secretFields\.token\.type: must be secret, totp or file/,
    ],
    [{ secretFields: { token: { source: "generated" } } }, /secretFields\.token\.source: must be "typed"/],
    [
      { secretFields: { totp: { type: "totp", source: { env: "SHORT", revision: "1" } } } },
      /Credential mail, field totp: the variable SHORT isn't the seed of one-time codes/,
    ],
    [
      { secretFields: { key: { type: "file", source: { file: "/no/such/key", revision: "1" } } } },
      /Credential mail, field key: the file \/no\/such\/key doesn't exist[\s\S]*Pulumi\.yaml/,
    ],
  ])("%j", async (inputs, reason) => {
    variables = { EMPTY: "", SHORT: "018018" };
    const found = await problems(inputs);
    expect(found).toEqual([expect.stringMatching(reason)]);
    expect(found.join()).not.toMatch(/hunter2|018018/);
  });

  test("a value that breaks the policy of its category, naming the rule and not the value", async () => {
    const { id: categoryId } = await scene.vault.createCategory({
      name: "C",
      parentId: null,
      policy: { minLength: 20 },
    });
    const source = { file: file("token", "too-short"), revision: "1" };
    const found = await problems({ categoryId, source });
    expect(found).toEqual([
      expect.stringMatching(
        /POLICY: Credential mail: the value breaks the policy[\s\S]*at least 20 characters \(category C\)/,
      ),
    ]);
    expect(found.join()).not.toContain("too-short");
    await expect(up({ categoryId, source })).rejects.toThrow("POLICY");
    const made = await up({ categoryId, source: "typed" });
    const diff = diffCredential(scene.resources(run()), made.id, made.outputs, {
      name: "mail",
      ownerKey: "shop/dev/Credential/mail",
      categoryId,
      source,
    });
    await expect(diff).rejects.toThrow("POLICY");
  });

  test("a file of 10 MB, before it is read", async () => {
    const path = file("large", Buffer.alloc(10_000_000, "x"));
    const secretFields = { key: { type: "file", source: { file: path, revision: "1" } } };
    expect(await problems({ secretFields })).toEqual([expect.stringContaining("is larger than 1048576 bytes")]);
    expect(await problems({ source: { file: path, revision: "1" } })).toEqual([
      expect.stringContaining("is larger than 65536 bytes"),
    ]);
  });

  test("what can't be read though the category isn't known yet, and takes what is unknown itself", async () => {
    const source = { file: "/no/such/file", revision: "1" };
    expect(await problems({ categoryId: UNKNOWN, source })).toEqual([expect.stringContaining("doesn't exist")]);
    expect(await problems({ source: { file: "/no/such/file", revision: UNKNOWN } })).toEqual([]);
    expect(await problems({ source: UNKNOWN, fields: { a: UNKNOWN }, secretFields: UNKNOWN })).toEqual([]);
    expect(await problems({ secretFields: { token: { source: UNKNOWN } } })).toEqual([]);
  });

  test("nothing that has to be asked for where previews ask for nothing", () => {
    const news = { name: "mail", ownerKey: "k", source: { file: "/no/such/file", revision: "1" } };
    expect(checkCredentialOffline(scene.context().drivers, news).failures).toEqual([]);
  });
});

test("what is missing at creation is an error before anything is written", async () => {
  const { head } = await scene.vault.identity();
  await expect(up({ source: { file: "/no/such/file", revision: "1" } })).rejects.toThrow("CONFIGURATION");
  expect((await scene.vault.identity()).head).toBe(head);
});
