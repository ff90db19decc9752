import { createInterface } from "node:readline";
import { systemClock } from "../../provider/core/clock.js";
import { isCoffreError } from "../../provider/core/errors.js";
import { closeRotationContext, createRotationContext } from "../../provider/rotation/context.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import type { TargetDriver } from "../../provider/target/port.js";
import type { Vault } from "../../provider/vault/port.js";
import { RequestCounter } from "./cut.ts";
import type { Job, JobResult } from "./job.ts";
import { openProvenVault } from "./open-vault.ts";
import type { TargetKind } from "./scenarios.ts";
import { withoutJournal } from "./without-journal.ts";

// A process that rotates: the real rotation on a real vault and a real system, one job a line on stdin.
// Started by `node --import ./tools/built.ts`; it says "ready" before its first job.

/** Loaded when a job needs it: what a process starts with, thousands of them load. */
const DRIVERS: Readonly<Record<TargetKind, () => Promise<TargetDriver>>> = {
  postgres: async () => (await import("../../provider/target/postgres/driver.js")).postgresDriver,
  mysql: async () => (await import("../../provider/target/mysql/driver.js")).mysqlDriver,
  linux: async () => (await import("../../provider/target/linux/driver.js")).linuxDriver,
  command: async () => (await import("../../provider/target/command/driver.js")).commandDriver,
};

async function run(job: Job): Promise<JobResult> {
  const counter = new RequestCounter(job.cut);
  const proven = await openProvenVault(job.vault, "crash proof");
  const vault = counter.vault(job.withoutJournal ? withoutJournal(proven) : proven);
  try {
    const action = job.work === "read" ? await read(vault, job) : await rotate(vault, counter, job);
    return { ok: true, action, requests: counter.requests };
  } catch (error) {
    const code = isCoffreError(error) ? error.code : "OTHER";
    return { ok: false, code, message: String(error), requests: counter.requests };
  } finally {
    await proven.close();
  }
}

async function rotate(vault: Vault, counter: RequestCounter, { credentialId, causes, target }: Job): Promise<string> {
  const drivers = [counter.driver(await DRIVERS[target]())];
  const context = createRotationContext({ vault, drivers, clock: systemClock });
  try {
    return (await reachCauses(context, credentialId, causes)).action;
  } finally {
    await closeRotationContext(context);
  }
}

async function read(vault: Vault, { credentialId }: Job): Promise<string> {
  await vault.readCredential(credentialId);
  await vault.readMany([{ id: credentialId }]);
  return "read";
}

process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  // Written by the controller, `workers.ts`.
  const result = await run(JSON.parse(line) as Job);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
process.exit(0); // a connection whose opening was taken for lost is nobody's to close
