import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import { Secret } from "../../provider/core/secret.js";
import { ResourceScene } from "../fixtures/resource-scene.ts";
import { HookReceiver } from "../fixtures/hook-receiver.ts";
import { killedAtStep, referenceTo } from "../fixtures/rotation-scene.ts";

let scene: ResourceScene;
beforeEach(() => {
  scene = new ResourceScene();
});
afterEach(() => scene.close());

const DAY_MS = 86_400_000;

describe("a credential without a target", () => {
  test("is made in one write, with a value and a state that holds everything but the value", async () => {
    const made = await scene.up({ name: "smtp", username: "mailer", tags: ["mail"] });
    expect(made.outputs).toEqual({
      name: "smtp",
      username: "mailer",
      tags: ["mail"],
      ownerKey: "shop/dev/Credential/smtp",
      ref: "coffre://scene/smtp",
      currentVersion: 1,
      status: "done",
      ownerToken: expect.stringMatching(/^[\w-]{20}$/),
      vaultStamp: expect.stringMatching(/^[^:]+:0:1::[0-9a-f]{16}$/),
    });
    expect(await scene.events(made.id)).toEqual(["credential.created"]);
    expect(JSON.stringify(made.outputs)).not.toContain(await scene.value(made.id));
  });

  test("changes nothing in a second up, and asks the vault twice for it", async () => {
    const made = await scene.up({ name: "smtp" });
    const again = await scene.up({ name: "smtp" });
    expect(again.id).toBe(made.id);
    expect(await scene.changes({ name: "smtp" }, made)).toBe(false);
    expect(await scene.versions(made.id)).toBe("1 current");
  });

  test("draws a new value when a trigger changes, once, and none when it comes back", async () => {
    const first = await scene.up({ name: "smtp", rotateWhenChanged: { quarter: "1" } });
    const second = await scene.up({ name: "smtp", rotateWhenChanged: { quarter: "2" } }, first);
    expect(second.outputs).toMatchObject({ currentVersion: 2, status: "done" });
    expect(await scene.changes({ name: "smtp", rotateWhenChanged: { quarter: "2" } }, second)).toBe(false);
    const back = await scene.up({ name: "smtp", rotateWhenChanged: { quarter: "1" } }, second);
    expect(back.outputs).toMatchObject({ currentVersion: 2, rotateWhenChanged: { quarter: "1" } });
    expect(await scene.versions(first.id)).toBe("1 previous, 2 current");
  });

  test("keeps what people added and the program never declared, and clears what it no longer declares", async () => {
    const made = await scene.up({ name: "smtp", url: "https://mail.example.com" });
    await scene.vault.updateCredential(made.id, { description: "ask the mail team" });
    const changed = await scene.up({ name: "smtp", tags: ["mail"] }, made);
    const entry = await scene.vault.readCredential(made.id);
    expect(entry).toMatchObject({ description: "ask the mail team", tags: ["mail"] });
    expect(entry.url).toBeUndefined();
    expect(changed.outputs).not.toHaveProperty("url");
  });

  test("is moved and renamed in place, with its value", async () => {
    const { id: categoryId } = await scene.vault.createCategory({ name: "Mail", parentId: null });
    const made = await scene.up({ name: "smtp" });
    const moved = await scene.up({ name: "relay", categoryId, ownerKey: "shop/dev/Credential/smtp" }, made);
    expect(moved.outputs).toMatchObject({ ref: "coffre://scene/Mail/relay", currentVersion: 1, categoryId });
  });

  test("with a value of people's own is made empty, and waits for it", async () => {
    const made = await scene.up({ name: "licence", valueManagedBy: "external" });
    expect(made.outputs).toMatchObject({ status: "awaiting-value" });
    expect(made.outputs).not.toHaveProperty("currentVersion");
    expect(await scene.changes({ name: "licence", valueManagedBy: "external" }, made)).toBe(false);
    const drawn = await scene.up({ name: "licence" }, made);
    expect(drawn.outputs).toMatchObject({ status: "done", currentVersion: 1 });
  });
});

