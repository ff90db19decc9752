import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";

// Uploads a file, to be killed: arguments are the vault's path, the file's id and its size; the first line is the key. It says
// each offset that the vault acknowledged, and at the end what became of the file, and by how many bytes at most the vault had
// taken more than it had acknowledged.

const BLOCK_BYTES = 1024 * 1024;

/** The same bytes at each place, whoever sends them. */
export function* blocks(from: number, to: number): Iterable<Uint8Array> {
  for (let at = from; at < to;) {
    const number = Math.floor(at / BLOCK_BYTES);
    const block = Buffer.alloc(BLOCK_BYTES, createHash("sha256").update(String(number)).digest());
    const part = block.subarray(at - number * BLOCK_BYTES, Math.min(BLOCK_BYTES, to - number * BLOCK_BYTES));
    yield part;
    at += part.length;
  }
}

async function main([path = "", id = "", size = "0"]: readonly string[]): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  const keyText = new Secret(String((await lines[Symbol.asyncIterator]().next()).value));
  lines.close();
  const vault = openEmbeddedVault({ path, key: { keyText }, actor: "uploader", clock: systemClock });
  const { files } = vault.boxes;
  const received = async (): Promise<number> => (await files.readFile(id)).received;
  const tell = async (): Promise<void> => void process.stdout.write(`at ${await received()}\n`);
  const telling = setInterval(() => void tell(), 20);
  let mostAhead = 0;
  async function* source(from: number, to: number): AsyncIterable<Uint8Array> {
    let taken = from;
    for (const part of blocks(from, to)) {
      mostAhead = Math.max(mostAhead, taken - (await received()));
      yield part;
      taken += part.length;
    }
  }
  const from = await received();
  await files.append(id, from, source(from, Number(size)));
  clearInterval(telling);
  const { sha256 = "" } = await files.finish(id);
  await vault.close();
  process.stdout.write(`done ${sha256} ${mostAhead}\n`);
}

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2));
