import { CoffreError } from "../../core/errors.js";
import { BOX_PAGES } from "../../core/public-url.js";
import type {
  Boxes,
  Deposit,
  DepositInput,
  DropBox,
  DropBoxInput,
  DropBoxPatch,
  DropBoxRemoval,
  FileInput,
  Files,
  OwnerProof,
  StoredFile,
  TidyReport,
  Transfers,
} from "../port.js";
import type { RemoteClient } from "./client.js";
import { RemoteTransfers } from "./remote-transfers.js";

/** What one request takes along of a file: below what a server takes in one, and soon sent. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** The drop-boxes of a vault behind a server. */
export class RemoteBoxes implements Boxes {
  readonly files: Files;
  readonly transfers: Transfers;
  readonly #client: RemoteClient;
  readonly #pages: string | undefined;

  /** @param origin of the server, if it shows pages to people */
  constructor(client: RemoteClient, origin: string | undefined) {
    this.#client = client;
    this.#pages = origin === undefined ? undefined : origin + BOX_PAGES;
    this.files = new RemoteFiles(client);
    this.transfers = new RemoteTransfers(client);
  }

  async createBox(input: DropBoxInput): Promise<DropBox> {
    return this.#withUrl(await this.#client.change("boxes/create-box", { input }));
  }

  async readBox(id: string): Promise<DropBox> {
    return this.#withUrl(await this.#client.ask("boxes/read-box", { id }));
  }

  async updateBox(id: string, patch: DropBoxPatch): Promise<DropBox> {
    return this.#withUrl(await this.#client.change("boxes/update-box", { id, patch }));
  }

  archiveBox(id: string, proof: OwnerProof): Promise<void> {
    return this.#client.change("boxes/archive-box", { id, proof });
  }

  deleteBox(id: string, proof: DropBoxRemoval): Promise<void> {
    return this.#client.change("boxes/delete-box", { id, proof });
  }

  async findBox(categoryId: string | null, name: string): Promise<DropBox | undefined> {
    const found = await this.#client.ask("boxes/find-box", { categoryId, name });
    return found && this.#withUrl(found);
  }

  async *listBoxes(filter: { archived?: boolean } = {}): AsyncIterable<DropBox> {
    for await (const box of this.#client.list("boxes/list-boxes", filter)) yield this.#withUrl(box);
  }

  findOwnedBox(ownerKey: string): Promise<string | undefined> {
    return this.#client.ask("boxes/find-owned", { ownerKey });
  }

  openDeposit(boxId: string, input: DepositInput): Promise<Deposit> {
    return this.#client.change("boxes/open-deposit", { boxId, input });
  }

  readDeposit(id: string): Promise<Deposit> {
    return this.#client.ask("boxes/read-deposit", { id });
  }

  submitDeposit(id: string, input: Pick<DepositInput, "note"> = {}): Promise<Deposit> {
    return this.#client.change("boxes/submit-deposit", { id, ...input });
  }

  deleteDeposit(id: string): Promise<void> {
    return this.#client.change("boxes/delete-deposit", { id });
  }

  listDeposits(boxId: string, { by }: { by?: string } = {}): AsyncIterable<Deposit> {
    return this.#client.list("boxes/list-deposits", { boxId, ...(by === undefined ? {} : { by }) });
  }

  tidy(): Promise<TidyReport> {
    return this.#client.change("boxes/tidy", {});
  }

  #withUrl(box: DropBox): DropBox {
    return this.#pages === undefined || box.url !== undefined ? box : { ...box, url: this.#pages + box.id };
  }
}

class RemoteFiles implements Files {
  readonly #client: RemoteClient;

  constructor(client: RemoteClient) {
    this.#client = client;
  }

  create(input: FileInput): Promise<StoredFile> {
    return this.#client.change("boxes/create-file", { input });
  }

  readFile(id: string): Promise<StoredFile> {
    return this.#client.ask("boxes/read-file", { id });
  }

  async append(id: string, offset: number, bytes: AsyncIterable<Uint8Array>): Promise<StoredFile> {
    let at = offset;
    let parts: Uint8Array[] = [];
    let length = 0;
    let file: StoredFile | undefined;
    const send = async (): Promise<void> => {
      const piece = Buffer.concat(parts);
      [parts, length] = [[], 0];
      file = await this.#client.change("boxes/append-file", { id, offset: at, bytes: piece.toString("base64") });
      at = file.received;
    };
    let failure: { error: unknown } | undefined;
    try {
      for await (const part of bytes) {
        for (let from = 0; from < part.length; from += PIECE_BYTES) {
          const taken = part.subarray(from, from + PIECE_BYTES);
          if (length + taken.length > PIECE_BYTES) await send();
          parts.push(taken);
          length += taken.length;
        }
      }
    } catch (error) {
      if (error instanceof CoffreError) throw error;
      failure = { error }; // the source's: what came before it counts
    }
    if (length > 0 || file === undefined) await send();
    if (failure) throw failure.error;
    if (!file) throw new CoffreError("BAD_RESPONSE", "The server answered no file");
    return file;
  }

  finish(id: string, { quarantine = false }: { quarantine?: boolean } = {}): Promise<StoredFile> {
    return this.#client.change("boxes/finish-file", { id, quarantine });
  }

  abort(id: string): Promise<void> {
    return this.#client.change("boxes/abort-file", { id });
  }

  judge(id: string, verdict: { clean: true } | { clean: false; reason: string }): Promise<StoredFile> {
    return this.#client.change("boxes/judge-file", { id, verdict });
  }

  async read(
    id: string,
    reader?: { by: string } | "scanner",
  ): Promise<{ file: StoredFile; content: AsyncIterable<Uint8Array> }> {
    const items = this.#client.list("boxes/read-content", { id, ...(reader === undefined ? {} : { reader }) });
    const iterator = items[Symbol.asyncIterator]();
    const first = await iterator.next();
    if (first.done === true || !("file" in first.value)) {
      throw new CoffreError("BAD_RESPONSE", `The server answered no file ${id}`);
    }
    async function* content(): AsyncIterable<Uint8Array> {
      try {
        for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
          if ("bytes" in next.value) yield Buffer.from(next.value.bytes, "base64");
        }
      } finally {
        await iterator.return?.();
      }
    }
    return { file: first.value.file, content: content() };
  }

  deleteFile(id: string): Promise<void> {
    return this.#client.change("boxes/delete-file", { id });
  }
}