describe("a credential with a target", () => {
  test("is set and proven before it is done", async () => {
    const made = await scene.up({ name: "orders", username: "orders", targets: [await scene.declaredTarget()] });
    expect(made.outputs).toMatchObject({ status: "done", currentVersion: 1 });
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(made.id));
  });

  test("that can't be reached is kept as unfinished, and the next up finishes it", async () => {
    const inputs = { name: "orders", username: "orders", targets: [await scene.declaredTarget()] };
    scene.target.next("connect", () => {
      throw new CoffreError("UNREACHABLE", "db1:1 doesn't answer");
    });
    const made = await scene.up(inputs);
    expect(made.error?.message).toContain("db1:1 doesn't answer");
    expect(made.outputs).toMatchObject({ status: "unfinished", name: "orders", username: "orders" });
    expect(await scene.changes(inputs, made)).toBe(true);
    const finished = await scene.up(inputs, made);
    expect(finished.outputs).toMatchObject({ status: "done", currentVersion: 1, targets: inputs.targets });
    expect(await scene.changes(inputs, finished)).toBe(false);
  });

  test("whose set was in doubt keeps its version, and a refresh in between loses nothing", async () => {
    const inputs = { name: "orders", username: "orders", targets: [await scene.declaredTarget()] };
    scene.target.next("set", () => ({ result: "in-doubt", reason: "the line broke" }));
    const made = await scene.up(inputs);
    expect(made.outputs).toMatchObject({ status: "unfinished", targets: inputs.targets });
    const refreshed = await scene.refresh(made);
    expect(refreshed?.outputs).toEqual(made.outputs);
    const finished = await scene.up(inputs, refreshed);
    expect(finished.error?.message).toBeUndefined();
    expect(finished.outputs).toMatchObject({ status: "done", currentVersion: 1 });
    expect(await scene.versions(made.id)).toBe("1 current");
  });

  test("gets a new version when its machine is made anew, and when an earlier machine comes back", async () => {
    const inputs = async (identity: string) => ({
      name: "orders",
      username: "orders",
      targets: [await scene.declaredTarget({ identity })],
    });
    const first = await scene.up(await inputs("vm-1"));
    const second = await scene.up(await inputs("vm-2"), first);
    const third = await scene.up(await inputs("vm-1"), second);
    expect(third.outputs).toMatchObject({ status: "done", currentVersion: 3 });
    expect(await scene.changes(await inputs("vm-1"), third)).toBe(false);
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(first.id));
  });

  test("retires an account that is no longer declared once the other has its version", async () => {
    const made = await scene.up({ name: "orders", username: "orders", targets: [await scene.declaredTarget()] });
    const { adminRef } = await scene.declaredTarget();
    scene.target.give("dba@db2:1", "the admin's password");
    const moved = await scene.up(
      { name: "orders", username: "orders", targets: [await scene.declaredTarget({ host: "db2", adminRef })] },
      made,
    );
    expect(moved.outputs).toMatchObject({ status: "done", currentVersion: 2 });
    expect(scene.target.passwordOf("orders@db2:1")).toBe(await scene.value(made.id));
    expect(scene.target.passwordOf("orders@db1:1")).toBeUndefined();
    expect(scene.notes.join()).toContain("orders@db1:1 was disabled");
  });

  test("remembers an account that could not be ended, says so at each up, and ends it when it can", async () => {
    const made = await scene.up({ name: "orders", username: "orders", targets: [await scene.declaredTarget()] });
    const { adminRef } = await scene.declaredTarget();
    scene.target.give("dba@db2:1", "the admin's password");
    const inputs = {
      name: "orders",
      username: "orders",
      targets: [await scene.declaredTarget({ host: "db2", adminRef })],
    };
    const unreachable = () => {
      throw new CoffreError("UNREACHABLE", "db1 doesn't answer");
    };
    scene.target.next("remove", unreachable);
    const moved = await scene.up(inputs, made);
    expect(moved.outputs).toMatchObject({ status: "unfinished", currentVersion: 2 });
    expect(moved.error?.message).toMatch(
      /one that it left could not be ended: db1 doesn't answer[\s\S]*--keep-accounts/,
    );
    expect((await scene.vault.readCredential(made.id)).leaving).toMatchObject([
      { account: "fake://orders@db1:1", username: "orders", accountMade: true },
    ]);

    scene.target.next("remove", unreachable);
    expect(await scene.changes(inputs, moved)).toBe(true);
    const again = await scene.up(inputs, moved);
    expect(again.outputs).toMatchObject({ status: "unfinished", currentVersion: 2 });

    const done = await scene.up(inputs, again);
    expect(done.outputs).toMatchObject({ status: "done", currentVersion: 2 });
    expect(scene.target.passwordOf("orders@db1:1")).toBeUndefined();
    expect((await scene.vault.readCredential(made.id)).leaving).toEqual([]);
    expect(await scene.changes(inputs, done)).toBe(false);
  });

  test("leaves an account alone that it left and that came back, or that another credential has by now", async () => {
    const { adminRef } = await scene.declaredTarget();
    scene.target.give("dba@db2:1", "the admin's password");
    const on = async (host: string) => ({
      name: "orders",
      username: "orders",
      targets: [await scene.declaredTarget({ host, adminRef })],
    });
    const unreachable = () => {
      throw new CoffreError("UNREACHABLE", "it doesn't answer");
    };
    const made = await scene.up(await on("db1"));
    scene.target.next("remove", unreachable);
    const moved = await scene.up(await on("db2"), made);
    scene.target.next("remove", unreachable);
    const back = await scene.up(await on("db1"), moved);
    const { targets, leaving } = await scene.vault.readCredential(made.id);
    expect(targets).toMatchObject([{ account: "fake://orders@db1:1", accountMade: true }]);
    expect(leaving).toMatchObject([{ account: "fake://orders@db2:1" }]);

    await scene.up({ ...(await on("db2")), name: "another" });
    const done = await scene.up(await on("db1"), back);
    expect(done.outputs).toMatchObject({ status: "done" });
    expect(scene.target.passwordOf("orders@db2:1")).toBeDefined();
    expect((await scene.vault.readCredential(made.id)).leaving).toEqual([]);
  });

  test("ends an account that it left by the name that it had there", async () => {
    const { adminRef } = await scene.declaredTarget();
    const inputs = async (username: string) => ({
      name: "orders",
      username,
      targets: [await scene.declaredTarget({ adminRef })],
    });
    const made = await scene.up(await inputs("first"));
    scene.target.next("remove", () => {
      throw new CoffreError("UNREACHABLE", "it doesn't answer");
    });
    const renamed = await scene.up(await inputs("second"), made);
    await scene.up(await inputs("second"), renamed);
    expect(scene.target.passwordOf("first@db1:1")).toBeUndefined();
    expect(scene.target.passwordOf("second@db1:1")).toBe(await scene.value(made.id));
  });

  test("a change of its description alone rotates nothing", async () => {
    const made = await scene.up({ name: "orders", username: "orders", targets: [await scene.declaredTarget()] });
    const changed = await scene.up(
      { name: "orders", username: "orders", targets: [await scene.declaredTarget({ waitForSeconds: 5 })] },
      made,
    );
    expect(changed.outputs).toMatchObject({ status: "done", currentVersion: 1 });
  });

  test("a trigger that could not be reached shows as a change again", async () => {
    const inputs = { name: "orders", username: "orders", targets: [await scene.declaredTarget()] };
    const made = await scene.up(inputs);
    scene.target.next("look", () => {
      throw new CoffreError("TARGET_NOT_READY", "the role has expired");
    });
    const failed = await scene.up({ ...inputs, rotateWhenChanged: { n: "2" } }, made);
    expect(failed.outputs).toMatchObject({ status: "unfinished", currentVersion: 1 });
    expect(failed.outputs).not.toHaveProperty("rotateWhenChanged");
    const done = await scene.up({ ...inputs, rotateWhenChanged: { n: "2" } }, failed);
    expect(done.outputs).toMatchObject({ status: "done", currentVersion: 2, rotateWhenChanged: { n: "2" } });
  });
});

