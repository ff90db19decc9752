import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { describeHookUrlProblem, webhookHeaders } from "../../provider/core/webhook.js";
import { giveValue } from "../../provider/rotation/give.js";
import { deliverNotices, untold } from "../../provider/rotation/notify/deliver.js";
import { type DeclaredHook, prepareHooks } from "../../provider/rotation/notify/prepare.js";
import { resume } from "../../provider/rotation/rotate.js";
import { runHook } from "../../provider/target/command/hook.js";
import { createAuthority } from "../../tools/postgres/certificates.ts";
import { Programs } from "../contract/command-programs.ts";
import { HookReceiver } from "../fixtures/hook-receiver.ts";
import { killedAtRequest, killedAtStep, referenceTo, Scene } from "../fixtures/rotation-scene.ts";

const SIGNING = "the secret that signs";

let scene: Scene;
let receiver: HookReceiver;
let signing: string;
beforeEach(async () => {
  scene = new Scene();
  receiver = await HookReceiver.start();
  receiver.key = Buffer.from(SIGNING);
  signing = referenceTo(await scene.add({ name: "signing", initial: { value: new Secret(SIGNING), causes: [] } }));
});
afterEach(async () => {
  await receiver.close();
  await scene.close();
});

/** An entry that tells the receiver; nothing is rotated yet. */
async function telling(url = receiver.url): Promise<string> {
  return scene.orders({}, { notify: await prepareHooks(scene.vault, [{ url, secretRef: signing }]) });
}

async function outstanding(id: string): Promise<string[]> {
  const { notices } = await scene.vault.readCredential(id);
  return notices.map(({ version, tries, problem }) => `version ${version}, ${tries} tries: ${problem ?? "not tried"}`);
}

