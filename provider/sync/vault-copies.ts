import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import { PASSWORD_FIELD } from "../core/field.js";
import type { Secret } from "../core/secret.js";
import { newHolder } from "../rotation/holder.js";
import type { Credential, CredentialPatch, FieldChange, Owner, Vault, VaultIdentity } from "../vault/port.js";
import type { Copy, CopyStore, HeldCopy, SyncRecord } from "./copy-store.js";
import { currentValues, fingerprintOf, pathKey, type ReadValues, type SyncEntry, textsOf } from "./entry.js";
import { jobKey, type SyncJob } from "./job.js";
import { copiedFrom, copyCause, parseCopyCause, type SourceVersion } from "./mark.js";
import { VaultPlaces } from "./vault-places.js";
import { VaultRecord } from "./vault-record.js";

/** A write of one value is one request: its lease ends with it. */
const LEASE_SECONDS = 30;
/** Above so many places the whole tree is asked for at once. */
const ONE_BY_ONE = 20;

/**
 * Copies in a vault of any kind, by its ordinary port: each is a credential whose owner is the job, and whose versions
 * say by their cause which version of the source they are. The lists alone so tell what has to be done.
 */
export class VaultCopies implements CopyStore {
  readonly #vault: Vault;
  readonly #job: SyncJob;
  readonly #record: VaultRecord;
  readonly #places: VaultPlaces;
  /** As listed or written last, by id. */
  readonly #credentials = new Map<string, Credential>();
  #entries: readonly SyncEntry[] = [];

  constructor(vault: Vault, job: SyncJob, clock: Clock) {
    this.#vault = vault;
    this.#job = job;
    this.#record = new VaultRecord(vault, job, clock);
    this.#places = new VaultPlaces(vault, job);
  }

  identity(): Promise<VaultIdentity> {
    return this.#vault.identity();
  }

  record(): Promise<SyncRecord | undefined> {
    return this.#record.read();
  }

  async list(): Promise<Copy[]> {
    const copies: Copy[] = [];
    this.#credentials.clear();
    for await (const credential of this.#vault.listCredentials({ stack: jobKey(this.#job) })) {
      this.#credentials.set(credential.id, credential);
      const copy = this.#copyOf(credential);
      if (copy) copies.push(copy);
    }
    return copies;
  }

  #copyOf(credential: Credential): Copy | undefined {
    const versions = new Map<string, SourceVersion>();
    const foreign: string[] = [];
    const values = currentValues(credential, ({ causes }) => {
      const mark = causes.map(parseCopyCause).find((found) => found?.vaultId === this.#job.source.id);
      return mark && { number: mark.number, madeAt: mark.madeAt };
    });
    for (const [field, { version }] of values) versions.set(field, version);
    for (const field of currentValues(credential, () => ({ number: 0, madeAt: 0 })).keys()) {
      if (!values.has(field)) foreign.push(field);
    }
    const entryId = entryIdOf(credential);
    if (entryId === undefined) return undefined;
    const fingerprint = fingerprintOf(textsOf(credential), values);
    return { key: credential.id, entryId, path: credential.path, fingerprint, versions, foreign };
  }

