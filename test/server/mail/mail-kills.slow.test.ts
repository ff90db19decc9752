import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { SMTPServerOptions } from "smtp-server";
import { systemClock } from "../../../provider/core/clock.js";
import type { Secret } from "../../../provider/core/secret.js";
import { mailInput } from "../../../provider/server/mail/mails.js";
import { createEmbeddedVault } from "../../../provider/vault/embedded/create.js";
import { type EmbeddedVault, openEmbeddedVault } from "../../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../../provider/vault/embedded/key-file.js";
import type { Mail } from "../../../provider/vault/port.js";
import { collect } from "../../contract/vault-cases/setup.js";
import { MailServer } from "../../fixtures/mail-server.js";

jest.setTimeout(600_000); // for a busy machine

const WORKER = join(import.meta.dirname, "mail-worker.ts");
const SOURCES = resolve(import.meta.dirname, "../../../tools/sources.ts");
/** So long a mail is one sender's; a worker that is killed keeps it until then. */
const CLAIM_MINUTES = 16;

let folder: string;
let vault: EmbeddedVault;
let keyText: Secret;
let server: MailServer;
const workers: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "coffre-mail-"));
  keyText = newKeyText();
  const options = { path: join(folder, "prod.db"), key: { keyText }, actor: "a test", clock: systemClock };
  await createEmbeddedVault({ ...options, name: "prod" });
  vault = openEmbeddedVault(options);
});
afterEach(async () => {
  for (const worker of workers.splice(0)) worker.kill("SIGKILL");
  await vault.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Books mails to `<name>@example.org`. */
async function book(names: readonly string[]): Promise<Mail[]> {
  const content = {
    template: "box-code",
    boxId: "bx_1",
    language: "en",
    box: "March",
    code: "271828",
    minutes: 15,
  } as const;
  return vault.outbox.add(names.map((name) => mailInput(content, { to: `${name}@example.org` })));
}

async function work(aheadMinutes: number): Promise<ChildProcess> {
  const args = ["--disable-warning=ExperimentalWarning", "--import", SOURCES, WORKER, join(folder, "prod.db")];
  const child = spawn(process.execPath, [...args, String(server.port), String(aheadMinutes)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  workers.push(child);
  child.stdin?.write(`${keyText.reveal()}\n`);
  await once(child.stdout ?? child, "data");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** Waits for its own end. */
async function finished(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) await once(child, "exit");
  expect(child.exitCode).toBe(0);
}

const owed = (): Promise<Mail[]> => collect<Mail>(vault.outbox.list());
const received = (): string[] => server.mails.map(({ to }) => to[0]?.split("@")[0] ?? "");

/** A server that stops at the first mail to `somebody@example.org`, at this point of the talk, until it is let go. */
async function stopping(point: "before the message" | "after the message"): Promise<{ reached: Promise<void> }> {
  const reached = Promise.withResolvers<void>();
  let isFirst = true;
  const options: SMTPServerOptions =
    point === "before the message"
      ? {
          onRcptTo({ address }, _session, callback) {
            if (!isFirst || !address.startsWith("somebody")) return callback();
            isFirst = false;
            reached.resolve();
          },
        }
      : {};
  server = await MailServer.start({
    ...options,
    ...(point === "after the message"
      ? {
          onData(stream, { envelope }, callback) {
            stream.resume();
            stream.on("end", () => {
              const to = envelope.rcptTo.map(({ address }) => address);
              server.mails.push({ from: "", to, parsed: {} as never, raw: "" });
              if (!isFirst || !to[0]?.startsWith("somebody")) return callback();
              isFirst = false;
              reached.resolve();
            });
          },
        }
      : {}),
  });
  return { reached: reached.promise };
}

test("killed before the message has gone, its mail is sent by the next process, once", async () => {
  const { reached } = await stopping("before the message");
  await book(["somebody"]);
  const first = await work(0);
  await reached;
  await kill(first);
  await finished(await work(1)); // it is still the first one's
  expect(received()).toEqual([]);
  await finished(await work(CLAIM_MINUTES));
  expect(received()).toEqual(["somebody"]);
  expect(await owed()).toEqual([]);
});

test("killed after the message has gone, its mail is never sent again by itself, and stays for a person", async () => {
  const { reached } = await stopping("after the message");
  await book(["somebody"]);
  const first = await work(0);
  await reached;
  await kill(first);
  await book(["other"]);
  for (const ahead of [CLAIM_MINUTES, 2 * CLAIM_MINUTES]) await finished(await work(ahead));
  expect(received().sort()).toEqual(["other", "somebody"]);
  const left = await owed();
  expect(left).toMatchObject([{ to: "somebody@example.org", state: "failed" }]);
  expect(left[0]?.problem).toContain("it may have been sent");
  await vault.outbox.retry(left.map(({ id }) => id));
  await finished(await work(3 * CLAIM_MINUTES));
  expect(received().filter((name) => name === "somebody")).toHaveLength(2); // a person said so
});

test("killed anywhere, eight times: no mail goes twice, and none is lost", async () => {
  server = await MailServer.start();
  const names = Array.from({ length: 60 }, (_, index) => `m${index}`);
  await book(names);
  for (let time = 0; time < 8; time++) {
    const before = server.mails.length;
    const worker = await work(time * CLAIM_MINUTES);
    const enough = before + 1 + ((time * 3) % 7);
    while (server.mails.length < enough && worker.exitCode === null) await pause(1);
    await pause(time); // another moment each time
    await kill(worker);
  }
  await finished(await work(8 * CLAIM_MINUTES));
  await finished(await work(9 * CLAIM_MINUTES));
  const got = received();
  expect(new Set(got).size).toBe(got.length);
  const givenUp = await owed();
  expect(givenUp.every(({ state }) => state === "failed")).toBe(true);
  // Who wasn't reached is known by name.
  expect(new Set([...got, ...givenUp.map(({ to }) => to.split("@")[0] ?? "")])).toEqual(new Set(names));
  expect(got.length).toBeGreaterThanOrEqual(names.length - 8 * 4);
});
