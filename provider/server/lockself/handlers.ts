import type { RouteName } from "../../vault/lockself/routes.js";
import { createCategory, deleteCategory, listCategories, readCategory, updateCategory } from "./categories.js";
import {
  createCredential,
  decryptCredential,
  deleteCredential,
  listCredentials,
  readCredential,
  readHistory,
  updateCredential,
} from "./credentials.js";
import { createExport } from "./export/export-routes.js";
import type { Handler } from "./front.js";
import { listLogs } from "./logs.js";
import { listOrganizations, readOrganization } from "./organizations.js";
import { addAccess, listAccess, removeAccess, updateAccess } from "./people/access.js";
import {
  addMember,
  createGroup,
  deleteGroup,
  listGroups,
  readGroup,
  removeMember,
  updateGroup,
} from "./people/groups.js";
import { readUserRights } from "./people/user-rights.js";
import { createUser, deleteUser, listUsers, readUser, updateUser } from "./people/users.js";
import { uploadTransfer } from "./transfers/transfer-upload.js";
import { createPolicy, deletePolicy, listPolicies, readPolicy, updatePolicy } from "./policies/policies.js";

/**
 * Routes of the table that this server doesn't serve: they answer 404. Entries have no owner here who could change
 * (`credentials.own`); drop-boxes, and transfers but those with a password, are no part of the vault.
 */
export const NOT_SERVED = [
  "credentials.own",
  "deposits.list",
  "deposits.create",
  "deposits.read",
  "deposits.update",
  "deposits.delete",
  "deposits.report",
  "deposits.files.list",
  "deposits.files.add",
  "transfers.list",
  "transfers.create",
  "transfers.email",
  "transfers.read",
  "transfers.archive",
] as const satisfies readonly RouteName[];

export type ServedRoute = Exclude<RouteName, (typeof NOT_SERVED)[number]>;

export function isServed(name: RouteName): name is ServedRoute {
  return !(NOT_SERVED as readonly RouteName[]).includes(name);
}

/** What answers each route that is served. */
export const HANDLERS: Readonly<Record<ServedRoute, Handler>> = {
  "credentials.list": listCredentials,
  "credentials.create": createCredential,
  "credentials.decrypt": decryptCredential,
  "credentials.read": readCredential,
  "credentials.update": updateCredential,
  "credentials.delete": deleteCredential,
  "credentials.history": readHistory,
  "categories.list": listCategories,
  "categories.create": createCategory,
  "categories.read": readCategory,
  "categories.update": updateCategory,
  "categories.delete": deleteCategory,
  "categories.users.list": listAccess("user"),
  "categories.users.add": addAccess("user"),
  "categories.users.update": updateAccess("user"),
  "categories.users.remove": removeAccess("user"),
  "categories.groups.list": listAccess("group"),
  "categories.groups.add": addAccess("group"),
  "categories.groups.update": updateAccess("group"),
  "categories.groups.remove": removeAccess("group"),
  "password-policies.list": listPolicies,
  "password-policies.create": createPolicy,
  "password-policies.read": readPolicy,
  "password-policies.update": updatePolicy,
  "password-policies.delete": deletePolicy,
  "users.list": listUsers,
  "users.create": createUser,
  "users.read": readUser,
  "users.update": updateUser,
  "users.delete": deleteUser,
  "users.rights": readUserRights,
  "groups.list": listGroups,
  "groups.create": createGroup,
  "groups.read": readGroup,
  "groups.update": updateGroup,
  "groups.delete": deleteGroup,
  "groups.users.add": addMember,
  "groups.users.remove": removeMember,
  "organizations.list": listOrganizations,
  "organizations.read": readOrganization,
  "export.token": createExport,
  "logs.list": listLogs,
  "transfers.password": uploadTransfer,
  "transfers.password.api": uploadTransfer,
};
