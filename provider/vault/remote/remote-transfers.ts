import type { Secret } from "../../core/secret.js";
import type { NewTransfer, OwnerProof, Transfer, TransferInput, TransferPatch, Transfers } from "../port.js";
import type { RemoteClient } from "./client.js";

/** The transfers of a vault behind a server. */
export class RemoteTransfers implements Transfers {
  readonly #client: RemoteClient;

  constructor(client: RemoteClient) {
    this.#client = client;
  }

  create(input: TransferInput): Promise<NewTransfer> {
    return this.#client.change("transfers/create", { input });
  }

  read(id: string): Promise<Transfer> {
    return this.#client.ask("transfers/read", { id });
  }

  update(id: string, patch: TransferPatch, link?: Secret): Promise<Transfer> {
    return this.#client.change("transfers/update", { id, patch, ...(link === undefined ? {} : { link }) });
  }

  send(id: string, link?: Secret): Promise<Transfer> {
    return this.#client.change("transfers/send", { id, ...(link === undefined ? {} : { link }) });
  }

  archive(id: string, proof: OwnerProof): Promise<void> {
    return this.#client.change("transfers/archive", { id, proof });
  }

  list(filter: { archived?: boolean } = {}): AsyncIterable<Transfer> {
    return this.#client.list("transfers/list", filter);
  }

  findOwned(ownerKey: string): Promise<string | undefined> {
    return this.#client.ask("transfers/find-owned", { ownerKey });
  }
}
