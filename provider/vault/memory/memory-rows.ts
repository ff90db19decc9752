import { createHash, createHmac, randomBytes, randomUUID } from "node:crypto";
import { Secret } from "../../core/secret.js";
import { accountsOf } from "../port-accounts.js";
import type { Held, VaultEvent, VaultIdentity } from "../port.js";
import { heldBy } from "../records/held.js";
import type {
  BookingRow,
  CategoryRow,
  CredentialRow,
  KeyedPurpose,
  ReadRows,
  Rows,
  ValueKey,
  WriteRows,
} from "../records/rows.js";
import { MemoryBoxes } from "./memory-boxes.js";
import { MemoryFiles } from "./memory-files.js";
import { MemoryOutbox } from "./memory-outbox.js";
import { MemoryPeople } from "./memory-people.js";
import { UndoTable } from "./undo-table.js";

/** Rows in this process's memory: gone with it. The same rules as a file's, for tests and for trying things out. */
export class MemoryRows implements Rows {
  readonly contents = new MemoryFiles();
  readonly #key = randomBytes(32);
  readonly #tables: MemoryTables;

  /**
   * @param restoreCounter of the identity; default 0
   * @param id of the identity, where the rows are those of something that has one; default a random one
   */
  constructor(name: string, restoreCounter = 0, id: string = randomUUID()) {
    this.#tables = new MemoryTables({ id, name, restoreCounter });
  }

