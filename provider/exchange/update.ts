import { PASSWORD_FIELD } from "../core/field.js";
import { newHolder } from "../rotation/holder.js";
import type { Credential, FieldChange, Vault } from "../vault/port.js";
import { currentOf, type ExchangeEntry } from "./entry.js";
import { readCredentials } from "./read-vault.js";
import type { CauseOf } from "./write-vault.js";

const LEASE_SECONDS = 60;

/**
 * Brings an entry to what the file says of it: what differs becomes a new version, earlier ones stay in the history, and
 * what the file doesn't speak of stays.
 */
export async function updateEntry(
  vault: Vault,
  credential: Credential,
  wanted: ExchangeEntry,
  causeOf: CauseOf,
): Promise<void> {
  const [there] = await readCredentials(vault, [credential], { history: false });
  const { username, url, description, tags } = wanted;
  const differs = (field: string) =>
    currentOf(wanted, field)?.value.reveal() !== (there && currentOf(there.entry, field)?.value.reveal());
  const fields = wanted.values.flatMap(({ field }): FieldChange[] => {
    const now = currentOf(wanted, field);
    if (field === PASSWORD_FIELD || !now || !differs(field)) return [];
    const before = credential.fields.find(({ name }) => name === field);
    const put: FieldChange = {
      change: "put",
      name: field,
      type: now.type,
      value: now.value,
      cause: causeOf(wanted, field, 1),
    };
    return before && before.type !== now.type ? [{ change: "remove", name: field }, put] : [put];
  });
  await vault.updateCredential(credential.id, {
    ...(username === undefined ? {} : { username }),
    ...(url === undefined ? {} : { url }),
    ...(description === undefined ? {} : { description }),
    ...(tags.length === 0 ? {} : { tags: [...new Set([...credential.tags, ...tags])] }),
    fields,
  });
  const password = currentOf(wanted, PASSWORD_FIELD);
  if (!password || !differs(PASSWORD_FIELD)) return;
  const version = Math.max(0, ...credential.versions.map(({ number }) => number)) + 1;
  await vault.acquireLease(credential.id, { holder: newHolder(), ttlSeconds: LEASE_SECONDS }, [
    ...(credential.journal.attention ? [{ step: "clear-attention" as const }] : []),
    { step: "stage", value: password.value, causes: [causeOf(wanted, PASSWORD_FIELD, 1)], accounts: [] },
    { step: "promote", version, verified: false },
    { step: "release" },
  ]);
}
