import { expect, test } from "@jest/globals";
import { Secret } from "../../../provider/core/secret.js";
import type { Hook } from "../../../provider/vault/port.js";
import { type CreateVault, createOne, hold, keepsLog, onVault } from "./setup.js";

const A: Hook = { url: "https://a.example.com/", secretRef: "coffre://v/x" };
const B: Hook = { command: ["restart", "orders app"] };
const [NAME_A, NAME_B] = ["https://a.example.com/", 'command restart "orders app"'];

export function noticeCases(create: CreateVault): void {
  test(
    "the write that makes a version current books it for every hook, and no other write does",
    onVault(create, async ({ vault, clock }) => {
      const { id, notices } = await createOne(vault, { name: "a", notify: [A, B] });
      expect(notices).toEqual([]);
      const { lease } = await hold(vault, id);
      const value = new Secret("v1");
      const staged = await vault.record(lease, [{ step: "stage", value, causes: [], accounts: [] }]);
      expect(staged.notices).toEqual([]);
      await vault.record(lease, [{ step: "promote", version: 1, verified: false }, { step: "release" }]);
      const booked = await vault.readCredential(id);
      const notice = { id: expect.stringMatching(/^msg_/), version: 1, at: clock.now().toISOString(), tries: 0 };
      expect(booked.notices).toEqual([
        { ...notice, hook: NAME_A },
        { ...notice, hook: NAME_B },
      ]);
      expect((await vault.updateCredential(id, { description: "of the shop" })).notices).toEqual(booked.notices);
    }),
  );

  test(
    "a first version that comes with its entry is booked too",
    onVault(create, async ({ vault }) => {
      const initial = { value: new Secret("v1"), causes: [] };
      const { notices } = await createOne(vault, { name: "a", notify: [A], initial });
      expect(notices).toMatchObject([{ hook: NAME_A, version: 1 }]);
    }),
  );

  test(
    "what became of a notice is written down, and is an event; one that is settled already is no error",
    onVault(create, async ({ vault, clock }) => {
      const initial = { value: new Secret("v1"), causes: [] };
      const { id, notices } = await createOne(vault, { name: "a", notify: [A, B], initial });
      const [first = "", second = ""] = notices.map((notice) => notice.id);
      const failed = { outcome: "failed", tries: 3, problem: "answered 500" } as const;
      const delivered = { id: second, outcome: "delivered" } as const;
      await vault.updateCredential(id, { notices: [{ id: first, ...failed }, delivered] });
      const after = await vault.updateCredential(id, { notices: [{ id: first, ...failed }, delivered] });
      const { tries, problem } = { tries: 6, problem: "answered 500" };
      expect(after.notices).toMatchObject([{ id: first, tries, problem, triedAt: clock.now().toISOString() }]);
      const forgotten = await vault.updateCredential(id, { notices: [{ id: first, outcome: "forgotten" }] });
      expect(forgotten.notices).toEqual([]);
      if (!keepsLog(vault)) return;
      const events: string[] = [];
      for await (const { action, detail } of vault.listEvents({ credentialId: id })) events.push(`${action} ${detail}`);
      expect(events.filter((event) => event.startsWith("notice."))).toEqual([
        `notice.failed ${NAME_A}`,
        `notice.delivered ${NAME_B}`,
        `notice.failed ${NAME_A}`,
        `notice.forgotten ${NAME_A}`,
      ]);
      expect(events.some((event) => event.startsWith("credential.updated"))).toBe(false);
    }),
  );

  test(
    "a hook that is added is told of the version in force, and one that is taken away takes its notices along",
    onVault(create, async ({ vault }) => {
      const initial = { value: new Secret("v1"), causes: [] };
      const { id } = await createOne(vault, { name: "a", notify: [A], initial });
      const added = await vault.updateCredential(id, { notify: [A, B] });
      expect(added.notices.map(({ hook }) => hook)).toEqual([NAME_A, NAME_B]);
      const left = await vault.updateCredential(id, { notify: [B] });
      expect({ notify: left.notify, hooks: left.notices.map(({ hook }) => hook) }).toEqual({
        notify: [B],
        hooks: [NAME_B],
      });
      expect(await vault.updateCredential(id, { notify: [] })).toMatchObject({ notify: [], notices: [] });
    }),
  );
}