  async taken(places: readonly (readonly string[])[]): Promise<Map<string, string>> {
    const wanted = new Set(places.map(pathKey));
    const found = new Map<string, string>();
    const note = ({ id, path }: Credential) => {
      if (wanted.has(pathKey(path)) && !this.#credentials.has(id)) found.set(pathKey(path), id);
    };
    if (places.length > ONE_BY_ONE) for await (const credential of this.#vault.listCredentials()) note(credential);
    else {
      for (const place of places) {
        const credential = await this.#vault.findCredential(place);
        if (credential) note(credential);
      }
    }
    return found;
  }

  async begin(): Promise<void> {
    await this.#record.hold();
  }

  note(record: SyncRecord): Promise<void> {
    return this.#record.write(record);
  }

  hold(): Promise<void> {
    return this.#record.hold();
  }

  async prepare(entries: readonly SyncEntry[]): Promise<void> {
    this.#entries = entries;
    await this.#places.prepare(entries);
  }

  wanted(entry: SyncEntry, copy: Copy | undefined): string[] {
    return [...entry.values].flatMap(([field, { version, text }]) => {
      const isThere = copy !== undefined && !copy.foreign.includes(field);
      const same = isThere && isDeepStrictEqual(copy.versions.get(field), version);
      // A text that is there already isn't written again, whatever its number in the source.
      return same || (isThere && text !== undefined && text === this.#textOf(copy, field)) ? [] : [field];
    });
  }

  #textOf({ key }: Copy, field: string): string | undefined {
    return this.#credentials.get(key)?.fields.find(({ name }) => name === field)?.text;
  }

  async put(entry: SyncEntry, values: ReadValues, copy: Copy | undefined): Promise<void> {
    if (copy) await this.#update(entry, values, copy);
    else await this.#create(entry, values);
  }

  async #create(entry: SyncEntry, values: ReadValues): Promise<void> {
    const password = values.get(PASSWORD_FIELD);
    await this.#vault.createCredentials([
      {
        name: entry.path.at(-1) ?? "",
        categoryId: this.#places.idOf(entry.path.slice(0, -1)),
        ...entry.texts,
        valueManagedBy: "external", // nothing is rotated here: that is the source's business
        owner: this.#ownerOf(entry.id),
        ...(password ? { initial: { value: password, causes: [this.#cause(entry, PASSWORD_FIELD)] } } : {}),
        fields: this.#puts(entry, values),
      },
    ]);
  }

  async #update(entry: SyncEntry, values: ReadValues, copy: Copy): Promise<void> {
    const before = this.#credentials.get(copy.key);
    if (!before) throw new CoffreError("NOT_FOUND", `There is no copy ${copy.key}`);
    const { username = null, url = null, description = null, tags } = entry.texts;
    const patch: CredentialPatch = {
      token: this.#ownerOf(entry.id).token,
      username,
      url,
      description,
      tags,
      fields: [...removals(entry, before), ...this.#puts(entry, values, before)],
    };
    await this.#vault.updateCredential(copy.key, patch);
    const password = values.get(PASSWORD_FIELD);
    if (password) await this.#putPassword(entry, password, before);
  }

  /** Staged and promoted in one write: no reader sees a pending version, and one that somebody else made meanwhile stops it. */
  async #putPassword(entry: SyncEntry, value: Secret, { id, versions, journal }: Credential): Promise<void> {
    const version = Math.max(0, ...versions.map(({ number }) => number)) + 1;
    const request = { holder: newHolder(), ttlSeconds: LEASE_SECONDS };
    await this.#vault.acquireLease(id, request, [
      ...(journal.attention ? [{ step: "clear-attention" as const }] : []),
      { step: "stage", value, causes: [this.#cause(entry, PASSWORD_FIELD)], accounts: [] },
      { step: "promote", version, verified: false },
      { step: "release" },
    ]);
  }

  /** What of the fields is new; a number that is expected makes it a conflict if somebody else was faster. */
  #puts(entry: SyncEntry, values: ReadValues, before?: Credential): FieldChange[] {
    return [...values].flatMap(([name, value]): FieldChange[] => {
      const kept = entry.values.get(name);
      if (name === PASSWORD_FIELD || !kept) return [];
      const field = before?.fields.find((one) => one.name === name);
      const current = field?.versions.find(({ state }) => state === "current")?.number;
      const other = field !== undefined && field.type !== kept.type;
      const cause = this.#cause(entry, name);
      const expected = before && !other ? { expected: current ?? 0 } : {};
      const put: FieldChange = { change: "put", name, type: kept.type, value, cause, ...expected };
      return other ? [{ change: "remove", name, ...(current ? { expected: current } : {}) }, put] : [put];
    });
  }

  async move(copy: Copy, { path }: Pick<SyncEntry, "path">): Promise<void> {
    const categoryId = this.#places.idOf(path.slice(0, -1));
    const token = this.#ownerOf(copy.entryId).token;
    const moved = await this.#vault.updateCredential(copy.key, { token, name: path.at(-1) ?? "", categoryId });
    this.#credentials.set(copy.key, moved);
  }

  /** Archived: out of the tree, its values readable by id. */
  remove(copy: Copy): Promise<void> {
    return this.#vault.archiveCredential(copy.key, { token: this.#ownerOf(copy.entryId).token });
  }

  async end({ completed }: { completed: boolean }): Promise<void> {
    try {
      if (completed) await this.#places.prune(this.#entries.map(({ path }) => path));
    } finally {
      await this.#record.release();
    }
  }

  async readBack(copies: readonly Copy[]): Promise<Map<string, HeldCopy>> {
    const fields = copies.map(({ versions, foreign }) => [...versions.keys(), ...foreign]);
    const requests = copies.flatMap(({ key }, index) => (fields[index] ?? []).map((field) => ({ id: key, field })));
    const answers = requests.length === 0 ? [] : await this.#vault.readMany(requests);
    const values = new Map(copies.map(({ key }) => [key, new Map<string, Secret>()]));
    for (const answer of answers) {
      if (answer instanceof Error) throw answer;
      values.get(answer.id)?.set(answer.field, answer.value);
    }
    return new Map(
      copies.map(({ key, entryId, fingerprint }) => [entryId, { values: values.get(key) ?? new Map(), fingerprint }]),
    );
  }

  #cause(entry: SyncEntry, field: string): string {
    const version = entry.values.get(field)?.version ?? { number: 0, madeAt: 0 };
    return copyCause({ vaultId: this.#job.source.id, entryId: entry.id, ...version });
  }

  #ownerOf(entryId: string): Owner {
    const key = `${jobKey(this.#job)}/${entryId}`;
    return { key, stack: jobKey(this.#job), token: key };
  }
}

/** Fields that the entry has no more. */
function removals({ values }: SyncEntry, { fields }: Credential): FieldChange[] {
  return fields.flatMap(({ name }): FieldChange[] => (values.has(name) ? [] : [{ change: "remove", name }]));
}

/** The entry that a copy is of, as its own versions say; also by those that aren't current any more. */
function entryIdOf(credential: Credential): string | undefined {
  if (copiedFrom(credential) === undefined) return undefined;
  const causes = [
    ...credential.versions.flatMap(({ causes }) => causes),
    ...[...credential.fields, ...credential.removedFields].flatMap(({ versions }) =>
      versions.map(({ cause }) => cause),
    ),
  ];
  return causes.map(parseCopyCause).find((mark) => mark !== undefined)?.entryId;
}