describe("hooks", () => {
  let receiver: HookReceiver;
  let secretRef: string;
  beforeEach(async () => {
    receiver = await HookReceiver.start();
    receiver.key = Buffer.from("signing");
    const initial = { value: new Secret("signing"), causes: [] };
    secretRef = referenceTo(await scene.add({ name: "signing", initial }));
  });
  afterEach(() => receiver.close());

  test("are told of a first version and of each that follows, and the next up has nothing to do", async () => {
    const inputs = { name: "smtp", notify: [{ url: receiver.url, secretRef }] };
    const made = await scene.up(inputs);
    expect(receiver.received).toMatchObject([{ isSigned: true, body: { data: { version: 1 } } }]);
    expect(await scene.changes(inputs, made)).toBe(false);
    const more = { ...inputs, rotateWhenChanged: { n: "2" } };
    const rotated = await scene.up(more, made);
    expect(receiver.received).toMatchObject([{}, { body: { data: { version: 2 } } }]);
    expect(rotated.outputs).toMatchObject({ status: "done", notify: inputs.notify });
    expect(await scene.refresh(rotated)).toEqual(rotated);
    expect(scene.notes).toEqual([]);
  });

  test("that don't answer are tried by the next up, which rotates nothing and is no failure", async () => {
    receiver.answers = [500];
    const inputs = { name: "smtp", notify: [{ url: receiver.url, secretRef }] };
    const made = await scene.up(inputs);
    expect(made.outputs).toMatchObject({ status: "done", currentVersion: 1 });
    expect(scene.notes).toEqual([
      `smtp: ${receiver.url} wasn't told of version 1: answered 500; the next \`up\` tries again`,
    ]);
    expect(await scene.changes(inputs, made)).toBe(true);
    receiver.answers = [204];
    const told = await scene.up(inputs, made);
    expect(told).toMatchObject({ outputs: { currentVersion: 1, status: "done" } });
    expect(await scene.changes(inputs, told)).toBe(false);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(1);
  });

  test("that are declared no more are told nothing", async () => {
    receiver.answers = [500];
    const made = await scene.up({ name: "smtp", notify: [{ url: receiver.url, secretRef }] });
    const without = await scene.up({ name: "smtp" }, made);
    expect(await scene.changes({ name: "smtp" }, without)).toBe(false);
    expect(await scene.vault.readCredential(made.id)).toMatchObject({ notify: [], notices: [] });
  });
});