  async read<T>(work: (tx: ReadRows) => T): Promise<T> {
    return work(this.#tables);
  }

  async write<T>(work: (tx: WriteRows) => T): Promise<T> {
    try {
      const result = work(this.#tables);
      this.#tables.commit();
      return result;
    } catch (error) {
      this.#tables.rollBack();
      throw error;
    }
  }

  keyed(purpose: KeyedPurpose, text: string): string {
    return createHmac("sha256", this.#key).update(`${purpose}:${text}`).digest("hex").slice(0, 32);
  }

  async close(): Promise<void> {
    this.#key.fill(0);
  }
}

interface ValueRow {
  credentialId: string;
  text: string;
}

/** Keys of several parts; ids have no space, so the first one separates. */
function key(parent: string | null, name: string): string {
  return `${parent ?? "-"} ${name}`;
}

class MemoryTables implements WriteRows {
  readonly people = new MemoryPeople();
  readonly boxes = new MemoryBoxes();
  readonly outbox = new MemoryOutbox();
  readonly #identity: Omit<VaultIdentity, "head" | "headProof">;
  readonly #categories = new UndoTable<CategoryRow, "named" | "parent" | "mark">({
    named: ({ parentId, name }) => [key(parentId, name)],
    parent: ({ parentId }) => [parentId ?? "-"],
    mark: ({ owner }) => (owner ? [owner.mark] : []),
  });
  readonly #credentials = new UndoTable<CredentialRow, "named" | "category" | "mark" | "place" | "account" | "admin">({
    named: (row) => (row.archived ? [] : [key(row.categoryId, row.name)]),
    category: (row) => (row.archived ? [] : [row.categoryId ?? "-"]),
    mark: (row) => (row.owner && !row.archived ? [row.owner.mark] : []),
    place: (row) => [place(row.archived !== undefined), ...(row.owner ? [place(!!row.archived, row.owner.stack)] : [])],
    account: (row) => (row.archived ? [] : row.targets.flatMap(accountsOf)),
    admin: (row) => (row.archived ? [] : row.targets.flatMap(({ adminId }) => adminId ?? [])),
  });
  readonly #values = new UndoTable<ValueRow, "of">({ of: ({ credentialId }) => [credentialId] });
  readonly #bookings = new UndoTable<BookingRow, "account" | "host">({
    account: ({ account }) => [account],
    host: ({ host }) => [host],
  });
  #events: VaultEvent[] = [];
  #committedEvents = 0;
  /** The proof of each head that the log has had, by its number. */
  readonly #proofs: string[] = [];

  constructor(identity: Omit<VaultIdentity, "head" | "headProof">) {
    this.#identity = identity;
  }

  commit(): void {
    for (const event of this.#events.slice(this.#committedEvents)) {
      const before = this.#proofs.at(-1) ?? "";
      const digest = createHash("sha256")
        .update(`${this.#identity.id}${before}${JSON.stringify(event)}`)
        .digest("hex");
      this.#proofs.push(`${event.seq}:${digest.slice(0, 32)}`);
    }
    this.#committedEvents = this.#events.length;
    for (const table of this.#all()) table.commit();
  }

  rollBack(): void {
    this.#events = this.#events.slice(0, this.#committedEvents);
    for (const table of this.#all()) table.rollBack();
  }

  #all(): { commit(): void; rollBack(): void }[] {
    const own = [this.#categories, this.#credentials, this.#values, this.#bookings];
    return [...own, ...this.people.tables, ...this.boxes.tables, ...this.outbox.tables];
  }

  identity(): VaultIdentity {
    const headProof = this.#proofs.at(-1) ?? `0:${"0".repeat(32)}`;
    return { ...this.#identity, head: this.#events.length, headProof };
  }

  hasHead(proof: string): boolean {
    return this.#proofs[parseInt(proof, 10) - 1]?.startsWith(proof) === true;
  }

  category(id: string): CategoryRow | undefined {
    return this.#categories.get(id);
  }

  categoryNamed(parentId: string | null, name: string): string | undefined {
    return this.#categories.find("named", key(parentId, name))[0];
  }

  categoriesMarked(mark: string): string[] {
    return this.#categories.find("mark", mark);
  }

  categoriesIn(parentId: string | null): string[] {
    return this.#categories.find("parent", parentId ?? "-");
  }

  categories(): CategoryRow[] {
    return this.#categories.all();
  }

  held(categoryIds: readonly string[]): Map<string, Held> {
    return heldBy(categoryIds, (id) => ({
      credentials: this.#credentials.find("category", id).length,
      boxes: this.boxes.countIn(id),
    }));
  }

  credential(id: string): CredentialRow | undefined {
    return this.#credentials.get(id);
  }

  glimpse(id: string): Readonly<CredentialRow> | undefined {
    return this.#credentials.get(id);
  }

  credentialNamed(categoryId: string | null, name: string): string | undefined {
    return this.#credentials.find("named", key(categoryId, name))[0];
  }

  credentialsMarked(mark: string): string[] {
    return this.#credentials.find("mark", mark);
  }

  credentials({ archived, stack }: { archived: boolean; stack?: string }): string[] {
    return this.#credentials.find("place", place(archived, stack));
  }

  accountOwner(account: string): string | undefined {
    return this.#credentials.find("account", account)[0];
  }

  dependants(adminId: string): string[] {
    return this.#credentials.find("admin", adminId);
  }

  values(wanted: readonly ValueKey[]): (Secret | undefined)[] {
    return wanted.map(({ credentialId, field, version }) => {
      const row = this.#values.get(key(credentialId, `${field} ${version}`));
      return row && new Secret(row.text);
    });
  }

  booking(id: string): BookingRow | undefined {
    return this.#bookings.get(id);
  }

  bookingsOf(by: { account: string } | { host: string }): BookingRow[] {
    const ids = "account" in by ? this.#bookings.find("account", by.account) : this.#bookings.find("host", by.host);
    return ids.flatMap((id) => this.#bookings.get(id) ?? []);
  }

  events(after: number, about: number): VaultEvent[] {
    return this.#events.slice(after, after + about).map((event) => ({ ...event, ids: [...event.ids] }));
  }

  putCategory(row: CategoryRow): void {
    this.#categories.put(row.id, row);
  }

  removeCategory(id: string): void {
    this.#categories.remove(id);
  }

  putCredential(row: CredentialRow): void {
    this.#credentials.put(row.id, row);
  }

  removeCredential(row: CredentialRow): void {
    for (const id of this.#values.find("of", row.id)) this.#values.remove(id);
    this.#credentials.remove(row.id);
  }

  putValue({ credentialId, field, version }: ValueKey, value: Secret): void {
    this.#values.put(key(credentialId, `${field} ${version}`), { credentialId, text: value.reveal() });
  }

  putBooking(row: BookingRow): void {
    this.#bookings.put(row.id, row);
  }

  removeBooking(id: string): void {
    this.#bookings.remove(id);
  }

  addEvent(event: Omit<VaultEvent, "seq">): void {
    this.#events.push({ seq: this.#events.length + 1, ...event });
  }
}

function place(archived: boolean, stack?: string): string {
  return key(archived ? "archived" : "live", stack ?? "");
}
