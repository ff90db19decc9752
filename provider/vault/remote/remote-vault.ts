import type {
  Boxes,
  ArchiveProof,
  Capabilities,
  Category,
  CategoryInput,
  CategoryPatch,
  Credential,
  CredentialInput,
  CredentialPatch,
  EventFilter,
  FoundValue,
  Lease,
  LeaseGrant,
  LeaseRequest,
  LoginBooking,
  LoginOutcome,
  OwnerProof,
  People,
  Resolution,
  RotationStep,
  TreeChange,
  TreeQuery,
  ValueAnswer,
  ValueQuery,
  ValueRequest,
  Vault,
  VaultEvent,
  VaultIdentity,
  VaultTree,
} from "../port.js";
import { RemoteClient, type RemotePlace } from "./client.js";
import { noBoxes } from "../no-boxes.js";
import { RemoteBoxes } from "./remote-boxes.js";
import { RemotePeople } from "./remote-people.js";
import type { CredentialShape } from "./shapes/credential.js";
import { MOST_AT_ONCE } from "./wire.js";
import { errorOf } from "./wire-error.js";

/** What `coffre serve` offers: a vault's own records, with grants that it enforces. */
const SERVED: Capabilities = {
  versions: true,
  compareAndSet: true,
  grants: "enforced",
  dropBoxes: true,
  events: "own",
};

export interface RemoteVaultOptions extends RemotePlace {
  /** Of the vault behind the server. Default: what `coffre serve` offers. */
  capabilities?: Capabilities;
}

/** A vault behind `coffre serve`: the port, call by call, over `/v1`. */
export class RemoteVault implements Vault {
  readonly capabilities: Capabilities;
  readonly people: People;
  readonly boxes: Boxes;
  readonly #client: RemoteClient;

  constructor({ capabilities = SERVED, ...place }: RemoteVaultOptions) {
    this.capabilities = capabilities;
    this.#client = new RemoteClient(place);
    this.people = new RemotePeople(this.#client);
    const origin = place.socketPath === undefined ? place.origin : undefined; // an agent shows nothing to people
    this.boxes = capabilities.dropBoxes ? new RemoteBoxes(this.#client, origin) : noBoxes();
  }

  identity(): Promise<VaultIdentity> {
    return this.#client.ask("identity", {});
  }

  hasHeads(proofs: readonly string[]): Promise<boolean[]> {
    return this.#client.ask("has-heads", { proofs });
  }

  digest(text: string): Promise<string> {
    return this.#client.ask("digest", { text });
  }

  createCategory(input: CategoryInput): Promise<Category> {
    return this.#client.change("create-category", { input });
  }

  readCategory(id: string): Promise<Category> {
    return this.#client.ask("read-category", { id });
  }

  updateCategory(id: string, patch: CategoryPatch): Promise<Category> {
    return this.#client.change("update-category", { id, patch });
  }

  deleteCategory(id: string, proof: OwnerProof): Promise<void> {
    return this.#client.change("delete-category", { id, proof });
  }

  listCategories(): AsyncIterable<Category> {
    return this.#client.list("list-categories", {});
  }

  findCategory(path: readonly string[]): Promise<Category | undefined> {
    return this.#client.ask("find-category", { path });
  }

  readTree(query: TreeQuery): Promise<VaultTree> {
    return this.#client.ask("read-tree", { query });
  }

  changeTree(changes: readonly TreeChange[]): Promise<string[]> {
    return this.#client.change("change-tree", { changes });
  }

  async createCredentials(inputs: readonly CredentialInput[]): Promise<Credential[]> {
    const made = await this.#client.change("create-credentials", { inputs });
    return made.map((one) => this.#credential(one));
  }

  async readCredential(id: string): Promise<Credential> {
    return this.#credential(await this.#client.ask("read-credential", { id }));
  }

  async updateCredential(id: string, patch: CredentialPatch): Promise<Credential> {
    return this.#credential(await this.#client.change("update-credential", { id, patch }));
  }

  archiveCredential(id: string, proof: ArchiveProof): Promise<void> {
    return this.#client.change("archive-credential", { id, proof });
  }

  deleteCredential(id: string, proof: OwnerProof): Promise<void> {
    return this.#client.change("delete-credential", { id, proof });
  }

  async unarchiveCredential(id: string, categoryId: string | null): Promise<Credential> {
    return this.#credential(await this.#client.change("unarchive-credential", { id, categoryId }));
  }

  async findCredential(path: readonly string[]): Promise<Credential | undefined> {
    const found = await this.#client.ask("find-credential", { path });
    return found && this.#credential(found);
  }

  findOwned(kind: "credential" | "category", ownerKey: string): Promise<string | undefined> {
    return this.#client.ask("find-owned", { kind, ownerKey });
  }

  async *listCredentials(filter: { stack?: string; archived?: boolean } = {}): AsyncIterable<Credential> {
    for await (const one of this.#client.list("list-credentials", filter)) yield this.#credential(one);
  }

  listDependants(credentialId: string): Promise<string[]> {
    return this.#client.ask("list-dependants", { id: credentialId });
  }

  async readMany(requests: readonly ValueRequest[]): Promise<(ValueAnswer | Error)[]> {
    const read: (ValueAnswer | Error)[] = [];
    for (let at = 0; at < requests.length; at += MOST_AT_ONCE) {
      const answers = await this.#client.ask("read-many", { requests: requests.slice(at, at + MOST_AT_ONCE) });
      for (const one of answers) read.push("error" in one ? errorOf(one.error) : one.answer);
    }
    return read;
  }

  findValues(query: ValueQuery): Promise<FoundValue[]> {
    return this.#client.ask("find-values", query);
  }

  async acquireLease(id: string, request: LeaseRequest, steps: readonly RotationStep[] = []): Promise<LeaseGrant> {
    const { lease, credential } = await this.#client.change("acquire-lease", { id, request, steps });
    return { lease, credential: this.#credential(credential) };
  }

  async record(lease: Lease, steps: readonly RotationStep[]): Promise<Credential> {
    return this.#credential(await this.#client.change("record", { lease, steps }));
  }

  bookLogin(booking: LoginBooking): Promise<void> {
    return this.#client.change("book-login", { booking });
  }

  settleLogin(bookingId: string, outcome: LoginOutcome): Promise<void> {
    return this.#client.change("settle-login", { bookingId, outcome });
  }

  clearLogins(account: string): Promise<void> {
    return this.#client.change("clear-logins", { account });
  }

  async resolveCredential(id: string, decision: Resolution): Promise<Credential> {
    return this.#credential(await this.#client.change("resolve-credential", { id, decision }));
  }

  listEvents({ limit, ...filter }: EventFilter = {}): AsyncIterable<VaultEvent> {
    return this.#client.list("list-events", {
      ...filter,
      ...(limit === undefined || limit === Infinity ? {} : { limit }),
    });
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #credential(shown: CredentialShape): Credential {
    const { id } = shown;
    return { ...shown, hasToken: (token) => this.#client.ask("has-token", { id, token }) };
  }
}

/** Nothing is sent before the first call. */
export function openRemoteVault(options: RemoteVaultOptions): RemoteVault {
  return new RemoteVault(options);
}
