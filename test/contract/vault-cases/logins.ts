import { expect, test } from "@jest/globals";
import type { LoginBooking, Vault } from "../../../provider/vault/port.js";
import { type CreateVault, createOne, expectActions, failure, hold, onVault, target } from "./setup.js";

let booked = 0;

function booking(user: string, kind: LoginBooking["kind"] = "probe", host = "db.example.com:5432"): LoginBooking {
  booked += 1;
  return { id: `booking-${booked}`, account: target(user).account, host, kind };
}

async function refuse(vault: Vault, user: string, host?: string): Promise<void> {
  const made = booking(user, "probe", host);
  await vault.bookLogin(made);
  await vault.settleLogin(made.id, "refused");
}

export function loginCases(create: CreateVault): void {
  test(
    "an account bears two refused logins in half an hour; then it is spent, and says until when",
    onVault(create, async ({ vault, clock }) => {
      await refuse(vault, "a");
      clock.pass({ minutes: 10 });
      await refuse(vault, "a");
      clock.pass({ minutes: 1 });
      const error = await failure(vault.bookLogin(booking("a")), "BUDGET_SPENT");
      expect(error.details).toEqual({ account: target("a").account, freeAt: "2030-01-01T00:30:00.000Z" });
      expect(error.message).toContain("2030-01-01T00:30:00.000Z");
      clock.pass({ minutes: 19 });
      await vault.bookLogin(booking("a", "probe", "other:5432"));
    }),
  );

  test(
    "a host bears two refused logins an hour over all accounts, counted for each source machine",
    onVault(create, async ({ vault, clock, elsewhere }) => {
      await refuse(vault, "a");
      await refuse(vault, "b");
      const error = await failure(vault.bookLogin(booking("c")), "BUDGET_SPENT");
      expect(error.details).toEqual({ host: "db.example.com:5432", freeAt: "2030-01-01T01:00:00.000Z" });
      await vault.bookLogin(booking("c", "probe", "other.example.com:5432"));
      await (await elsewhere()).bookLogin(booking("d"));
      clock.pass({ minutes: 60 });
      await vault.bookLogin(booking("c"));
    }),
  );

  test(
    "a host bears two logins of unknown outcome however many accounts ask at the same time",
    onVault(create, async ({ vault }) => {
      const asked = await Promise.allSettled(
        ["a", "b", "c", "d", "e", "f"].map((user) => vault.bookLogin(booking(user))),
      );
      expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
      for (const one of asked) {
        if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "BUDGET_SPENT" });
      }
    }),
  );

  test(
    "who books sparingly leaves the last login of account and host to others",
    onVault(create, async ({ vault }) => {
      const sparing = (user: string, host?: string) => ({ ...booking(user, "probe", host), sparing: true as const });
      await vault.bookLogin(sparing("z", "quiet.example.com:5432"));
      await refuse(vault, "a");
      const ofAccount = await failure(vault.bookLogin(sparing("a", "other.example.com:5432")), "BUDGET_SPENT");
      expect(ofAccount.details).toMatchObject({ account: target("a").account });
      const ofHost = await failure(vault.bookLogin(sparing("b")), "BUDGET_SPENT");
      expect(ofHost.details).toMatchObject({ host: "db.example.com:5432" });
      await vault.bookLogin(booking("a", "proof"));
    }),
  );

  test(
    "a host's budget counts logins with a doubtful value before they are settled, over all processes",
    onVault(create, async ({ vault }) => {
      const first = booking("a");
      await vault.bookLogin(first);
      await vault.bookLogin(booking("b"));
      await failure(vault.bookLogin(booking("c")), "BUDGET_SPENT");
      await vault.settleLogin(first.id, "succeeded");
      await vault.bookLogin(booking("c"));
    }),
  );

  test(
    "proofs that are under way leave a host to others",
    onVault(create, async ({ vault }) => {
      for (const user of ["a", "b", "c"]) await vault.bookLogin(booking(user, "proof"));
    }),
  );

  test(
    "logins that succeed or were not made cost nothing",
    onVault(create, async ({ vault }) => {
      for (const outcome of ["succeeded", "not-made", "succeeded", "not-made", "succeeded"] as const) {
        const made = booking("a");
        await vault.bookLogin(made);
        await vault.settleLogin(made.id, outcome);
      }
      await vault.bookLogin(booking("a"));
    }),
  );

  test(
    "a success clears what the account had been refused, for account and host",
    onVault(create, async ({ vault }) => {
      await refuse(vault, "a");
      const good = booking("a");
      await vault.bookLogin(good);
      await vault.settleLogin(good.id, "succeeded");
      await refuse(vault, "a");
      await vault.bookLogin(booking("a"));
    }),
  );

  test(
    "a probe whose outcome nobody reported counts; it counts no more once a later login succeeded",
    onVault(create, async ({ vault }) => {
      await vault.bookLogin(booking("a"));
      await vault.bookLogin(booking("a"));
      await failure(vault.bookLogin(booking("a")), "BUDGET_SPENT");

      const elsewhere = "other.example.com:5432";
      const lost = booking("b", "probe", elsewhere);
      await vault.bookLogin(lost);
      const good = booking("b", "probe", elsewhere);
      await vault.bookLogin(good);
      await vault.settleLogin(good.id, "succeeded");
      await vault.bookLogin(booking("b", "probe", elsewhere));
      await vault.settleLogin(lost.id, "refused"); // late, but it was refused
      await failure(vault.bookLogin(booking("b", "probe", elsewhere)), "BUDGET_SPENT");
    }),
  );

  test(
    "proofs of unknown outcome count as one together",
    onVault(create, async ({ vault }) => {
      for (let kills = 0; kills < 5; kills += 1) await vault.bookLogin(booking("a", "proof"));
      await vault.bookLogin(booking("a", "probe"));
      await failure(vault.bookLogin(booking("a", "proof")), "BUDGET_SPENT");
    }),
  );

  test(
    "a person clears an account's budget",
    onVault(create, async ({ vault, start }) => {
      await refuse(vault, "a");
      await refuse(vault, "a");
      await vault.clearLogins(target("a").account);
      await vault.bookLogin(booking("a"));
      await expectActions(vault, { after: start }, ["login.refused", "login.refused", "login.cleared"]);
      await vault.clearLogins("postgres://nobody@nowhere:1");
      await vault.settleLogin("no-such-booking", "refused");
    }),
  );

  test(
    "a rotation books and settles in its own writes; a spent budget stops the whole write",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", targets: [target("a")] });
      const { lease } = await hold(vault, made.id);
      const first = booking("a");
      await vault.record(lease, [{ step: "book-login", booking: first }]);
      await vault.record(lease, [{ step: "settle-login", bookingId: first.id, outcome: "refused" }]);
      await vault.record(lease, [{ step: "book-login", booking: booking("a") }]);
      const steps = [{ step: "book-login", booking: booking("a") } as const, { step: "release" } as const];
      await failure(vault.record(lease, steps), "BUDGET_SPENT");
      expect((await vault.readCredential(made.id)).journal.lease?.fencing).toBe(1);
      await expectActions(vault, { credentialId: made.id }, ["credential.created", "login.refused"]);
    }),
  );
}
