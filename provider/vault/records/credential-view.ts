import type { Credential, Field } from "../port.js";
import { statusOf } from "../journal.js";
import { carriesToken, type Keyed } from "./owner.js";
import type { CredentialRow, FieldRow } from "./rows.js";
import type { Tree } from "./tree.js";

/** Names of the categories and, last, its own; of an archived entry the path that it had. */
export function pathOf(tree: Tree, row: Readonly<CredentialRow>): string[] {
  return row.archived ? [...row.archived.path] : [...tree.path(row.categoryId), row.name];
}

/** A row as the port shows it: without the digests of its owner, with path and status. */
export function viewCredential(tree: Tree, keyed: Keyed, row: CredentialRow): Credential {
  const { owner, archived, fields = [], ...shown } = row;
  const views = fields.map(viewField);
  return {
    leaving: [],
    notify: [],
    notices: [],
    ...shown,
    fields: views.filter(({ removedAt }) => removedAt === undefined),
    removedFields: views.filter(({ removedAt }) => removedAt !== undefined),
    path: pathOf(tree, row),
    owned: owner !== undefined,
    hasToken: async (token) => carriesToken(keyed, row, token),
    status: rowStatus(row),
    ...(archived === undefined ? {} : { archivedAt: archived.at }),
    ...(archived?.supersededBy === undefined ? {} : { supersededBy: archived.supersededBy }),
  };
}

function viewField({ id: _id, ...field }: FieldRow): Field {
  return field;
}

/** The one word that readers see. */
export function rowStatus(row: Readonly<CredentialRow>): Credential["status"] {
  const { versions, journal, valueManagedBy, archived } = row;
  return statusOf({
    versions,
    journal,
    valueManagedBy,
    ...(archived === undefined ? {} : { archivedAt: archived.at }),
  });
}
