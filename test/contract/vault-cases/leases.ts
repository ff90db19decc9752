import { expect, test } from "@jest/globals";
import type { RotationStep } from "../../../provider/vault/port.js";
import {
  collect,
  type CreateVault,
  createOne,
  expectActions,
  keepsLog,
  failure,
  finish,
  hold,
  onVault,
  readValue,
  rotate,
  stage,
  target,
  withValue,
} from "./setup.js";

const { account } = target("app");

export function leaseCases(create: CreateVault): void {
  test(
    "one holder at a time: a second is told who holds it, its number, and until when",
    onVault(create, async ({ vault, elsewhere }) => {
      const made = await createOne(vault, { name: "a" });
      const { lease } = await hold(vault, made.id);
      expect(lease).toEqual({
        credentialId: made.id,
        holder: "runner-1/100",
        fencing: 1,
        expiresAt: "2030-01-01T00:02:00.000Z",
      });
      const error = await failure(hold(await elsewhere(), made.id, [], "runner-2/7"), "LOCKED");
      expect(error.details).toEqual({ holder: "runner-1/100", fencing: 1, expiresAt: "2030-01-01T00:02:00.000Z" });
      await failure(hold(vault, made.id, [], "runner-1/100"), "LOCKED");
    }),
  );

  test(
    "a released lease is free, and its old number records nothing more",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a" });
      const { lease } = await hold(vault, made.id);
      expect((await vault.record(lease, [{ step: "release" }])).journal).toEqual({ fencing: 1, draws: 0 });
      await failure(vault.record(lease, [stage("x", account)]), "LOCKED");
      expect((await hold(vault, made.id)).lease.fencing).toBe(2);
      await failure(vault.record(lease, [stage("x", account)]), "LOCKED");
    }),
  );

  test(
    "an expired lease still records, until somebody else has taken it",
    onVault(create, async ({ vault, clock }) => {
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      const { lease } = await hold(vault, made.id, [stage("x", account)]);
      clock.pass({ seconds: 121 });
      await vault.record(lease, [{ step: "set-started", version: 1, account }]);
      const { lease: second, credential } = await hold(vault, made.id, [], "runner-2/7");
      expect(second.fencing).toBe(2);
      expect(credential.journal).not.toHaveProperty("quietUntil"); // nobody was cut short
      await failure(vault.record(lease, [{ step: "set-confirmed", version: 1, account }]), "LOCKED");
      await vault.record(second, [{ step: "set-confirmed", version: 1, account }]);
    }),
  );

  test(
    "a take-over names the number of the lease that it replaces, and keeps quiet for what may still be on its way",
    onVault(create, async ({ vault, clock }) => {
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      const { lease } = await hold(vault, made.id, [stage("x", account)]);
      await vault.record(lease, [{ step: "set-started", version: 1, account }]);
      clock.pass({ seconds: 10 });
      const request = { holder: "runner-2/7", ttlSeconds: 60 };
      await failure(vault.acquireLease(made.id, { ...request, takeOver: 7 }), "LOCKED");
      const taken = await vault.acquireLease(made.id, { ...request, takeOver: lease.fencing });
      expect(taken.lease.fencing).toBe(2);
      expect(taken.credential.journal.quietUntil).toBe("2030-01-01T00:00:25.000Z");
      if (keepsLog(vault)) {
        const events = await collect(vault.listEvents({ credentialId: made.id }));
        expect(events.map(({ action }) => action)).toContain("lease.taken-over");
      }
      await vault.record(taken.lease, [
        { step: "set-confirmed", version: 1, account },
        { step: "verified", version: 1, account },
        { step: "promote", version: 1, verified: true },
      ]);
      await failure(vault.record(taken.lease, [stage("y", account)]), "LOCKED");
      clock.pass({ seconds: 15 });
      await vault.record(taken.lease, [stage("y", account)]);
      await failure(vault.record(lease, [{ step: "release" }]), "LOCKED");
    }),
  );

  test(
    "the quiet time ends with the lease that was cut short",
    onVault(create, async ({ vault, clock }) => {
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      const { lease } = await hold(vault, made.id, [stage("x", account)]);
      await vault.record(lease, [{ step: "set-started", version: 1, account }]);
      clock.pass({ seconds: 115 });
      const { credential } = await vault.acquireLease(made.id, { holder: "other", ttlSeconds: 60, takeOver: 1 });
      expect(credential.journal.quietUntil).toBe("2030-01-01T00:02:00.000Z");
    }),
  );

  test(
    "a take-over before any set was started needs no quiet time: nothing can be on its way",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      await hold(vault, made.id, [stage("x", account)]);
      const { credential } = await vault.acquireLease(made.id, { holder: "other", ttlSeconds: 60, takeOver: 1 });
      expect(credential.journal).not.toHaveProperty("quietUntil");
    }),
  );

  test(
    "a holder renews its own lease without a quiet time and without an event",
    onVault(create, async ({ vault, clock }) => {
      const made = await createOne(vault, { name: "a" });
      const { lease } = await hold(vault, made.id);
      clock.pass({ seconds: 100 });
      const renewed = await vault.acquireLease(made.id, { holder: lease.holder, ttlSeconds: 120, takeOver: 1 });
      expect(renewed.lease).toMatchObject({ fencing: 2, expiresAt: "2030-01-01T00:03:40.000Z" });
      expect(renewed.credential.journal).not.toHaveProperty("quietUntil");
      await expectActions(vault, { credentialId: made.id }, ["credential.created"]);
    }),
  );

  test(
    "steps are recorded with the lease: all or none",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      const wrong = [stage("x", account), { step: "promote", version: 9, verified: true } as const];
      await failure(hold(vault, made.id, wrong), "CONFLICT");
      expect((await vault.readCredential(made.id)).journal).toEqual({ fencing: 0, draws: 0 });
      const { lease, credential } = await hold(vault, made.id, [stage("x", account)]);
      expect(credential).toMatchObject({ status: "rotating", versions: [{ number: 1, state: "pending" }] });
      await failure(
        vault.record(lease, [{ step: "set-started", version: 1, account }, stage("y", account)]),
        "CONFLICT",
      );
      expect((await vault.readCredential(made.id)).journal.pending?.targets[0]?.setStarted).toBe(false);
      expect(await readValue(vault, made.id, "pending")).toBe("x");
    }),
  );

  test(
    "several versions may be staged and promoted in one write, and each keeps its value",
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "a", ...withValue("one") });
      const steps = ["two", "three"].flatMap((value, index): RotationStep[] => [
        stage(value),
        { step: "promote", version: index + 2, verified: false },
      ]);
      await vault.acquireLease(id, { holder: "h", ttlSeconds: 60 }, [...steps, { step: "release" }]);
      expect((await vault.readCredential(id)).versions.map(({ state }) => state)).toEqual([
        "previous",
        "previous",
        "current",
      ]);
      for (const [index, value] of ["one", "two", "three"].entries())
        expect(await readValue(vault, id, index + 1)).toBe(value);
    }),
  );

  test(
    "a healthy rotation leaves one event for each step and ends with a verified current version",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      await rotate(vault, made, "one");
      const second = await rotate(vault, made, "two");
      expect(second.versions.map(({ number, state, verified }) => [number, state, verified])).toEqual([
        [1, "previous", true],
        [2, "current", true],
      ]);
      expect(second).toMatchObject({ status: "current", journal: { fencing: 2, draws: 0 } });
      expect(await readValue(vault, made.id)).toBe("two");
      const once = [
        "rotation.staged",
        "rotation.set-started",
        "rotation.set",
        "rotation.verified",
        "rotation.promoted",
      ];
      await expectActions(vault, { credentialId: made.id }, [
        "credential.created",
        ...once,
        ...once,
        "credential.read",
      ]);
    }),
  );

  test(
    "a discarded version keeps its value",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      const { lease } = await hold(vault, made.id, [stage("x", account)]);
      const discarded = await vault.record(lease, [{ step: "discard", version: 1, reason: "too long" }]);
      expect(discarded.versions[0]).toMatchObject({ state: "discarded", discardReason: "too long" });
      expect(await readValue(vault, made.id, 1)).toBe("x");
    }),
  );

  test(
    "an archived entry gets no lease; a rotation that still runs writes down what happened but sets nothing more",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      const { lease } = await hold(vault, made.id, [stage("x", account)]);
      await vault.record(lease, [{ step: "set-started", version: 1, account }]);
      await vault.archiveCredential(made.id, {});
      await failure(hold(vault, made.id), "CONFLICT");
      await failure(vault.record(lease, [{ step: "set-started", version: 1, account }]), "CONFLICT");
      await vault.record(lease, [{ step: "set-confirmed", version: 1, account }, { step: "release" }]);
      await failure(hold(vault, "cr_gone"), "NOT_FOUND");
    }),
  );

  test(
    "a person's retry clears attention and leaves the pending version",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      const { lease } = await hold(vault, made.id, [stage("x", account)]);
      const raised = await vault.record(lease, [
        { step: "attention", attention: { reason: "no-way-in", message: "Nobody gets in.", version: 1 } },
        { step: "release" },
      ]);
      expect(raised).toMatchObject({
        status: "needs-attention",
        journal: { attention: { since: "2030-01-01T00:00:00.000Z" } },
      });
      const resolved = await vault.resolveCredential(made.id, { decision: "retry" });
      expect(resolved).toMatchObject({ status: "rotating", journal: { pending: { version: 1 } } });
    }),
  );

  test(
    "a person accepts a version: the pending one, or an earlier one in its place",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      await rotate(vault, made, "one");
      const { lease } = await hold(vault, made.id, [stage("two", account)]);
      await failure(vault.resolveCredential(made.id, { decision: "accept", version: 2, verified: true }), "LOCKED");
      await vault.record(lease, [{ step: "release" }]);
      await failure(vault.resolveCredential(made.id, { decision: "accept", version: 9, verified: true }), "NOT_FOUND");
      const accepted = await vault.resolveCredential(made.id, { decision: "accept", version: 2, verified: true });
      expect(accepted.versions.map(({ state }) => state)).toEqual(["previous", "current"]);
      expect(accepted.journal).not.toHaveProperty("pending");
      const back = await vault.resolveCredential(made.id, { decision: "accept", version: 1, verified: false });
      expect(back.versions.map(({ state }) => state)).toEqual(["current", "previous"]);
      expect(await readValue(vault, made.id)).toBe("one");
    }),
  );

  test(
    "accepting a rollback gives the entry a resolution that no state has seen",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", ...withValue("v") });
      const first = await vault.resolveCredential(made.id, { decision: "accept-rollback" });
      const second = await vault.resolveCredential(made.id, { decision: "accept-rollback" });
      expect(first.resolution).toMatch(/^[0-9a-f-]{36}$/);
      expect(second.resolution).not.toBe(first.resolution);
      expect((await vault.readCredential(made.id)).resolution).toBe(second.resolution);
    }),
  );

  test(
    "of two that ask for a lease at once, one gets it",
    onVault(create, async ({ vault, elsewhere }) => {
      const other = await elsewhere();
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 10 }, (_, index) =>
          hold(index % 2 === 0 ? vault : other, made.id, [stage(`value ${index}`, account)], `runner/${index}`),
        ),
      );
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      const [winner] = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      if (!winner) throw new Error("nobody won");
      expect((await vault.record(winner.lease, finish(1, account))).versions).toHaveLength(1);
    }),
  );
}
