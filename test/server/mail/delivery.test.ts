import { afterEach, describe, expect, test } from "@jest/globals";
import { type Clock, systemClock } from "../../../provider/core/clock.js";
import { DEFAULT_BRAND } from "../../../provider/server/html/brand.js";
import { Delivery } from "../../../provider/server/mail/delivery.js";
import { mailInput } from "../../../provider/server/mail/mails.js";
import { Smtp } from "../../../provider/server/mail/smtp.js";
import { createMemoryVault } from "../../../provider/vault/memory/memory-vault.js";
import type { Mail, Outbox } from "../../../provider/vault/port.js";
import { collect, HandClock } from "../../contract/vault-cases/setup.js";
import { MailServer, RudeMailServer } from "../../fixtures/mail-server.js";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function booked(to: string) {
  return mailInput(
    { template: "box-code", boxId: "bx_1", language: "en", box: "March", code: "271828", minutes: 15 },
    { to },
  );
}

/** A delivery over a new vault's outbox to the server at this port. */
function scene(
  port: number,
  between: Partial<Outbox> = {},
  { realClock, verdictMs = 60_000 }: { realClock?: Clock; verdictMs?: number } = {},
) {
  const clock = new HandClock();
  const vault = createMemoryVault({ clock: realClock ?? clock });
  open.push(vault);
  const complaints: unknown[] = [];
  const smtp = new Smtp({
    host: "127.0.0.1",
    port,
    tls: "none",
    from: { name: "", address: "drop@example.com" },
    verdictMs,
  });
  const { outbox } = vault;
  const watched: Outbox = {
    add: (...given) => outbox.add(...given),
    take: (...given) => outbox.take(...given),
    handOver: (...given) => outbox.handOver(...given),
    settle: (...given) => outbox.settle(...given),
    retry: (...given) => outbox.retry(...given),
    list: () => outbox.list(),
    nextDue: () => outbox.nextDue(),
  };
  const delivery = (over: Partial<Outbox> = {}) =>
    new Delivery({
      outbox: { ...watched, ...over },
      smtp,
      style: { brand: DEFAULT_BRAND, language: "en", timeZone: "UTC" },
      domain: "example.com",
      clock: realClock ?? clock,
      complain: (error) => complaints.push(error),
    });
  const held = () => collect<Mail>(outbox.list());
  return { clock, outbox, delivery, first: delivery(between), complaints, held };
}

async function serve(...options: Parameters<typeof MailServer.start>): Promise<MailServer> {
  const server = await MailServer.start(...options);
  open.push(server);
  return server;
}

test("what is booked is sent once, and leaves the outbox", async () => {
  const server = await serve();
  const { outbox, first, held } = scene(server.port);
  await outbox.add(["a", "b", "c", "d", "e"].map((name) => booked(`${name}@example.org`)));
  expect([await first.sendDue(), await first.sendDue(), await first.sendDue()]).toEqual([4, 1, 0]);
  expect(server.mails.map(({ to }) => to[0]?.charAt(0)).sort()).toEqual(["a", "b", "c", "d", "e"]);
  expect(new Set(server.mails.map(({ parsed }) => parsed.messageId)).size).toBe(5);
  expect(server.textTo("a@example.org")).toContain("271828");
  expect(await held()).toEqual([]);
});

