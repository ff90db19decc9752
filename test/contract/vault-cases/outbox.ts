import { expect, test } from "@jest/globals";
import type { SharedVault } from "../../../provider/vault/records/record-vault.js";
import { RecordVault } from "../../../provider/vault/records/record-vault.js";
import type { Mail, MailInput, Vault } from "../../../provider/vault/port.js";
import { collect, type CreateVault, expectActions, failure, onVault } from "./setup.js";

const code: MailInput = { to: "ana@example.com", template: "code", parameters: { code: "271828", name: "Ana" } };

/** The outbox is a matter of the process that has the rows. */
function shared(vault: Vault): SharedVault {
  if (vault instanceof RecordVault) return vault;
  throw new Error("this vault has no outbox");
}

function only(mails: readonly Mail[]): Mail {
  const [mail] = mails;
  if (!mail || mails.length > 1) throw new Error(`${mails.length} mails`);
  return mail;
}

export function outboxCases(create: CreateVault): void {
  test(
    "mail is booked with the event that causes it, handed out once, and gone when it is sent",
    onVault(create, async ({ vault, elsewhere, start }) => {
      const { outbox } = shared(vault);
      const cause = { action: "box.code-asked", ids: ["bx_1"], detail: "ana@example.com" };
      const [booked] = await outbox.add([{ ...code, about: ["bx_1"] }], cause);
      expect(booked).toEqual({
        ...code,
        id: expect.stringMatching(/^ml_[A-Za-z0-9]{22}$/),
        about: ["bx_1"],
        state: "waiting",
        attempts: 0,
        bookedAt: expect.any(String),
        nextTry: booked?.bookedAt,
      });
      const other = shared(await elsewhere()).outbox;
      const taken = only(await other.take());
      expect(taken).toMatchObject({ id: booked?.id, state: "sending", attempts: 1, parameters: code.parameters });
      expect(taken.interrupted).toBeUndefined();
      expect(await outbox.take()).toEqual([]);
      await other.settle([{ id: taken.id, outcome: "sent" }]);
      expect(await collect(outbox.list())).toEqual([]);
      expect(await outbox.nextDue()).toBeUndefined();
      await other.settle([{ id: taken.id, outcome: "sent" }]); // somebody else has settled it: nothing to do
      const events = (await collect(vault.listEvents({ after: start }))).filter(({ ids }) => ids.length > 0);
      expect(events).toMatchObject([
        cause,
        { action: "mail.sent", ids: [taken.id, "bx_1"], detail: `code to ${taken.to}` },
      ]);
      expect(JSON.stringify(events)).not.toContain("271828");
    }),
  );

  test(
    "mail whose sender died comes again, and says so",
    onVault(create, async ({ vault, clock }) => {
      const { outbox } = shared(vault);
      await outbox.add([code]);
      const first = only(await outbox.take({ seconds: 60 }));
      clock.pass({ seconds: 59 });
      expect(await outbox.take()).toEqual([]);
      expect(await outbox.nextDue()).toBe(first.nextTry);
      clock.pass({ seconds: 1 });
      const second = only(await outbox.take());
      expect(second).toMatchObject({ id: first.id, attempts: 2, interrupted: true });
      expect(second.handedOver).toBeUndefined();
    }),
  );

  test(
    "a hand-over is noted once, by the sender that has the mail, and known to whoever gets it after",
    onVault(create, async ({ vault, clock }) => {
      const { outbox } = shared(vault);
      await outbox.add([code]);
      const { id } = only(await outbox.take({ seconds: 60 }));
      clock.pass({ seconds: 60 });
      await outbox.take({ seconds: 60 });
      await failure(outbox.handOver(id, 1), "LOCKED");
      await outbox.handOver(id, 2);
      await failure(outbox.handOver(id, 2), "LOCKED");
      clock.pass({ seconds: 60 });
      expect(only(await outbox.take())).toMatchObject({ attempts: 3, interrupted: true, handedOver: true });
      await outbox.settle([{ id, outcome: "failed", problem: "it may have been sent" }]);
      await outbox.retry([id]);
      expect(only(await outbox.take()).handedOver).toBeUndefined();
      await outbox.settle([{ id, outcome: "sent" }]);
      await failure(outbox.handOver(id, 1), "LOCKED");
    }),
  );

  test(
    "mail that could not be sent is tried again at its time, and a person has tried what was given up",
    onVault(create, async ({ vault, clock, start }) => {
      const { outbox } = shared(vault);
      await outbox.add([code]);
      const { id } = only(await outbox.take());
      const nextTry = new Date(clock.now().getTime() + 300_000).toISOString();
      await outbox.settle([{ id, outcome: "retry", nextTry, problem: "the mail server doesn't answer" }]);
      expect(await outbox.take()).toEqual([]);
      clock.pass({ seconds: 300 });
      const again = only(await outbox.take());
      expect(again).toMatchObject({ attempts: 2, problem: "the mail server doesn't answer" });
      expect(again.interrupted).toBeUndefined();
      await outbox.settle([{ id, outcome: "failed", problem: "the mail server refuses the recipient" }]);
      expect(await outbox.nextDue()).toBeUndefined();
      clock.pass({ seconds: 86_400 });
      expect(await outbox.take()).toEqual([]);
      expect(only(await collect(outbox.list()))).toMatchObject({ state: "failed", parameters: code.parameters });
      await outbox.retry([id, "ml_gone"]);
      expect(only(await outbox.take())).toMatchObject({ id, attempts: 1 });
      await outbox.retry([id]); // it is being sent
      expect(await outbox.take()).toEqual([]);
      const actions = (await collect(vault.listEvents({ after: start }))).map(({ action }) => action);
      expect(actions.filter((action) => action.startsWith("mail."))).toEqual(["mail.failed", "mail.retried"]);
    }),
  );

  test(
    "mail waits for its time, and is let go once it is of no use",
    onVault(create, async ({ vault, clock }) => {
      const { outbox } = shared(vault);
      const at = (seconds: number) => new Date(clock.now().getTime() + seconds * 1000).toISOString();
      await outbox.add([
        { ...code, template: "late", notBefore: at(600) },
        { ...code, template: "short-lived", notAfter: at(60) },
        { ...code, template: "now" },
      ]);
      expect(await outbox.take({ limit: 1 })).toMatchObject([{ template: "short-lived" }]);
      expect(await outbox.take()).toMatchObject([{ template: "now" }]);
      clock.pass({ seconds: 600 });
      expect((await outbox.take()).map(({ template }) => template)).toEqual(["now", "late"]);
      await expectActions(vault, { after: (await vault.identity()).head - 1 }, ["mail.expired"]);
    }),
  );

  test(
    "a recipient that isn't one plain address is refused, and nothing is booked",
    onVault(create, async ({ vault, start }) => {
      const { outbox } = shared(vault);
      const wrong = ["", "ana", "Ana <ana@example.com>", "ana@example.com, bo@example.com", "a@b.com\r\nBcc: c@d.com"];
      for (const to of [...wrong, `${"a".repeat(250)}@example.com`]) {
        const error = await failure(outbox.add([code, { ...code, to }]), "INVALID_INPUT");
        if (to.length > 3) expect(error.message).not.toContain(to);
      }
      await failure(outbox.add([{ ...code, notAfter: "tomorrow" }]), "INVALID_INPUT");
      expect(await collect(outbox.list())).toEqual([]);
      expect((await vault.identity()).head).toBe(start);
      expect(await outbox.add([{ ...code, to: "Ana@EXAMPLE.com" }])).toMatchObject([{ to: "Ana@example.com" }]);
    }),
  );
}
