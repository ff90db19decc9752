import { createHash } from "node:crypto";
import { basename, extname } from "node:path";
import type { Clock } from "../../core/clock.js";
import { CoffreError } from "../../core/errors.js";
import { MemoryRows } from "../memory/memory-rows.js";
import type { Capabilities, People, ValueAnswer, ValueRequest, VaultEvent, VaultIdentity } from "../port.js";
import { readMany } from "../records/reading.js";
import { RecordVault } from "../records/record-vault.js";
import type { ReadRows, Rows, WriteRows } from "../records/rows.js";
import type { KdbxKey } from "./content.js";
import { type FileStamp, readKdbxFile, stampOf } from "./file.js";
import { type KdbxNote, recordsOf } from "./records.js";
import { NoPeople, notInAFile } from "./no-people.js";

const NO_HEAD = `0:${"0".repeat(32)}`;

export interface KeepassVaultOptions {
  /** Absolute path of the file. */
  path: string;
  /** Asked when the file is opened. */
  key: () => KdbxKey;
  actor: string;
  clock: Clock;
}

/** A KeePass file as a vault that can be read: `coffre list`, `read`, `sync --from`, `move --from`. */
export class KeepassVault extends RecordVault {
  override readonly capabilities: Capabilities = {
    versions: true,
    compareAndSet: false,
    grants: "none",
    dropBoxes: false,
    events: "none",
    readOnly: true,
  };
  override readonly people: People = new NoPeople();
  readonly #rows: KeepassRows;

  constructor(options: KeepassVaultOptions) {
    const rows = new KeepassRows(options);
    super(rows, options);
    this.#rows = rows;
  }

  /** Nobody logs what becomes of a file, so its head stands still. */
  override async identity(): Promise<VaultIdentity> {
    return { ...(await super.identity()), head: 0, headProof: NO_HEAD };
  }

  override async hasHeads(proofs: readonly string[]): Promise<boolean[]> {
    await this.identity();
    return proofs.map((proof) => NO_HEAD.startsWith(proof));
  }

  override readMany(requests: readonly ValueRequest[]): Promise<(ValueAnswer | Error)[]> {
    return this.#rows.readValues((tx) => readMany(tx, this.context, requests));
  }

  override listEvents(): AsyncIterable<VaultEvent> {
    throw notInAFile("has no log of events");
  }

  /** What of the file is shown otherwise than it stands there, or not at all. */
  notes(): Promise<readonly KdbxNote[]> {
    return this.#rows.notes();
  }
}

/** What was read of the file, and when that was. */
interface Loaded {
  rows: MemoryRows;
  notes: readonly KdbxNote[];
  stamp: FileStamp;
}

/** Rows of a file that is read anew whenever somebody has saved it. */
class KeepassRows implements Rows {
  readonly #options: KeepassVaultOptions;
  #loading: Promise<Loaded> | undefined;
  #key = Buffer.alloc(0);

  constructor(options: KeepassVaultOptions) {
    this.#options = options;
  }

  async read<T>(work: (tx: ReadRows) => T): Promise<T> {
    return (await this.#current()).rows.read(work);
  }

  /** What reading notes of itself stays in this process's memory. */
  async readValues<T>(work: (tx: WriteRows) => T): Promise<T> {
    return (await this.#current()).rows.write(work);
  }

  async notes(): Promise<readonly KdbxNote[]> {
    return (await this.#current()).notes;
  }

  async write<T>(): Promise<T> {
    throw new CoffreError("READ_ONLY", `The KeePass file ${this.#options.path} is only read`, {
      hint: "Bring its entries into a vault with `coffre import --format keepass` or `coffre move`.",
    });
  }

  keyed(purpose: string, text: string): string {
    return createHash("sha256").update(this.#key).update(`${purpose}:${text}`).digest("hex").slice(0, 32);
  }

  async close(): Promise<void> {
    this.#loading = undefined;
  }

  async #current(): Promise<Loaded> {
    const loaded = await (this.#loading ??= this.#load());
    const stamp = await stampOf(this.#options.path);
    if (stamp === loaded.stamp) return loaded;
    this.#loading = this.#load();
    return this.#loading;
  }

  async #load(): Promise<Loaded> {
    try {
      const { path, key } = this.#options;
      const { bytes, stamp } = await readKdbxFile(path);
      // Only now: who opens another vault needs none of it.
      const [{ loadKdbx }, { readContent }] = await Promise.all([import("./library.js"), import("./read.js")]);
      const content = readContent(await loadKdbx(bytes, key(), path));
      const { categories, credentials, values, notes } = recordsOf(content);
      const id = `keepass-${Buffer.from(content.id, "base64").toString("hex")}`;
      this.#key = Buffer.from(id);
      const rows = new MemoryRows(vaultName(content.name, path), 0, id);
      await rows.write((tx) => {
        for (const category of categories) tx.putCategory(category);
        for (const credential of credentials) tx.putCredential(credential);
        for (const { key: at, value } of values) tx.putValue(at, value);
      });
      return { rows, notes, stamp };
    } catch (error) {
      this.#loading = undefined; // the next call tries again
      throw error;
    }
  }
}

/** The database's own name, else the file's, in the characters that a vault's name has. */
function vaultName(name: string, path: string): string {
  const fit = (text: string) =>
    text
      .normalize("NFKD")
      .toLowerCase()
      .replaceAll(/\p{Mn}/gu, "")
      .replaceAll(/[^a-z0-9._-]+/g, "-")
      .replaceAll(/^[^a-z0-9]+|-+$/g, "")
      .slice(0, 63);
  return fit(name) || fit(basename(path, extname(path))) || "keepass";
}

/** The file as a vault. Returns at once: the file is read by the first call. */
export function openKeepassVault(options: KeepassVaultOptions): KeepassVault {
  return new KeepassVault(options);
}