test("it sends by itself what is booked while it runs, and ends when it is told to", async () => {
  const server = await serve();
  const { outbox, first } = scene(server.port, {}, { realClock: systemClock });
  first.start();
  await outbox.add([booked("ana@example.org")]);
  first.wake();
  while (server.mails.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await first.stop();
  await outbox.add([booked("bo@example.org")]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(server.mails).toHaveLength(1);
});

describe("of a sender that died", () => {
  const died = () => Promise.reject(new Error("killed"));

  test("before the hand-over, the mail is sent by the next", async () => {
    const server = await serve();
    const { outbox, first, delivery, clock, complaints } = scene(server.port, { handOver: died });
    await outbox.add([booked("ana@example.org")]);
    await first.sendDue();
    expect([server.mails.length, complaints.length]).toEqual([0, 1]);
    expect(await delivery().sendDue()).toBe(0);
    clock.pass({ minutes: 15 });
    await delivery().sendDue();
    expect(server.mails).toHaveLength(1);
  });

  test("after the hand-over, the mail is never sent again by itself, and a person can have it sent", async () => {
    const server = await serve();
    const { outbox, first, delivery, clock, held } = scene(server.port, { settle: died });
    const [mail] = await outbox.add([booked("ana@example.org")]);
    await first.sendDue();
    expect(server.mails).toHaveLength(1);
    for (let time = 0; time < 3; time++) {
      clock.pass({ minutes: 60 });
      await delivery().sendDue();
    }
    expect(server.mails).toHaveLength(1);
    expect(await held()).toMatchObject([{ state: "failed", problem: expect.stringContaining("may have been sent") }]);
    await outbox.retry([mail?.id ?? ""]);
    await delivery().sendDue();
    expect(server.mails).toHaveLength(2);
    expect(server.mails[0]?.parsed.messageId).toBe(server.mails[1]?.parsed.messageId);
  });

  test("and woke up again, nothing is handed over: the mail is another's", async () => {
    const server = await serve();
    const { outbox, delivery, clock, complaints } = scene(server.port);
    await outbox.add([booked("ana@example.org")]);
    const late = delivery({
      handOver: async (id, attempt) => {
        clock.pass({ minutes: 15 });
        await delivery().sendDue();
        await outbox.handOver(id, attempt);
      },
    });
    await late.sendDue();
    expect(server.mails).toHaveLength(1);
    expect(complaints).toMatchObject([{ code: "LOCKED" }]);
  });
});

describe("a mail server that", () => {
  test("takes mail and never says so gets it once", async () => {
    const server = await RudeMailServer.start({ onMessage: () => undefined });
    open.push(server);
    const { outbox, first, clock, held } = scene(server.port, {}, { verdictMs: 1_000 });
    await outbox.add([booked("ana@example.org")]);
    await first.sendDue();
    clock.pass({ minutes: 60 });
    expect(await first.sendDue()).toBe(0);
    expect(server.taken).toHaveLength(1);
    expect(await held()).toMatchObject([{ state: "failed", problem: expect.stringContaining("may have been sent") }]);
  });

  test("is down for a while gets it later, after longer and longer pauses", async () => {
    const codes = [451, 451, 250];
    const server = await serve({
      onRcptTo(_address, _session, callback) {
        const responseCode = codes.shift() ?? 250;
        callback(responseCode === 250 ? null : Object.assign(new Error("later"), { responseCode }));
      },
    });
    const { outbox, first, clock, held } = scene(server.port);
    await outbox.add([booked("ana@example.org")]);
    await first.sendDue();
    expect(await held()).toMatchObject([
      { state: "waiting", nextTry: "2030-01-01T00:01:00.000Z", problem: "the mail server answered 451 to RCPT TO" },
    ]);
    clock.pass({ minutes: 1 });
    await first.sendDue();
    expect(await held()).toMatchObject([{ nextTry: "2030-01-01T00:06:00.000Z" }]);
    clock.pass({ minutes: 5 });
    await first.sendDue();
    expect([await held(), server.mails.length]).toEqual([[], 1]);
  });

  test("is down for days is given up, and the mail stays to be seen", async () => {
    const { outbox, first, clock, held } = scene(1); // nothing listens there
    await outbox.add([booked("ana@example.org")]);
    let tries = 0;
    for (let day = 0; day < 10; day++) {
      for (let hour = 0; hour < 24; hour++) {
        tries += await first.sendDue();
        clock.pass({ minutes: 60 });
      }
    }
    expect(tries).toBe(12);
    expect(await held()).toMatchObject([{ state: "failed", problem: expect.stringContaining("wasn't reached") }]);
  });

  test("refuses the receiver isn't asked again, and the others get theirs", async () => {
    const server = await serve({
      onRcptTo: ({ address }, _session, callback) =>
        callback(address.startsWith("no") ? Object.assign(new Error("no"), { responseCode: 550 }) : null),
    });
    const { outbox, first, held } = scene(server.port);
    await outbox.add([booked("nobody@example.org"), booked("ana@example.org")]);
    await first.sendDue();
    expect(server.mails).toHaveLength(1);
    expect(await held()).toMatchObject([{ to: "nobody@example.org", state: "failed" }]);
    expect(JSON.stringify(await held())).not.toContain("Error");
  });
});

test("a mail of another version's is kept for a person", async () => {
  const server = await serve();
  const { outbox, first, held } = scene(server.port);
  await outbox.add([
    { to: "ana@example.org", template: "toString", parameters: {} },
    { to: "bo@example.org", template: "box-code", parameters: {} },
  ]);
  await first.sendDue();
  expect(await held()).toMatchObject([{ state: "failed" }, { state: "failed" }]);
  expect(server.mails).toEqual([]);
});