test("the headers are those of Standard Webhooks' own example", () => {
  const message = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", at: new Date(1614265330_000), body: '{"test": 2432232314}' };
  expect(webhookHeaders(message, new Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))).toEqual({
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

describe("a rotation", () => {
  test("is told once, signed, with everything but the value", async () => {
    const id = await telling();
    const { credential, action } = await scene.rotate(id);
    expect({ action, notices: credential.notices }).toEqual({ action: "rotated", notices: [] });
    const [only, ...others] = receiver.received;
    expect(others).toEqual([]);
    expect(only).toMatchObject({
      id: expect.stringMatching(/^msg_[A-Za-z0-9]{22}$/),
      timestamp: Math.floor(scene.clock.now().getTime() / 1000),
      isSigned: true,
      body: {
        type: "credential.promoted",
        timestamp: credential.versions[0]?.promotedAt,
        data: {
          vaultId: (await scene.vault.identity()).id,
          credentialId: id,
          path: ["orders"],
          ref: "coffre://scene/orders",
          idRef: referenceTo({ id }),
          version: 1,
        },
      },
    });
    expect(only?.raw).not.toContain(await scene.value(id));
    expect(only?.raw).not.toContain(SIGNING);
    expect(await scene.events(id)).toContain("notice.delivered");
  });

  test("is not stopped by a hook that answers 500 for ever, and no run rotates again for it", async () => {
    receiver.answers = [500];
    const id = await telling();
    const { credential } = await scene.rotate(id);
    expect(credential).toMatchObject({ status: "current" });
    expect(receiver.received).toHaveLength(3);
    expect(await outstanding(id)).toEqual(["version 1, 3 tries: answered 500"]);
    for (let run = 0; run < 3; run++) await scene.rotate(id, "cause:1");
    expect(await scene.versions(id)).toBe("1 current");
    expect(await outstanding(id)).toEqual(["version 1, 12 tries: answered 500"]);
    expect(new Set(receiver.received.map((one) => one.id)).size).toBe(1);
    expect(untold(await scene.vault.readCredential(id))).toEqual([
      `${receiver.url} wasn't told of version 1: answered 500`,
    ]);
  });

  test("is told within the run if a second try succeeds, each try signed anew", async () => {
    receiver.answers = [503, 200];
    await scene.rotate(await telling());
    const [first, second] = receiver.received;
    expect([first?.isSigned, second?.isSigned]).toEqual([true, true]);
    expect(second?.id).toBe(first?.id);
    expect((second?.timestamp ?? 0) - (first?.timestamp ?? 0)).toBe(1);
  });

  test("is told by the next run, with the same id and in order, once the receiver is back", async () => {
    receiver.answers = [500];
    const id = await telling();
    await scene.rotate(id, "cause:1");
    const first = receiver.received[0]?.id;
    await scene.rotate(id, "cause:2");
    expect(await outstanding(id)).toEqual(["version 1, 6 tries: answered 500", "version 2, 0 tries: answered 500"]);
    receiver.received.length = 0;
    receiver.answers = [204];
    await resume(scene.context(), id);
    expect(receiver.received.map(({ body }) => (body as { data: { version: number } }).data.version)).toEqual([1, 2]);
    expect(receiver.received[0]?.id).toBe(first);
    expect(await outstanding(id)).toEqual([]);
  });

  test.each([
    [302, "answered 302: redirects are refused"],
    [410, "answered 410"],
  ])("isn't told where the receiver answers %d, which no second try would change", async (status, problem) => {
    receiver.answers = [{ status, headers: { location: receiver.url } }];
    const id = await telling();
    await scene.rotate(id);
    expect(receiver.received).toHaveLength(1);
    expect(await outstanding(id)).toEqual([`version 1, 1 tries: ${problem}`]);
  });

  test("isn't told where nobody listens", async () => {
    const { url } = receiver;
    await receiver.close();
    const id = await telling(url);
    await scene.rotate(id);
    expect(await outstanding(id)).toEqual(["version 1, 3 tries: not reached (ECONNREFUSED)"]);
    receiver = await HookReceiver.start();
  });

  test("waits for no receiver that never answers", async () => {
    receiver.answers = ["silent"];
    const id = await telling();
    await scene.rotate(id, "cause:1", scene.context({ hookTimeoutMs: 200 }));
    expect(await outstanding(id)).toEqual(["version 1, 3 tries: no answer in 0.2 s"]);
  });

  test("is told by nobody whose certificate isn't trusted", async () => {
    const issued = createAuthority().issue({ commonName: "receiver", hosts: ["127.0.0.1"] });
    const stranger = await HookReceiver.start(issued);
    try {
      const id = await telling(stranger.url);
      await scene.rotate(id);
      expect(await outstanding(id)).toEqual([expect.stringMatching(/^version 1, 3 tries: not reached \([A-Z_]+\)$/)]);
      expect(stranger.received).toEqual([]);
    } finally {
      await stranger.close();
    }
  });

  test("leaves a hook alone for the rest of a run in which it failed", async () => {
    receiver.answers = [500];
    const id = await telling();
    const context = scene.context();
    await scene.rotate(id, "cause:1", context);
    await scene.rotate(id, "cause:2", context);
    expect(receiver.received).toHaveLength(3);
  });
});

describe("a kill", () => {
  test("right after the promotion loses no message", async () => {
    const id = await telling();
    await expect(
      scene.rotate(id, "cause:1", scene.context({ around: killedAtStep("promote", "after") })),
    ).rejects.toThrow();
    expect(receiver.received).toEqual([]);
    expect(await outstanding(id)).toEqual(["version 1, 0 tries: not tried"]);
    await resume(scene.context(), id);
    expect(receiver.received).toHaveLength(1);
  });

  test("before it books none", async () => {
    const id = await telling();
    await expect(
      scene.rotate(id, "cause:1", scene.context({ around: killedAtStep("promote", "before") })),
    ).rejects.toThrow();
    expect(await outstanding(id)).toEqual([]);
  });

  test("after the message was sent has it told again, under the same id", async () => {
    const id = await telling();
    const { credential } = await scene.rotate(
      id,
      "cause:1",
      scene.context({ around: killedAtRequest("updateCredential") }),
    );
    expect(credential.status).toBe("current");
    await resume(scene.context(), id);
    expect(receiver.received).toHaveLength(2);
    expect(new Set(receiver.received.map((one) => one.id)).size).toBe(1);
    expect(await outstanding(id)).toEqual([]);
  });
});

describe("a hook", () => {
  test("is told of values that people bring", async () => {
    const notify = await prepareHooks(scene.vault, [{ url: receiver.url, secretRef: signing }]);
    const { id } = await scene.add({ name: "partner", valueManagedBy: "external", notify });
    await giveValue(scene.context(), id, { value: new Secret("from a person"), cause: "put:1" });
    expect(receiver.received).toMatchObject([{ isSigned: true, body: { data: { credentialId: id, version: 1 } } }]);
  });

  test("that is declared later is told of the version in force, and one that is taken away of nothing more", async () => {
    receiver.answers = [500];
    const id = await scene.rotated();
    const notify = await prepareHooks(scene.vault, [{ url: receiver.url, secretRef: signing }]);
    const told = await scene.vault.updateCredential(id, { notify });
    expect(told.notices).toMatchObject([{ version: 1, tries: 0, hook: receiver.url }]);
    expect((await scene.vault.updateCredential(id, { notify })).notices).toHaveLength(1);
    expect((await scene.vault.updateCredential(id, { notify: [] })).notices).toEqual([]);
  });

  test("is told when a person accepts another version", async () => {
    const id = await telling();
    await scene.rotate(id, "cause:1");
    await scene.rotate(id, "cause:2");
    const { notices } = await scene.vault.resolveCredential(id, { decision: "accept", version: 1, verified: false });
    expect(notices).toMatchObject([{ version: 1 }]);
  });

  test("whose signing secret is gone says so, and its message stays", async () => {
    const id = await telling();
    const { id: secretId } = (await scene.vault.findCredential(["signing"])) ?? { id: "" };
    await scene.vault.deleteCredential(secretId, {});
    await scene.rotate(id);
    expect(await outstanding(id)).toEqual([
      `version 1, 0 tries: its signing secret: There is no credential ${secretId}`,
    ]);
    expect(receiver.received).toEqual([]);
  });

  test("signs with the secret's version of the moment", async () => {
    receiver.answers = [500];
    const id = await telling();
    await scene.rotate(id);
    const { id: secretId } = (await scene.vault.findCredential(["signing"])) ?? { id: "" };
    await giveValue(scene.context(), secretId, { value: new Secret("whsec_bmV3"), cause: "put:1" });
    receiver.received.length = 0;
    receiver.key = Buffer.from("new");
    receiver.answers = [204];
    await deliverNotices(scene.context(), await scene.vault.readCredential(id));
    expect(receiver.received).toMatchObject([{ isSigned: true }]);
  });

  test("keeps its newest fifty messages", async () => {
    receiver.answers = [404];
    const notify = await prepareHooks(scene.vault, [{ url: receiver.url, secretRef: signing }]);
    const { id } = await scene.add({ name: "often", notify });
    const context = scene.context();
    for (let number = 1; number <= 53; number++) await scene.rotate(id, `cause:${number}`, context);
    const { notices } = await scene.vault.readCredential(id);
    expect([notices.length, notices[0]?.version, notices.at(-1)?.version]).toEqual([50, 4, 53]);
  });
});

describe("a hook that is a program", () => {
  let programs: Programs;
  let heard: string;
  beforeEach(() => {
    programs = new Programs();
    heard = join(programs.folder, "heard");
  });
  afterEach(() => programs.close());

  /** An entry without a target that tells the program, rotated by a run that may run it. */
  async function rotateTelling(...command: string[]): Promise<string> {
    const notify = await prepareHooks(scene.vault, [{ command }]);
    const { id } = await scene.add({ name: "smtp", notify });
    await scene.rotate(id, "cause:1", scene.context({ runHook }));
    return id;
  }

  test("reads the message and its id, with its own arguments, and nothing of our environment", async () => {
    process.env["COFFRE_PASSPHRASE"] = "hunter2";
    try {
      programs.add("restart", `cat > ${heard}; echo "$@" >> ${heard}; env >> ${heard}`);
      const id = await rotateTelling("restart", "orders", "two words");
      const [line = "", words, ...environment] = readFileSync(heard, "utf8").split("\n");
      expect(JSON.parse(line)).toMatchObject({
        id: expect.stringMatching(/^msg_/),
        type: "credential.promoted",
        data: { credentialId: id, version: 1 },
      });
      expect(words).toBe("orders two words");
      expect(environment.join("\n")).not.toMatch(/COFFRE|hunter2/);
      expect(readFileSync(heard, "utf8")).not.toContain(await scene.value(id));
      expect(await outstanding(id)).toEqual([]);
    } finally {
      delete process.env["COFFRE_PASSPHRASE"];
    }
  });

  test("is run again if it fails, and stops nothing", async () => {
    programs.add("restart", `echo tried >> ${heard}; exit 3`);
    const id = await rotateTelling("restart");
    expect(readFileSync(heard, "utf8")).toBe("tried\n".repeat(3));
    expect(await outstanding(id)).toEqual([
      'version 1, 3 tries: the program "restart" ended with exit code 3, which says nothing about notify; what it printed isn\'t shown',
    ]);
    expect(await scene.versions(id)).toBe("1 current");
  });

  test("that isn't allowed here waits for a machine where it is", async () => {
    const id = await rotateTelling("restart");
    expect(await outstanding(id)).toEqual([
      expect.stringMatching(/^version 1, 1 tries: The program "restart" isn't there/),
    ]);
    await deliverNotices(scene.context(), await scene.vault.readCredential(id));
    expect(await outstanding(id)).toEqual(["version 1, 2 tries: no programs are allowed here"]);
    programs.add("restart", "cat > /dev/null");
    await deliverNotices(scene.context({ runHook }), await scene.vault.readCredential(id));
    expect(await outstanding(id)).toEqual([]);
  });

  test("with a word that no system passes on stops nothing, whatever a vault says", async () => {
    programs.add("restart", "cat > /dev/null");
    const { id } = await scene.add({ name: "smtp", notify: [{ command: ["restart", "a\0b"] }] });
    await scene.rotate(id, "cause:1", scene.context({ runHook }));
    expect(await scene.versions(id)).toBe("1 current");
    expect(await outstanding(id)).toEqual(["version 1, 1 tries: one of its words holds a NUL"]);
  });

  test("is never a path, whatever a vault says", async () => {
    programs.add("restart", `echo tried >> ${heard}`);
    const notify = [{ command: [`../${basename(programs.folder)}/restart`] }];
    const { id } = await scene.add({ name: "smtp", notify });
    await scene.rotate(id, "cause:1", scene.context({ runHook }));
    expect(existsSync(heard)).toBe(false);
    expect(await outstanding(id)).toEqual(["version 1, 1 tries: it doesn't begin with the name of a program"]);
    await expect(prepareHooks(scene.vault, notify)).rejects.toThrow(/must begin with the name of a program/);
  });
});

test.each([
  ["https://deploy.example.com/hooks?kind=coffre", undefined],
  ["http://localhost:8080/", undefined],
  ["http://[::1]:8080/", undefined],
  ["http://deploy.example.com/", "must begin with https://; http:// is taken for this machine itself only"],
  ["http://127.0.0.1.example.com/", "must begin with https://; http:// is taken for this machine itself only"],
  ["https://ana:hunter2@example.com/", expect.stringContaining("holds a user name or a password")],
  ["ftp://example.com/", "must begin with https://"],
  ["deploy.example.com", expect.stringContaining("must be a URL")],
  [`https://example.com/${"x".repeat(2_048)}`, "must have 2048 characters or fewer"],
])("the address %s", (url, problem) => {
  expect(describeHookUrlProblem(url)).toEqual(problem);
});

test("hooks that can't be meant are refused", async () => {
  const hook = { url: "https://example.com/a", secretRef: signing };
  const prepare = (...hooks: DeclaredHook[]) => prepareHooks(scene.vault, hooks);
  await expect(prepare(hook, hook)).rejects.toThrow("notify.1 is declared twice");
  await expect(prepare({})).rejects.toThrow("notify.0 must have a url or a command");
  await expect(prepare({ ...hook, command: ["x"] })).rejects.toThrow("notify.0 must have url or command, not both");
  await expect(prepare({ url: hook.url })).rejects.toThrow("notify.0.secretRef is missing");
  await expect(prepare({ command: ["x"], secretRef: signing })).rejects.toThrow("notify.0.secretRef goes with a url");
  await expect(prepare({ command: ["x", "a\0b"] })).rejects.toThrow("notify.0.command must have no control characters");
  await expect(prepare({ command: [] })).rejects.toThrow("notify.0.command must begin with the name of a program");
  await expect(prepare({ ...hook, secretRef: "hunter2" })).rejects.toThrow(/^INVALID_INPUT: The reference isn't valid/);
  await expect(prepare({ ...hook, secretRef: `${signing}?version=previous` })).rejects.toThrow(/names a version/);
  await expect(prepare({ ...hook, secretRef: "coffre://scene/nothing" })).rejects.toThrow(/^NOT_FOUND/);
  await expect(prepare({ ...hook, secretRef: "coffre://other/signing" })).rejects.toThrow(/^WRONG_VAULT/);
  const { id } = (await scene.vault.findCredential(["signing"])) ?? { id: "" };
  await expect(prepareHooks(scene.vault, [hook], id)).rejects.toThrow(/the credential's own password/);
  expect(await prepare({ ...hook, secretRef: "coffre://scene/signing?field=key" })).toEqual([
    { url: hook.url, secretRef: `${referenceTo({ id })}?field=key` },
  ]);
});
