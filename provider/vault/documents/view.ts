import { CoffreError } from "../../core/errors.js";
import { Secret } from "../../core/secret.js";
import { accountsOf } from "../port-accounts.js";
import type { Held, VaultIdentity } from "../port.js";
import { noDropBoxes } from "../no-boxes.js";
import { heldBy } from "../records/held.js";
import type { BookingRow, CategoryRow, CredentialRow, ValueKey, WriteRows } from "../records/rows.js";
import { claimsOf, type Directory } from "./directory.js";
import { type Claims, type CredentialDocument, RESERVED } from "./documents.js";
import { Logins, type LoginsHome } from "./logins.js";
import { PeopleView } from "./people-view.js";

/** Something that has to be fetched before the work can be done; it is then done again. Never leaves this folder. */
export class Needed extends Error {
  override readonly name = "Needed";
  readonly keys: readonly string[];

  constructor(keys: readonly string[]) {
    super("not loaded yet");
    this.keys = keys;
  }
}

/** A change of the directory, that can be made again on a newer one. */
export type DirectoryChange = (directory: Directory) => void;

/** What a view is given: documents as they were fetched or written last. */
export interface Known {
  identity(): VaultIdentity;
  hasHead(proof: string): boolean;
  /** A value up to this many characters stands in its credential's document; a larger one in one of its own. */
  readonly largestInline: number;
  readonly forgetsValues: boolean;
  /** @param exact false where an answer that is a moment old will do. @throws Needed */
  directory(exact: boolean): Directory;
  /** @throws Needed for all that aren't known */
  credentials(ids: readonly string[]): (CredentialDocument | undefined)[];
  /** One that this work has asked for already; nothing for one that it makes. */
  asked(id: string): CredentialDocument | undefined;
  /** @throws Needed for all that aren't known */
  largeValues(wanted: readonly { id: string; at: string }[]): (string | undefined)[];
  readonly logins: LoginsHome;
}

/** The rows of a vault, as one run of some work sees and changes them. Nothing is sent before the work is done. */
export class View implements WriteRows {
  readonly people: PeopleView;
  readonly #known: Known;
  readonly #logins: Logins;
  /** Credentials that were changed; `undefined`: removed. */
  readonly changed = new Map<string, CredentialDocument | undefined>();
  /** Values that are too large for their credential's document. */
  readonly largeValues: { id: string; key: string; at: string; value: Secret }[] = [];
  readonly directoryChanges: DirectoryChange[] = [];
  /** Claims as they were, of each credential that was changed. */
  readonly claimsBefore = new Map<string, Claims | undefined>();
  /** Credentials whose claims say more than their rows do: a process died, or is at it; the latter must learn of us. */
  readonly overclaimed = new Set<string>();
  /** Categories whose place in the tree was changed. */
  readonly movedCategories = new Set<string>();
  readonly #newName: () => string;
  readonly removeValue: ((key: ValueKey) => void) | undefined;