describe("what an ordinary up sees of the vault", () => {
  test("a version that the command line made is brought into the state, and nothing is drawn", async () => {
    const made = await scene.up({ name: "smtp" });
    await scene.rotate(made.id, "command:1");
    expect(await scene.changes({ name: "smtp" }, made)).toBe(true);
    const now = await scene.up({ name: "smtp" }, made);
    expect(now.outputs).toMatchObject({ currentVersion: 2, status: "done" });
    expect(await scene.versions(made.id)).toBe("1 previous, 2 current");
  });

  test("what is due on schedule is shown, and done with rotateDue", async () => {
    const inputs = { name: "smtp", rotation: { everyDays: 90 } };
    const made = await scene.up(inputs);
    scene.clock.advance(91 * DAY_MS);
    expect(await scene.changes(inputs, made)).toBe(false);
    expect(scene.notes).toEqual(["smtp is due for rotation since 2031-08-04T07:08:09.000Z: run `coffre rotate --due`"]);
    const rotated = await scene.up(inputs, made, { rotateDue: true });
    expect(rotated.outputs).toMatchObject({ currentVersion: 2 });
    expect(await scene.changes(inputs, rotated, { rotateDue: true })).toBe(false);
  });

  test('what is due with when: "up" is done by an up', async () => {
    const inputs = { name: "smtp", rotation: { everyDays: 1, when: "up" } };
    const made = await scene.up(inputs);
    expect(await scene.changes(inputs, made)).toBe(false);
    scene.clock.advance(DAY_MS);
    const rotated = await scene.up(inputs, made);
    expect(rotated.outputs).toMatchObject({ currentVersion: 2 });
  });

  describe("with a window that is closed", () => {
    // The scene begins at 07:08 UTC.
    const window = { between: ["22:00", "04:00"], timeZone: "UTC" };

    test("an up rotates nothing that is due and says when it will; in the window it does", async () => {
      const inputs = { name: "smtp", rotation: { everyDays: 1, when: "up", window } };
      const made = await scene.up(inputs);
      scene.clock.advance(DAY_MS);
      expect(await scene.changes(inputs, made)).toBe(false);
      const since = "smtp is due for rotation since 2031-05-07T07:08:09.000Z";
      expect(scene.notes).toEqual([`${since}: an \`up\` does it in its window, from 2031-05-07T22:00:00.000Z`]);
      scene.clock.set("2031-05-08T03:59:00Z");
      const rotated = await scene.up(inputs, made);
      expect(rotated.outputs).toMatchObject({ currentVersion: 2, rotation: inputs.rotation });
    });

    test("an up that has something else to change doesn't rotate along", async () => {
      const inputs = { name: "smtp", rotation: { everyDays: 1, when: "up", window } };
      const made = await scene.up(inputs);
      scene.clock.advance(DAY_MS);
      const changed = await scene.up({ ...inputs, description: "of the shop" }, made);
      expect(changed.outputs).toMatchObject({ currentVersion: 1, description: "of the shop" });
    });

    test("a declared cause and rotateDue: the first is done at once, the second waits", async () => {
      const inputs = { name: "smtp", rotation: { everyDays: 1, window } };
      const made = await scene.up(inputs);
      scene.clock.advance(DAY_MS);
      expect(await scene.changes(inputs, made, { rotateDue: true })).toBe(false);
      const triggered = await scene.up({ ...inputs, rotateWhenChanged: { reason: "leak" } }, made);
      expect(triggered.outputs).toMatchObject({ currentVersion: 2 });
    });

    test("what has begun is finished, whatever the hour", async () => {
      const target = await scene.declaredTarget();
      const inputs = { name: "orders", username: "orders", targets: [target], rotation: { everyDays: 1, window } };
      const made = await scene.up(inputs);
      scene.clock.advance(DAY_MS);
      await expect(
        scene.rotate(made.id, "due:x", scene.context({ around: killedAtStep("verified", "before") })),
      ).rejects.toThrow();
      const done = await scene.up(inputs, made);
      expect(done.outputs).toMatchObject({ currentVersion: 2, status: "done" });
    });

    test("a refresh reports it as it is declared", async () => {
      const inputs = { name: "smtp", rotation: { everyDays: 1, window: { ...window, days: ["sat", "sun"] } } };
      const made = await scene.up(inputs);
      const refreshed = await scene.refresh(made);
      expect(refreshed?.outputs).toEqual(made.outputs);
    });
  });

  test("a category that was renamed changes the reference", async () => {
    const { id: categoryId } = await scene.vault.createCategory({ name: "Mail", parentId: null });
    const made = await scene.up({ name: "smtp", categoryId });
    await scene.vault.updateCategory(categoryId, { name: "Post" });
    expect(await scene.changes({ name: "smtp", categoryId }, made)).toBe(true);
    expect((await scene.up({ name: "smtp", categoryId }, made)).outputs).toMatchObject({
      ref: "coffre://scene/Post/smtp",
    });
  });

  test("one that needs attention is a change, whose error says what to do", async () => {
    const inputs = { name: "orders", username: "orders", targets: [await scene.declaredTarget()] };
    const made = await scene.up(inputs);
    scene.target.next("verify", () => ({ proof: "refused", reason: "28P01" }));
    const failed = await scene.up({ ...inputs, rotateWhenChanged: { n: "2" } }, made);
    expect(failed.outputs).toMatchObject({ status: "unfinished" });
    const again = await scene.up({ ...inputs, rotateWhenChanged: { n: "2" } }, failed);
    expect(again.error?.message).toMatch(/^NEEDS_ATTENTION/);
  });

  test("an unknown input anywhere is a change", async () => {
    const made = await scene.up({ name: "smtp" });
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    expect(await scene.changes({ name: "smtp", rotateWhenChanged: { image: unknown } }, made)).toBe(true);
    expect(await scene.changes({ name: "smtp", targets: [{ kind: "fake", host: unknown }] }, made)).toBe(true);
  });
});

