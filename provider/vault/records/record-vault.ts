import { hostname } from "node:os";
import type { Clock } from "../../core/clock.js";
import { CoffreError } from "../../core/errors.js";
import type {
  Boxes,
  Capabilities,
  Category,
  CategoryInput,
  CategoryPatch,
  ArchiveProof,
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
import type { Outbox } from "../port-outbox.js";
import type { TransferLinks } from "../port-transfers.js";
import { comparePaths, createCategory, deleteCategory, listCategories, updateCategory } from "./categories.js";
import { changeTree } from "./change-tree.js";
import { categoryGone, credentialGone, logEvent, type VaultContext } from "./context.js";
import { viewCredential } from "./credential-view.js";
import {
  archiveCredential,
  createCredentials,
  deleteCredential,
  unarchiveCredential,
  updateCredential,
} from "./credentials.js";
import { bookLogin, clearLogins, settleLogin } from "./logins.js";
import type { Keyed } from "./owner.js";
import { findValues } from "./find-values.js";
import { readTree } from "./read-tree.js";
import { findCredentialId, readMany } from "./reading.js";
import { noBoxes } from "../no-boxes.js";
import type { Contents } from "./contents.js";
import type { FileRules } from "./file-rules.js";
import { RecordBoxes } from "./record-boxes.js";
import { RecordOutbox } from "./outbox.js";
import { RecordLinks } from "./record-links.js";
import { RecordPeople } from "./record-people.js";
import { acquireLease, record, resolveCredential } from "./rotations.js";
import type { ReadRows, Rows } from "./rows.js";
import { SharedReads } from "./shared-reads.js";
import { findCategoryId, Tree } from "./tree.js";

/** How many events are read at once while they are listed. */
const EVENTS_AT_ONCE = 500;

export interface RecordVaultOptions {
  /** Who asks, for the event log: `ana@runner-3 (cli)`. */
  actor: string;
  clock: Clock;
  /** The machine that logs in to targets. Default: this one's host name. */
  source?: string;
  /** See {@link VaultContext}. Default: nothing but what each drop-box says. */
  files?: FileRules;
  /** See {@link VaultContext}. */
  mayRead?: (categoryId: string | null) => boolean;
}

/** A vault through which one process acts for several people: `coffre serve`. */
export interface SharedVault extends Vault {
  /** Mail that the vault owes. @throws NOT_SUPPORTED by every method where `capabilities.dropBoxes` is false */
  readonly outbox: Outbox;
  /** What the links of transfers open. `undefined` where `capabilities.dropBoxes` is false. */
  readonly links: TransferLinks | undefined;
  /** Sets what holds for all files from now on, whoever acts through this process. */
  ruleFiles(rules: Pick<FileRules, "quota" | "scanner">): void;
  /** Ids of the files that wait for a scanner, in the order in which they were begun. */
  quarantined(): Promise<string[]>;
  /**
   * The same vault for one of them, whose name the events carry. Their reads at the same time share one sync of the disk.
   * Closing what it answers closes nothing.
   * @param source the machine that logs in to targets
   * @param mayRead whether they may read values in a category; `readMany` answers FORBIDDEN where not
   */
  actingAs(actor: string, source: string, mayRead: (categoryId: string | null) => boolean): Vault;
  /**
   * Writes an event of the server's own, about what the vault doesn't keep. @param actor who did it
   * @param action two words, `transfer.read`; never one of the vault's own @param detail facts, never a value
   * @param ids what it is about, if the vault has that. Default: nothing
   */
  note(actor: string, action: string, detail: string, ids?: string[]): Promise<void>;
}

/**
 * A vault that keeps records of its own: every rule of the port, over a storage of rows. The embedded and the in-memory
 * vault are this class over two storages, so neither can drift from the other.
 */
export class RecordVault implements SharedVault {
  readonly capabilities: Capabilities;
  readonly people: People;
  readonly boxes: Boxes;
  readonly outbox: Outbox;
  readonly links: TransferLinks | undefined;
  protected readonly rows: Rows;
  protected readonly context: VaultContext;
  readonly #keyed: Keyed;
  readonly #contents: Contents | undefined;
  /** Of a vault that acts for several. */
  #sharedReads: SharedReads | undefined;

  /** @param contents of files; a vault without has no drop-boxes */
  constructor(
    rows: Rows,
    { actor, clock, source = hostname(), files = {}, mayRead }: RecordVaultOptions,
    contents?: Contents,
  ) {
    this.rows = rows;
    this.#contents = contents;
    const dropBoxes = contents !== undefined;
    this.capabilities = { versions: true, compareAndSet: true, grants: "declared", dropBoxes, events: "own" };
    this.context = { actor, clock, source, files, ...(mayRead ? { mayRead } : {}) };
    this.#keyed = (purpose, text) => rows.keyed(purpose, text);
    this.people = new RecordPeople(rows, this.context, this.#keyed);
    const boxes = contents && new RecordBoxes({ rows, context: this.context, keyed: this.#keyed, contents });
    this.boxes = boxes ?? noBoxes();
    this.links = boxes && new RecordLinks(rows, this.context, this.#keyed, boxes.files);
    this.outbox = new RecordOutbox(rows, this.context);
  }

  identity(): Promise<VaultIdentity> {
    return this.rows.read((tx) => tx.identity());
  }

  hasHeads(proofs: readonly string[]): Promise<boolean[]> {
    return this.rows.read((tx) => proofs.map((proof) => tx.hasHead(proof)));
  }

  digest(text: string): Promise<string> {
    return this.rows.read(() => this.rows.keyed("digest", text));
  }

  createCategory(input: CategoryInput): Promise<Category> {
    return this.rows.write((tx) => createCategory(tx, this.context, this.#keyed, input));
  }

  readCategory(id: string): Promise<Category> {
    return this.rows.read((tx) => {
      const row = tx.category(id);
      if (!row) throw categoryGone(id);
      return new Tree(tx).view(row);
    });
  }

  updateCategory(id: string, patch: CategoryPatch): Promise<Category> {
    return this.rows.write((tx) => updateCategory(tx, this.context, this.#keyed, id, patch));
  }

  deleteCategory(id: string, proof: OwnerProof): Promise<void> {
    return this.rows.write((tx) => deleteCategory(tx, this.context, this.#keyed, id, proof));
  }

  async *listCategories(): AsyncIterable<Category> {
    yield* await this.rows.read(listCategories);
  }

  findCategory(path: readonly string[]): Promise<Category | undefined> {
    return this.rows.read((tx) => {
      const id = findCategoryId(tx, path) ?? undefined;
      const row = id === undefined ? undefined : tx.category(id);
      return row && new Tree(tx).view(row);
    });
  }

  readTree(query: TreeQuery): Promise<VaultTree> {
    return this.rows.read((tx) => readTree(tx, this.#keyed, query));
  }

  changeTree(changes: readonly TreeChange[]): Promise<string[]> {
    return this.rows.write((tx) => changeTree(tx, this.context, this.#keyed, changes));
  }

  createCredentials(inputs: readonly CredentialInput[]): Promise<Credential[]> {
    return this.rows.write((tx) => createCredentials(tx, this.context, this.#keyed, inputs));
  }

  readCredential(id: string): Promise<Credential> {
    return this.rows.read((tx) => {
      const row = tx.credential(id);
      if (!row) throw credentialGone(id);
      return viewCredential(new Tree(tx), this.#keyed, row);
    });
  }

  updateCredential(id: string, patch: CredentialPatch): Promise<Credential> {
    return this.rows.write((tx) => updateCredential(tx, this.context, this.#keyed, id, patch));
  }

  archiveCredential(id: string, proof: ArchiveProof): Promise<void> {
    return this.rows.write((tx) => archiveCredential(tx, this.context, this.#keyed, id, proof));
  }

  deleteCredential(id: string, proof: OwnerProof): Promise<void> {
    return this.rows.write((tx) => deleteCredential(tx, this.context, this.#keyed, id, proof));
  }

  unarchiveCredential(id: string, categoryId: string | null): Promise<Credential> {
    return this.rows.write((tx) => unarchiveCredential(tx, this.context, this.#keyed, id, categoryId));
  }

  findCredential(path: readonly string[]): Promise<Credential | undefined> {
    return this.rows.read((tx) => {
      const id = findCredentialId(tx, path);
      const row = id === undefined ? undefined : tx.credential(id);
      return row && viewCredential(new Tree(tx), this.#keyed, row);
    });
  }

  findOwned(kind: "credential" | "category", ownerKey: string): Promise<string | undefined> {
    return this.rows.read((tx) => {
      const mark = this.#keyed("mark", ownerKey);
      const [first, second] = kind === "credential" ? tx.credentialsMarked(mark) : tx.categoriesMarked(mark);
      if (second === undefined) return first;
      throw new CoffreError("CONFLICT", `Two entries carry the mark of ${ownerKey}: ${first} and ${second}`, {
        hint: "Delete one of them, or adopt it under another name.",
      });
    });
  }

  async *listCredentials(filter: { stack?: string; archived?: boolean } = {}): AsyncIterable<Credential> {
    yield* await this.rows.read((tx) => this.#listCredentials(tx, filter));
  }

  #listCredentials(tx: ReadRows, { stack, archived = false }: { stack?: string; archived?: boolean }): Credential[] {
    const tree = new Tree(tx);
    const ids = tx.credentials({ archived, ...(stack === undefined ? {} : { stack: this.#keyed("stack", stack) }) });
    return ids
      .flatMap((id) => tx.credential(id) ?? [])
      .map((row) => viewCredential(tree, this.#keyed, row))
      .sort((left, right) => comparePaths(left.path, right.path));
  }

  listDependants(credentialId: string): Promise<string[]> {
    return this.rows.read((tx) => tx.dependants(credentialId));
  }

  readMany(requests: readonly ValueRequest[]): Promise<(ValueAnswer | Error)[]> {
    if (this.#sharedReads) return this.#sharedReads.read(this.context, requests);
    return this.rows.write((tx) => readMany(tx, this.context, requests));
  }

  findValues(query: ValueQuery): Promise<FoundValue[]> {
    return findValues(this.rows, this.context, query);
  }

  acquireLease(id: string, request: LeaseRequest, steps: readonly RotationStep[] = []): Promise<LeaseGrant> {
    return this.rows.write((tx) => acquireLease(tx, this.context, this.#keyed, id, request, steps));
  }

  record(lease: Lease, steps: readonly RotationStep[]): Promise<Credential> {
    return this.rows.write((tx) => record(tx, this.context, this.#keyed, lease, steps));
  }

  bookLogin(booking: LoginBooking): Promise<void> {
    return this.rows.write((tx) => bookLogin(tx, this.context, booking));
  }

  settleLogin(bookingId: string, outcome: LoginOutcome): Promise<void> {
    return this.rows.write((tx) => {
      const account = tx.booking(bookingId)?.account;
      settleLogin(tx, bookingId, outcome);
      if (outcome === "refused" && account !== undefined) {
        logEvent(tx, this.context, "login.refused", [], { detail: account });
      }
    });
  }

  clearLogins(account: string): Promise<void> {
    return this.rows.write((tx) => clearLogins(tx, this.context, account));
  }

  resolveCredential(id: string, decision: Resolution): Promise<Credential> {
    return this.rows.write((tx) => resolveCredential(tx, this.context, this.#keyed, id, decision));
  }

  async *listEvents({ after = 0, credentialId, limit = Infinity }: EventFilter = {}): AsyncIterable<VaultEvent> {
    let last = after;
    let left = limit;
    while (left > 0) {
      // Of one entry's, any number of others may lie between two.
      const atOnce = credentialId === undefined ? Math.min(left, EVENTS_AT_ONCE) : EVENTS_AT_ONCE;
      const events = await this.rows.read((tx) => tx.events(last, atOnce));
      for (const event of events) {
        last = event.seq;
        if (credentialId !== undefined && !event.ids.includes(credentialId)) continue;
        yield event;
        left -= 1;
        if (left <= 0) return;
      }
      if (events.length === 0) return;
    }
  }

  ruleFiles(rules: Pick<FileRules, "quota" | "scanner">): void {
    Object.assign(this.context.files, rules);
  }

  quarantined(): Promise<string[]> {
    return this.rows.read((tx) => tx.boxes.files().flatMap(({ id, state }) => (state === "quarantine" ? [id] : [])));
  }

  actingAs(actor: string, source: string, mayRead: (categoryId: string | null) => boolean): Vault {
    this.#sharedReads ??= new SharedReads(this.rows);
    const { clock, files } = this.context;
    const acting = new RecordVault(this.rows, { actor, clock, source, files, mayRead }, this.#contents);
    acting.#sharedReads = this.#sharedReads;
    acting.close = async () => {}; // the rows are this vault's
    return acting;
  }

  note(actor: string, action: string, detail: string, ids: string[] = []): Promise<void> {
    return this.rows.write((tx) => logEvent(tx, { ...this.context, actor }, action, ids, { detail }));
  }

  close(): Promise<void> {
    return this.rows.close();
  }
}
