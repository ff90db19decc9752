import { randomUUID } from "node:crypto";
import { Secret } from "../../provider/core/secret.js";
import type { CredentialInput } from "../../provider/vault/port.js";
import { onFreshVault } from "./fresh-vault.ts";

const ROUNDS = 5;
const BATCH = 100;
const ENTRIES = 2_000;
const READS = 10_000;

/**
 * Credentials created a second in an embedded vault: batches of 100, each entry with an owner, a username and an initial
 * value, one event each, full sync at the end of each batch. Five rounds of 2,000 into one vault; the median.
 */
export async function embeddedWritesPerSecond(): Promise<number> {
  return onFreshVault(async (vault) => {
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { id } = await vault.createCategory({ name: `round ${round}`, parentId: null });
      const batches = batchesOf(ENTRIES, (index) => newEntry(id, `entry-${index}`));
      rates.push(
        await ratePerSecond(ENTRIES, async () => {
          for (const batch of batches) await vault.createCredentials(batch);
        }),
      );
    }
    return median(rates);
  });
}

/**
 * Values read a second from an embedded vault of 2,000 entries: 100 references by path a request, each request with its
 * own durable event. A round opens the vault afresh (not timed) and reads 10,000 values, so that a fifth of them are
 * read for the first time; the median of five rounds.
 */
export async function embeddedReadsPerSecond(): Promise<number> {
  return onFreshVault(async (filled, reopen) => {
    const { id } = await filled.createCategory({ name: "Databases", parentId: null });
    for (const batch of batchesOf(ENTRIES, (index) => newEntry(id, `entry-${index}`)))
      await filled.createCredentials(batch);
    const requests = batchesOf(READS, (index) => ({ path: ["Databases", `entry-${(index * 7) % ENTRIES}`] }));
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const vault = reopen();
      await vault.identity();
      rates.push(
        await ratePerSecond(READS, async () => {
          for (const batch of requests) checkAnswers(await vault.readMany(batch));
        }),
      );
      await vault.close();
    }
    return median(rates);
  });
}

function newEntry(categoryId: string, name: string): CredentialInput {
  return {
    name,
    categoryId,
    username: name,
    tags: ["bench"],
    owner: { key: `bench/dev/Credential/${name}`, stack: "bench/dev", token: randomUUID() },
    initial: { value: new Secret(randomUUID().slice(0, 24)), causes: ["created"] },
  };
}

/** A bench that reads nothing would be fast. */
function checkAnswers(answers: readonly ({ value: Secret } | Error)[]): void {
  for (const answer of answers) {
    if (answer instanceof Error) throw answer;
    if (answer.value.reveal().length !== 24) throw new Error("a wrong value was read");
  }
}

function batchesOf<T>(count: number, make: (index: number) => T): T[][] {
  const items = Array.from({ length: count }, (_, index) => make(index));
  return Array.from({ length: Math.ceil(count / BATCH) }, (_, index) =>
    items.slice(index * BATCH, (index + 1) * BATCH),
  );
}

async function ratePerSecond(count: number, work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (count / (performance.now() - start)) * 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? NaN;
}
