import { afterEach, describe, expect, test } from "@jest/globals";
import { createServer } from "node:net";
import { Secret } from "../../../provider/core/secret.js";
import { parseMailAddress, type MailSettings } from "../../../provider/server/mail/settings.js";
import { Smtp, type SmtpMail } from "../../../provider/server/mail/smtp.js";
import { MailServer, RudeMailServer } from "../../fixtures/mail-server.js";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const from = { name: "Example Ltd", address: "drop@example.com" };
const mail: SmtpMail = {
  messageId: "<ml_1@example.com>",
  to: "ana@example.org",
  subject: "Déposez vos fichiers",
  text: "Hello\n.\nfrom a dot",
  html: "<p>Hello</p>",
  at: new Date("2026-03-01T10:00:00Z"),
};

function smtpTo(port: number, settings: Partial<MailSettings> = {}): Smtp {
  return new Smtp({ host: "127.0.0.1", port, tls: "none", from, ...settings });
}

async function serve(...options: Parameters<typeof MailServer.start>): Promise<MailServer> {
  const server = await MailServer.start(...options);
  open.push(server);
  return server;
}

async function beRude(...options: Parameters<typeof RudeMailServer.start>): Promise<RudeMailServer> {
  const server = await RudeMailServer.start(...options);
  open.push(server);
  return server;
}

/** A mark that says how often a mail was handed over. */
function handOver() {
  const mark = { count: 0, of: async () => void mark.count++ };
  return mark;
}

test("a mail arrives as it was written, in both forms, with its own id and date", async () => {
  const server = await serve();
  const mark = handOver();
  expect(await smtpTo(server.port).send(mail, mark.of)).toEqual({ outcome: "sent" });
  expect(mark.count).toBe(1);
  expect(server.mails).toMatchObject([
    {
      from: "drop@example.com",
      to: ["ana@example.org"],
      parsed: { subject: mail.subject, messageId: mail.messageId, date: mail.at, html: "<p>Hello</p>" },
    },
  ]);
  expect(server.mails[0]?.parsed.text?.trimEnd()).toBe(mail.text);
  expect(server.mails[0]?.raw).toContain("Auto-Submitted: auto-generated");
});

test("the server can't take a mail before its hand-over is noted", async () => {
  const server = await beRude({});
  let takenBefore = -1;
  const outcome = await smtpTo(server.port).send(mail, async () => {
    await new Promise((resolve) => setTimeout(resolve, 150));
    takenBefore = server.taken.length;
  });
  expect([outcome, takenBefore, server.taken.length]).toEqual([{ outcome: "sent" }, 0, 1]);
});

test("a hand-over that can't be noted sends nothing", async () => {
  const server = await beRude({});
  const failing = smtpTo(server.port).send(mail, () => Promise.reject(new Error("the disk is full")));
  await expect(failing).rejects.toThrow("the disk is full");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(server.taken).toEqual([]);
});

describe("text that would be another header stays text:", () => {
  test.each(["Hello\r\nBcc: all@example.org", "Hello\nBcc: all@example.org", "Hello\u2028Bcc: all@example.org"])(
    "%j",
    async (subject) => {
      const server = await serve();
      await smtpTo(server.port, { from: { name: "A\r\nBcc: all@example.org", address: from.address } }).send(
        { ...mail, subject },
        async () => {},
      );
      expect(server.mails[0]?.to).toEqual([mail.to]);
      expect(server.mails[0]?.parsed.bcc).toBeUndefined();
      expect(server.mails[0]?.parsed.subject).toBe("Hello Bcc: all@example.org");
    },
  );

  test.each([
    "ana@example.org\r\nRCPT TO:<all@example.org>",
    "ana@example.org, all@example.org",
    "<ana@example.org>",
    "ana",
    "",
    "a b@example.org",
    "ana@exa\u202emple.org",
  ])("a receiver %j is refused", async (to) => {
    const server = await serve();
    await expect(smtpTo(server.port).send({ ...mail, to }, async () => {})).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    expect(server.mails).toEqual([]);
  });

  test("and so is a sender", () => {
    expect(parseMailAddress("--mail-from", ' "Example Ltd" <drop@example.com>')).toEqual(from);
    for (const text of ["Example", "A\r\nBcc: b@example.org <a@example.org>", "a@b@c", "a..b@example.org"]) {
      expect(() => parseMailAddress("--mail-from", text)).toThrow("--mail-from isn't an e-mail address");
    }
  });
});

