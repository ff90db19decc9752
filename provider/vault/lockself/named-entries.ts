import type { Api } from "./api.js";
import { type CredentialBody, type CredentialItem, type CredentialValue, LONGEST_NOTE } from "./messages.js";

/** The mark in `opt3` of every entry that is Coffre's: the credential that it belongs to, and its owner's mark. */
const MARK = /^coffre (?<id>cr_[A-Za-z0-9_-]+)(?: [0-9a-f]{32})?$/;

/** What an entry that people read says: all of it, since an update sends all. */
export type EntryContent = Required<
  Pick<CredentialBody, "name" | "username" | "domain" | "description" | "opt1" | "opt2" | "opt3">
> & { password: string; tags: string };

export function markOf(id: string, ownerMark: string | undefined): string {
  return ownerMark === undefined ? `coffre ${id}` : `coffre ${id} ${ownerMark}`;
}

/** The credential that an entry says it belongs to; `undefined` for one that isn't Coffre's. */
export function ownerOf({ opt3 }: Pick<CredentialValue, "opt3">): string | undefined {
  return MARK.exec(opt3)?.groups?.["id"];
}

/** A note that may be longer in Coffre than LockSelf takes. */
export function cutNote(text: string): string {
  return [...text].length <= LONGEST_NOTE ? text : `${[...text].slice(0, LONGEST_NOTE - 1).join("")}…`;
}

/** The entries of one name in a category, in clear. Lists hold no marks, so only these are decrypted. */
export async function decryptNamed(api: Api, categoryId: number, name: string): Promise<CredentialValue[]> {
  const items = await api.listCredentials(categoryId);
  return decryptAll(
    api,
    items.filter((item) => item.name === name),
  );
}

export async function decryptAll(api: Api, items: readonly CredentialItem[]): Promise<CredentialValue[]> {
  const values = await Promise.all(items.map(({ id }) => api.decrypt(id)));
  return values.flatMap((value) => value ?? []);
}

/** True if an entry says this already. */
export function says(value: CredentialValue, content: EntryContent): boolean {
  const { opt2: _ours, opt1: _other, ...rest } = content;
  return Object.entries(rest).every(([key, text]) => value[key as keyof typeof rest] === text); // its own keys
}