  constructor(known: Known, newName: () => string) {
    this.#known = known;
    this.#newName = newName;
    this.removeValue = known.forgetsValues ? (key) => this.#removeValue(key) : undefined;
    this.people = new PeopleView((exact) => known.directory(exact), this.directoryChanges);
    this.#logins = new Logins(known.logins, {
      ownerOf: (account) => this.#accountHolder(account),
      put: (id, document) => this.changed.set(id, document),
    });
  }

  /** The documents of logins that were changed, by path. */
  get changedLogins(): ReadonlyMap<string, BookingRow[]> {
    return this.#logins.changed;
  }

  /** Ids of bookings that are taken away. */
  get removedLogins(): ReadonlySet<string> {
    return this.#logins.removed;
  }

  /** Fetches these in one go, so that asking for one after the other doesn't. */
  preload(ids: readonly string[]): void {
    this.#known.credentials(ids.filter((id) => !this.changed.has(id)));
  }

  /** The credential that claims a name, without a look at it: only for {@link preload}. */
  candidates(categoryId: string | null, name: string): string[] {
    return this.#known.directory(true).named(categoryId, name);
  }

  get boxes(): never {
    throw noDropBoxes();
  }

  get outbox(): never {
    throw noDropBoxes();
  }

  identity(): VaultIdentity {
    return this.#known.identity();
  }

  hasHead(proof: string): boolean {
    return this.#known.hasHead(proof);
  }

  category(id: string): CategoryRow | undefined {
    return this.#known.directory(false).categories.get(id);
  }

  categoryNamed(parentId: string | null, name: string): string | undefined {
    return this.#known.directory(true).categoryNamed(parentId, name);
  }

  categoriesMarked(mark: string): string[] {
    return this.#known.directory(true).categories.find("mark", mark);
  }

  categoriesIn(parentId: string | null): string[] {
    return this.#known.directory(true).categories.find("parent", parentId ?? "-");
  }

  categories(): CategoryRow[] {
    return this.#known.directory(true).categories.all();
  }

  held(categoryIds: readonly string[]): Map<string, Held> {
    const { claims } = this.#known.directory(true);
    const candidates = new Map(categoryIds.map((id) => [id, claims.find("category", id)]));
    this.preload([...candidates.values()].flat());
    return heldBy(categoryIds, (id) => ({
      credentials: this.#holders(candidates.get(id) ?? [], (row) => row.categoryId === id).length,
      boxes: 0,
    }));
  }

  credential(id: string): CredentialRow | undefined {
    const document = this.document(id);
    // A copy that the caller may change; rows are plain JSON.
    return document && (JSON.parse(JSON.stringify(document.row)) as CredentialRow);
  }

  glimpse(id: string): Readonly<CredentialRow> | undefined {
    return this.document(id)?.row;
  }

  credentialNamed(categoryId: string | null, name: string): string | undefined {
    const candidates = this.#known.directory(true).named(categoryId, name);
    return this.#holders(candidates, (row) => row.categoryId === categoryId && row.name === name)[0];
  }

  credentialsMarked(mark: string): string[] {
    const candidates = this.#known.directory(true).claims.find("mark", mark);
    return this.#live(candidates).filter((id) => this.glimpse(id)?.owner?.mark === mark);
  }

  credentials({ archived, stack }: { archived: boolean; stack?: string }): string[] {
    const { claims } = this.#known.directory(true);
    const candidates = stack === undefined ? claims.all().map(({ id }) => id) : claims.find("stack", stack);
    this.preload(candidates);
    return candidates.filter((id) => {
      const row = this.glimpse(id);
      if (!row || (row.archived !== undefined) !== archived) return false;
      return stack === undefined || row.owner?.stack === stack;
    });
  }

  accountOwner(account: string): string | undefined {
    const candidates = this.#known.directory(true).claims.find("account", account);
    return this.#holders(candidates, (row) => hasAccount(row, account))[0];
  }

  dependants(adminId: string): string[] {
    const candidates = this.#known.directory(true).claims.find("admin", adminId);
    return this.#live(candidates).filter((id) =>
      this.glimpse(id)?.targets.some((target) => target.adminId === adminId),
    );
  }

  values(wanted: readonly ValueKey[]): (Secret | CoffreError | undefined)[] {
    const found = wanted.map((key) => this.document(key.credentialId)?.values[valueName(key)]);
    const large = wanted.flatMap(({ credentialId: id }, index) => {
      const place = found[index];
      return place && "at" in place ? [{ id, at: place.at }] : [];
    });
    const fetched = this.#known.largeValues(large);
    return found.map((place) => {
      const text = place && ("at" in place ? fetched.shift() : place.text);
      return text === undefined ? undefined : new Secret(text);
    });
  }

  booking(id: string): BookingRow | undefined {
    return this.#logins.booking(id);
  }

  bookingsOf(by: { account: string } | { host: string }): BookingRow[] {
    return "account" in by ? this.#logins.ofAccount(by.account) : this.#logins.ofHost(by.host);
  }

  putCategory(row: CategoryRow): void {
    refuseReserved(row.parentId, row.name);
    const before = this.#known.directory(true).categories.get(row.id);
    const moved = before && (before.name !== row.name || before.parentId !== row.parentId);
    if (moved) this.movedCategories.add(row.id);
    this.#change((directory) => directory.categories.put(row.id, row));
  }

  removeCategory(id: string): void {
    this.#change((directory) => directory.categories.remove(id));
  }

  putCredential(row: CredentialRow): void {
    if (!row.archived) refuseReserved(row.categoryId, row.name);
    const before = this.changed.get(row.id) ?? this.#known.asked(row.id);
    const { claims } = this.#known.directory(false);
    const claimed = claims.get(row.id);
    if (!this.claimsBefore.has(row.id)) this.claimsBefore.set(row.id, claimed);
    this.changed.set(row.id, before ? { ...before, row } : { row, values: {}, bookings: [] });
    // Seen at once by what this work looks up next; what is sent, and when, is decided once it is done.
    claims.put(row.id, claimsOf(row));
  }

  removeCredential(row: CredentialRow): void {
    const { claims } = this.#known.directory(true);
    if (!this.claimsBefore.has(row.id)) this.claimsBefore.set(row.id, claims.get(row.id));
    this.changed.set(row.id, undefined);
    claims.remove(row.id);
  }

  putValue(key: ValueKey, value: Secret): void {
    const { credentialId: id } = key;
    const document = this.document(id);
    if (!document) throw new CoffreError("BAD_RESPONSE", `A value was put before its credential ${id}`);
    const text = value.reveal();
    const large = text.length > this.#known.largestInline;
    const at = large ? this.#newName() : "";
    if (large) this.largeValues.push({ id, key: valueName(key), at, value });
    this.changed.set(id, { ...document, values: { ...document.values, [valueName(key)]: large ? { at } : { text } } });
  }

  #removeValue(key: ValueKey): void {
    const document = this.document(key.credentialId);
    if (!document) return;
    const { [valueName(key)]: _gone, ...values } = document.values;
    this.changed.set(key.credentialId, { ...document, values });
  }

  putBooking(row: BookingRow): void {
    this.#logins.put(row);
  }

  removeBooking(id: string): void {
    this.#logins.remove(id);
  }

  /** The server's audit devices are the log here. */
  addEvent(): void {}

  /** @throws CoffreError NOT_SUPPORTED */
  events(): never {
    throw new CoffreError("NOT_SUPPORTED", "This vault keeps no log of its own: the server's audit devices do", {
      hint: "Ask who runs the server for its audit log; `coffre history` shows what became of each version.",
    });
  }

  document(id: string): CredentialDocument | undefined {
    return this.changed.has(id) ? this.changed.get(id) : this.#known.credentials([id])[0];
  }

  /** The live ones among candidates whose row says the same; those whose row doesn't are remembered. */
  #holders(candidates: readonly string[], says: (row: Readonly<CredentialRow>) => boolean): string[] {
    this.preload(candidates);
    return candidates.filter((id) => {
      const row = this.glimpse(id);
      const holds = row !== undefined && !row.archived && says(row);
      if (!holds) this.overclaimed.add(id);
      return holds;
    });
  }

  #live(candidates: readonly string[]): string[] {
    this.preload(candidates);
    return candidates.filter((id) => {
      const row = this.glimpse(id);
      return row !== undefined && !row.archived;
    });
  }

  /** Whose document keeps an account's bookings. A moment old will do: a booking in another place is still one. */
  #accountHolder(account: string): CredentialDocument | undefined {
    for (const document of this.changed.values()) if (document && isHeldBy(document, account)) return document;
    const [id] = this.#known.directory(false).claims.find("account", account);
    const document = id === undefined ? undefined : this.document(id);
    return document && isHeldBy(document, account) ? document : undefined;
  }

  #change(change: DirectoryChange): void {
    change(this.#known.directory(true));
    this.directoryChanges.push(change);
  }
}

/** @throws CoffreError INVALID_INPUT for a place in which, or in whose way, Coffre's own documents stand */
function refuseReserved(parentId: string | null, name: string): void {
  if (parentId !== null || name !== RESERVED) return;
  throw new CoffreError("INVALID_INPUT", `The name ${RESERVED} is Coffre's own at the root of this vault`, {
    hint: "Choose another name, or another category.",
  });
}

export function valueName({ field, version }: Pick<ValueKey, "field" | "version">): string {
  return `${field} ${version}`;
}

function isHeldBy({ row }: CredentialDocument, account: string): boolean {
  return !row.archived && hasAccount(row, account);
}

function hasAccount(row: Readonly<CredentialRow>, account: string): boolean {
  return row.targets.some((target) => accountsOf(target).includes(account));
}
