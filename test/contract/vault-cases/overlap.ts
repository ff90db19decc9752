import { expect, test } from "@jest/globals";
import type { RotationStep, Vault } from "../../../provider/vault/port.js";
import { type CreateVault, createOne, expectActions, failure, finish, hold, onVault, stage, target } from "./setup.js";

const [a, b] = ["app_a", "app_b"].map((username) => ({ username, account: target(username).account })) as [Turn, Turn];
type Turn = { username: string; account: string };
const taking = () => target("app", { logins: [a, b] });
const UNTIL = "2030-01-01T01:00:00.000Z";
const draining = { ...a, version: 1, until: UNTIL };
const DRAIN = { ...a, version: 1, seconds: 3_600 };

function staged(value: string, { username, account }: Turn): RotationStep {
  return { ...stage(value, account), username } as RotationStep;
}

/** The steps of one healthy rotation up to its end; the version before goes on working. */
function ended(version: number, { account }: Turn, drain = [DRAIN]): RotationStep[] {
  return [...finish(version, account).slice(0, -1), { step: "promote", version, verified: true, drain }];
}

/** A credential whose second version is current, while its first still works. */
async function overlapping(vault: Vault) {
  const { id } = await createOne(vault, { name: "x", username: "app", targets: [taking()] });
  const { lease } = await hold(vault, id, [staged("one", a)]);
  await vault.record(lease, finish(1, a.account));
  const credential = await vault.record(lease, [staged("two", b), ...ended(2, b)]);
  return { id, lease, credential };
}

/** Logins that take turns, so that the one before works on for a while. */
export function overlapCases(create: CreateVault): void {
  test(
    "each version is read with the login that it is for",
    onVault(create, async ({ vault }) => {
      const { id, lease } = await overlapping(vault);
      await vault.record(lease, [{ step: "release" }]);
      const asked = [{ id }, { id, version: "previous" as const }, { path: ["x"], version: 2 }];
      const answers = await vault.readMany(asked);
      expect(answers).toMatchObject([b, a, b].map(({ username }) => ({ username })));
      expect(await vault.readCredential(id)).toMatchObject({ username: "app", versions: [a, b].map(nameOf) });
    }),
  );

  test(
    "the logins are claimed with the account, and free again with it",
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "x", username: "app", targets: [taking()] });
      for (const name of ["app", "app_a", "app_b"]) {
        await failure(createOne(vault, { name: "other", targets: [target(name)] }), "CONFLICT");
      }
      await failure(createOne(vault, { name: "y", targets: [target("new", { logins: [a] })] }), "CONFLICT");
      await vault.updateCredential(id, { targets: [target("app")] });
      await createOne(vault, { name: "other", targets: [target("app_a")] });
    }),
  );

  test(
    "a login that Coffre has made is remembered as such, whatever is declared later",
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "x", username: "app", targets: [taking()] });
      const { lease } = await hold(vault, id);
      await vault.record(lease, [{ step: "account-made", account: b.account }, { step: "release" }]);
      const made = { accountMade: false, logins: [a, { ...b, made: true }] };
      expect(await vault.readCredential(id)).toMatchObject({ targets: [made] });
      expect(await vault.updateCredential(id, { targets: [taking()], url: "u" })).toMatchObject({ targets: [made] });
    }),
  );

  test(
    "a login drains from the promotion on: it gets no version and isn't ended before its time",
    onVault(create, async ({ vault, clock, start }) => {
      const { id, lease, credential } = await overlapping(vault);
      expect(credential).toMatchObject({ status: "current", journal: { draining: [draining] } });
      const refused = await failure(vault.record(lease, [staged("three", a)]), "LOCKED");
      expect(refused).toMatchObject({ details: { account: a.account, until: UNTIL } });
      expect(refused.message).toContain("coffre acknowledge");
      await failure(vault.record(lease, [{ step: "drain-started", account: a.account }]), "CONFLICT");
      await failure(vault.record(lease, [{ step: "drained", account: a.account }]), "CONFLICT");
      clock.pass({ minutes: 60 });
      const renewed = await hold(vault, id, [], "runner-1/101");
      await vault.record(renewed.lease, [{ step: "drain-started", account: a.account }]);
      await failure(vault.record(renewed.lease, [staged("three", a)]), "LOCKED");
      const after = await vault.record(renewed.lease, [{ step: "drained", account: a.account }]);
      expect(after.journal.draining).toBeUndefined();
      const next = await vault.record(renewed.lease, [staged("three", a), { step: "release" }]);
      expect(next).toMatchObject({ status: "rotating", versions: [a, b, a].map(nameOf) });
      const actions = ["rotation.draining", "rotation.drain-started", "rotation.drained", "rotation.staged"];
      await expectActions(vault, { after: start + 11, credentialId: id }, actions);
    }),
  );

  test(
    "an acknowledgement ends its time at once",
    onVault(create, async ({ vault, clock }) => {
      const { lease } = await overlapping(vault);
      clock.pass({ minutes: 1 });
      const until = clock.now().toISOString();
      const { journal } = await vault.record(lease, [{ step: "acknowledge" }]);
      expect(journal.draining).toEqual([{ ...draining, until }]);
      await vault.record(lease, [
        { step: "drain-started", account: a.account },
        { step: "drained", account: a.account },
      ]);
    }),
  );

  test(
    "a version whose login is accepted as the one in force drains no more",
    onVault(create, async ({ vault }) => {
      const { id, lease } = await overlapping(vault);
      await vault.record(lease, [{ step: "release" }]);
      const accepted = await vault.resolveCredential(id, { decision: "accept", version: 1, verified: false });
      expect(accepted.journal.draining).toBeUndefined();
      expect(await vault.readMany([{ id }])).toMatchObject([{ username: "app_a", version: 1 }]);
    }),
  );

  test(
    "after the death of a run that was ending a login, nothing new is drawn before its packets have arrived",
    onVault(create, async ({ vault, clock }) => {
      const { id, lease } = await overlapping(vault);
      await vault.record(lease, [{ step: "acknowledge" }, { step: "drain-started", account: a.account }]);
      const request = { holder: "runner-2/7", ttlSeconds: 120, takeOver: lease.fencing };
      const taken = await vault.acquireLease(id, request);
      expect(taken.credential.journal.draining).toMatchObject([{ started: true }]);
      await vault.record(taken.lease, [{ step: "drained", account: a.account }]);
      await failure(vault.record(taken.lease, [staged("three", a)]), "LOCKED");
      clock.pass({ seconds: 15 });
      await vault.record(taken.lease, [staged("three", a)]);
    }),
  );

  test(
    "of a version that changes its login on the way, the last one counts",
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "x", username: "app", targets: [taking()] });
      const { lease } = await hold(vault, id, [staged("one", a)]);
      const retarget = { step: "retarget" as const, version: 1, accounts: [b.account], causes: [] };
      const moved = await vault.record(lease, [{ ...retarget, username: "app_b" }]);
      expect(moved.versions).toMatchObject([nameOf(b)]);
      await failure(vault.record(lease, ended(1, b, [{ ...DRAIN, ...b }])), "CONFLICT");
      const plain = await vault.record(lease, [{ ...retarget, accounts: [target("app").account] }]);
      expect(plain.versions[0]).not.toHaveProperty("username");
    }),
  );
}

function nameOf({ username }: Turn): { username: string } {
  return { username };
}