describe("a refresh", () => {
  test("of what didn't change changes nothing, though the vault has gone on", async () => {
    const made = await scene.up({ name: "smtp", description: "relay" });
    await scene.up({ name: "other" });
    expect((await scene.refresh(made))?.outputs).toEqual(made.outputs);
  });

  test("reports what was changed of what the program declares", async () => {
    const made = await scene.up({ name: "smtp", description: "relay", rotation: { everyDays: 90 } });
    await scene.vault.updateCredential(made.id, { description: "old relay", url: "https://mail.example.com" });
    const refreshed = await scene.refresh(made);
    expect(refreshed?.outputs).toMatchObject({ description: "old relay", rotation: { everyDays: 90 } });
    expect(refreshed?.outputs).not.toHaveProperty("url");
    expect(
      await scene.changes(
        { name: "smtp", description: "relay", rotation: { everyDays: 90 } },
        { ...made, ...refreshed },
      ),
    ).toBe(true);
  });

  test("finds that an entry is gone, and one that was archived too", async () => {
    const gone = await scene.up({ name: "gone" });
    await scene.vault.deleteCredential(gone.id, {});
    expect(await scene.refresh(gone)).toBeUndefined();
    const archived = await scene.up({ name: "archived" });
    await scene.vault.archiveCredential(archived.id, {});
    expect(await scene.refresh(archived)).toBeUndefined();
  });

  test("of one that was only looked up answers what the vault has", async () => {
    const made = await scene.up({ name: "smtp", username: "mailer" });
    const looked = await scene.refresh({ id: made.id, outputs: {} });
    expect(looked?.outputs).toEqual({
      name: "smtp",
      username: "mailer",
      tags: [],
      ref: "coffre://scene/smtp",
      currentVersion: 1,
      status: "done",
    });
  });
});

test("an entry that is gone is an error of an up, which says that a refresh helps", async () => {
  const made = await scene.up({ name: "smtp" });
  await scene.vault.deleteCredential(made.id, {});
  await expect(scene.changes({ name: "smtp" }, made)).rejects.toThrow(
    /NOT_FOUND: smtp .* is gone[\s\S]*pulumi refresh/,
  );
});

test("a policy that can't be met on the target is refused before anything is written", async () => {
  const { id: categoryId } = await scene.vault.createCategory({
    name: "Strict",
    parentId: null,
    policy: { require: ["upper"] },
  });
  const inputs = { name: "orders", username: "orders", categoryId, targets: [await scene.declaredTarget()] };
  await expect(scene.up(inputs)).rejects.toThrow("POLICY");
  expect(await scene.vault.findCredential(["Strict", "orders"])).toBeUndefined();
});

test("the state has no value, whatever happens", async () => {
  const made = await scene.up({ name: "smtp" });
  await scene.vault.updateCredential(made.id, { valueManagedBy: "coffre" });
  const value = new Secret(await scene.value(made.id));
  expect(JSON.stringify([made, scene.notes])).not.toContain(value.reveal());
});