describe("a server that", () => {
  test("refuses the receiver refuses that mail for good", async () => {
    const server = await serve({
      onRcptTo: (_address, _session, callback) =>
        callback(Object.assign(new Error("no such user"), { responseCode: 550 })),
    });
    const mark = handOver();
    const outcome = await smtpTo(server.port).send(mail, mark.of);
    expect(outcome).toEqual({ outcome: "refused", problem: "the mail server answered 550 to RCPT TO" });
    expect(mark.count).toBe(0);
  });

  test("is full for now is asked again", async () => {
    const server = await serve({
      onRcptTo: (_address, _session, callback) =>
        callback(Object.assign(new Error("greylisted"), { responseCode: 451 })),
    });
    expect(await smtpTo(server.port).send(mail, async () => {})).toMatchObject({ outcome: "later" });
  });

  test("refuses the sender, or the login, is asked again: it would refuse every mail", async () => {
    const noSender = await serve({
      onMailFrom: (_address, _session, callback) => callback(Object.assign(new Error("who?"), { responseCode: 550 })),
    });
    expect(await smtpTo(noSender.port).send(mail, async () => {})).toEqual({
      outcome: "later",
      problem: "the mail server answered 550 to MAIL FROM",
    });
    const noLogin = await serve({
      disabledCommands: ["STARTTLS"],
      onAuth: (_auth, _session, callback) => callback(new Error("wrong")),
    });
    const outcome = await smtpTo(noLogin.port, { login: { user: "u", password: new Secret("hunter2") } }).send(
      mail,
      async () => {},
    );
    expect(outcome).toMatchObject({ outcome: "later", problem: expect.stringContaining("535") });
    expect(JSON.stringify(outcome)).not.toContain("hunter2");
  });

  test("refuses the whole message has said so: it isn't there", async () => {
    const final = await beRude({ onMessage: (socket) => socket.write("554 spam\r\n") });
    expect(await smtpTo(final.port).send(mail, async () => {})).toMatchObject({ outcome: "refused" });
    const forNow = await beRude({ onMessage: (socket) => socket.write("452 no space\r\n") });
    expect(await smtpTo(forNow.port).send(mail, async () => {})).toMatchObject({ outcome: "later" });
  });

  test("never says a word is given up", async () => {
    const server = await beRude({ isSilent: true });
    const hasty = smtpTo(server.port, { patienceMs: 200 });
    expect(await hasty.send(mail, async () => {})).toMatchObject({ outcome: "later" });
  });

  test("goes silent after the message may have taken it", async () => {
    const server = await beRude({ onMessage: () => undefined });
    const mark = handOver();
    const hasty = smtpTo(server.port, { verdictMs: 1_000 });
    expect(await hasty.send(mail, mark.of)).toMatchObject({ outcome: "unknown" });
    expect([mark.count, server.taken.length]).toEqual([1, 1]);
  });

  test("drops the connection after the message may have taken it", async () => {
    const server = await beRude({ onMessage: (socket) => socket.destroy() });
    expect(await smtpTo(server.port).send(mail, async () => {})).toMatchObject({ outcome: "unknown" });
  });

  test("takes the mail and drops the connection has taken it", async () => {
    const server = await beRude({ onMessage: (socket) => socket.end("250 OK\r\n") });
    expect(await smtpTo(server.port).send(mail, async () => {})).toEqual({ outcome: "sent" });
  });

  test("isn't there is asked again", async () => {
    const port = await new Promise<number>((resolve) => {
      const probe = createServer().listen(0, "127.0.0.1", () => {
        const address = probe.address();
        probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
      });
    });
    expect(await smtpTo(port).send(mail, async () => {})).toMatchObject({
      outcome: "later",
      problem: expect.stringContaining("reached"),
    });
  });

  test("offers no TLS gets nothing, neither login nor mail", async () => {
    let logins = 0;
    const server = await serve({
      disabledCommands: ["STARTTLS"],
      onAuth: (_auth, _session, callback) => (logins++, callback(null, { user: 1 })),
    });
    const outcome = await smtpTo(server.port, {
      tls: "starttls",
      login: { user: "u", password: new Secret("hunter2") },
    }).send(mail, async () => {});
    expect(outcome).toMatchObject({ outcome: "later" });
    expect([logins, server.mails.length]).toEqual([0, 0]);
  });

  test("has a certificate that nobody trusts gets nothing", async () => {
    const server = await serve({ disabledCommands: [], secure: true }); // smtp-server's own test certificate
    expect(await smtpTo(server.port, { tls: "implicit" }).send(mail, async () => {})).toMatchObject({
      outcome: "later",
    });
    expect(server.mails).toEqual([]);
  });
});

test("clear text goes to this machine only", () => {
  expect(() => smtpTo(25, { host: "mail.example.com" })).toThrow("clear text");
  expect(() => smtpTo(25, { host: "mail.example.com", tls: "starttls" })).not.toThrow();
});
