import { expect } from "@jest/globals";
import type { Clock } from "../../../provider/core/clock.js";
import { CoffreError, type ErrorCode } from "../../../provider/core/errors.js";
import { Secret } from "../../../provider/core/secret.js";
import type {
  Credential,
  CredentialInput,
  EventFilter,
  Lease,
  RotationStep,
  Vault,
  VaultEvent,
} from "../../../provider/vault/port.js";
import type { VaultUnderTest } from "../vault-contract.js";
import { finish, stage } from "./steps.js";

export { finish, stage, target } from "./steps.js";

export type CreateVault = () => Promise<VaultUnderTest>;

/** A clock that stands still until a case moves it. */
export class HandClock implements Clock {
  #ms = Date.parse("2030-01-01T00:00:00.000Z");

  now(): Date {
    return new Date(this.#ms);
  }

  monotonicMs(): number {
    return this.#ms;
  }

  async sleep(ms: number): Promise<void> {
    this.#ms += ms;
  }

  pass(time: { seconds?: number; minutes?: number }): void {
    this.#ms += (time.seconds ?? 0) * 1000 + (time.minutes ?? 0) * 60_000;
  }
}

export interface Bench {
  vault: Vault;
  clock: HandClock;
  /** Number of the newest event before the case: a file's log begins with its making. */
  start: number;
  /** A second vault over the same rows, as another machine's process has it. */
  elsewhere: () => Promise<Vault>;
}

/** Runs one case on a fresh vault and takes it away afterwards. */
export function onVault(create: CreateVault, work: (bench: Bench) => Promise<void>): () => Promise<void> {
  return async () => {
    const storage = await create();
    const clock = new HandClock();
    try {
      const vault = await storage.open({ clock, actor: "ana@runner-1 (test)", source: "runner-1" });
      const { head: start } = await vault.identity();
      await work({
        vault,
        clock,
        start,
        elsewhere: () => storage.open({ clock, actor: "bo@runner-2 (test)", source: "runner-2" }),
      });
    } finally {
      await storage.dispose();
    }
  };
}

/** @returns the error, for more questions. Fails if there is none, or one with another code. */
export async function failure(promise: Promise<unknown>, code: ErrorCode): Promise<CoffreError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CoffreError);
  if (!(error instanceof CoffreError)) throw new Error("unreachable");
  expect({ code: error.code, message: error.message }).toEqual({ code, message: error.message });
  return error;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** What the vault's own log says since; nothing is asked of a vault whose server keeps the log. */
export async function expectEvents(
  vault: Vault,
  filter: EventFilter,
  events: readonly Partial<VaultEvent>[],
): Promise<void> {
  if (!keepsLog(vault)) return;
  expect(await collect(vault.listEvents(filter))).toMatchObject(events);
}

/** As {@link expectEvents}, by their actions only. */
export function expectActions(vault: Vault, filter: EventFilter, actions: readonly string[]): Promise<void> {
  return expectEvents(
    vault,
    filter,
    actions.map((action) => ({ action })),
  );
}

/** The newest event, where the vault keeps the log itself. */
export async function expectLastEvent(vault: Vault, event: Partial<VaultEvent>): Promise<void> {
  if (!keepsLog(vault)) return;
  expect((await collect(vault.listEvents())).at(-1)).toMatchObject(event);
}

/** How many events came since the number `head`, where the vault keeps the log itself. */
export async function expectNewEvents(vault: Vault, head: number, count: number): Promise<void> {
  expect((await vault.identity()).head).toBe(keepsLog(vault) ? head + count : head);
}

export function keepsLog({ capabilities }: Vault): boolean {
  return capabilities.events === "own";
}

export async function createOne(vault: Vault, input: Partial<CredentialInput> & { name: string }): Promise<Credential> {
  const [credential] = await vault.createCredentials([{ categoryId: null, ...input }]);
  if (!credential) throw new Error("nothing was created");
  return credential;
}

export function withValue(value: string): Pick<CredentialInput, "initial"> {
  return { initial: { value: new Secret(value), causes: [] } };
}

/** Rotates once, from the lease to its release. */
export async function rotate(vault: Vault, credential: Credential, value: string): Promise<Credential> {
  const account = credential.targets[0]?.account ?? "postgres://nobody@db.example.com:5432";
  const { lease, credential: staged } = await hold(vault, credential.id, [stage(value, account)]);
  const version = staged.journal.pending?.version ?? 0;
  return vault.record(lease, [...finish(version, account), { step: "release" }]);
}

export async function hold(
  vault: Vault,
  id: string,
  steps: readonly RotationStep[] = [],
  holder = "runner-1/100",
): Promise<{ lease: Lease; credential: Credential }> {
  return vault.acquireLease(id, { holder, ttlSeconds: 120 }, steps);
}

export async function readValue(
  vault: Vault,
  id: string,
  version?: "current" | "previous" | "pending" | number,
): Promise<string> {
  const [answer] = await vault.readMany([{ id, ...(version === undefined ? {} : { version }) }]);
  if (answer instanceof Error) throw answer;
  if (!answer) throw new Error("no answer");
  return answer.value.reveal();
}
