import { CoffreError } from "../../core/errors.js";

/**
 * How sure a route is. `documented`: by the vendor's help centre. `seen`: in a public client's code. `inferred`: from one
 * of those. `assumed`: that the operation exists is documented, its path is our proposal.
 */
export type Certainty = "documented" | "seen" | "inferred" | "assumed";

export type RouteMethod = "GET" | "POST" | "PUT" | "DELETE";

/** One operation of LockSelf's REST API. */
export interface Route {
  method: RouteMethod;
  /** Below the host; `{name}` stands for a parameter, which is encoded. */
  path: string;
  certainty: Certainty;
  /** Parameters of the query, by name. */
  query?: readonly string[];
  /** Fields of the body, by name: JSON or a form. */
  body?: readonly string[];
}

const PAGE = ["page", "limit"] as const;
const CREDENTIAL = [
  "categoryId",
  "name",
  "password",
  "username",
  "domain",
  "description",
  "opt1",
  "opt2",
  "opt3",
  "tags",
  "isAlert",
  "totp",
] as const;
const CATEGORY = ["name", "parentId", "expirationDate", "passwordPolicyId", "allowPasswordCreation"] as const;
const ACCESS = ["isManager", "expirationDate"] as const;
const POLICY = ["name", "minLength", "maxLength", "uppercase", "lowercase", "digits", "special"] as const;
const USER = ["firstName", "lastName", "email", "organizationId", "expirationDate", "isExternal", "role"] as const;
const DEPOSIT = [
  "name",
  "description",
  "recipients",
  "expirationDate",
  "archiveDate",
  "isPartitioned",
  "downloadAlert",
  "depositAlert",
  "isActive",
  "phones",
] as const;
const CHUNK = ["uuid", "totalSize", "totalChunkCount", "chunkIndex"] as const;
const TRANSFER = [...CHUNK, "maxDl", "expirationDate", "ackReceipt", "description"] as const;

/**
 * The one table of LockSelf's routes: the client sends by it, the server's front answers by it, and the setting
 * `lockselfRoutes` corrects single ones. The vendor publishes no reference, so each row says how sure it is.
 */
export const LOCKSELF_ROUTES = {
  "credentials.list": {
    method: "GET",
    path: "/api-key/credentials",
    certainty: "documented",
    query: ["categoryId", ...PAGE],
  },
  "credentials.create": { method: "POST", path: "/api-key/credentials", certainty: "documented", body: CREDENTIAL },
  "credentials.decrypt": { method: "GET", path: "/api-key/credentials/{id}/decrypt", certainty: "assumed" },
  "credentials.read": { method: "GET", path: "/api-key/credentials/{id}", certainty: "assumed" },
  "credentials.update": { method: "PUT", path: "/api-key/credentials/{id}", certainty: "assumed", body: CREDENTIAL },
  "credentials.delete": { method: "DELETE", path: "/api-key/credentials/{id}", certainty: "assumed" },
  "credentials.history": { method: "GET", path: "/api-key/credentials/{id}/history", certainty: "assumed" },
  "credentials.own": { method: "POST", path: "/api-key/credentials/{id}/own", certainty: "assumed" },

  "categories.list": {
    method: "GET",
    path: "/api-key/categories",
    certainty: "assumed",
    query: ["organizationId", ...PAGE],
  },
  "categories.create": { method: "POST", path: "/api-key/categories", certainty: "assumed", body: CATEGORY },
  "categories.read": { method: "GET", path: "/api-key/categories/{id}", certainty: "assumed" },
  "categories.update": { method: "PUT", path: "/api-key/categories/{id}", certainty: "assumed", body: CATEGORY },
  "categories.delete": { method: "DELETE", path: "/api-key/categories/{id}", certainty: "assumed" },
  "categories.users.list": { method: "GET", path: "/api-key/categories/{id}/users", certainty: "assumed", query: PAGE },
  "categories.users.add": {
    method: "POST",
    path: "/api-key/categories/{id}/users",
    certainty: "assumed",
    body: ["userId", "email", ...ACCESS],
  },
  "categories.users.update": {
    method: "PUT",
    path: "/api-key/categories/{id}/users/{userId}",
    certainty: "assumed",
    body: ACCESS,
  },
  "categories.users.remove": {
    method: "DELETE",
    path: "/api-key/categories/{id}/users/{userId}",
    certainty: "assumed",
  },
  "categories.groups.list": {
    method: "GET",
    path: "/api-key/categories/{id}/groups",
    certainty: "assumed",
    query: PAGE,
  },
  "categories.groups.add": {
    method: "POST",
    path: "/api-key/categories/{id}/groups",
    certainty: "assumed",
    body: ["groupId", ...ACCESS],
  },
  "categories.groups.update": {
    method: "PUT",
    path: "/api-key/categories/{id}/groups/{groupId}",
    certainty: "assumed",
    body: ACCESS,
  },
  "categories.groups.remove": {
    method: "DELETE",
    path: "/api-key/categories/{id}/groups/{groupId}",
    certainty: "assumed",
  },

  "password-policies.list": { method: "GET", path: "/api-key/password-policies", certainty: "assumed", query: PAGE },
  "password-policies.create": {
    method: "POST",
    path: "/api-key/password-policies",
    certainty: "assumed",
    body: POLICY,
  },
  "password-policies.read": { method: "GET", path: "/api-key/password-policies/{id}", certainty: "assumed" },
  "password-policies.update": {
    method: "PUT",
    path: "/api-key/password-policies/{id}",
    certainty: "assumed",
    body: POLICY,
  },
  "password-policies.delete": { method: "DELETE", path: "/api-key/password-policies/{id}", certainty: "assumed" },

  "users.list": { method: "GET", path: "/api-key/users", certainty: "assumed", query: ["organizationId", ...PAGE] },
  "users.create": { method: "POST", path: "/api-key/users", certainty: "assumed", body: USER },
  "users.read": { method: "GET", path: "/api-key/users/{id}", certainty: "assumed" },
  "users.update": { method: "PUT", path: "/api-key/users/{id}", certainty: "assumed", body: [...USER, "isBlocked"] },
  "users.delete": { method: "DELETE", path: "/api-key/users/{id}", certainty: "assumed" },
  "users.rights": { method: "GET", path: "/api-key/users/{id}/rights", certainty: "assumed" },
  "groups.list": { method: "GET", path: "/api-key/groups", certainty: "assumed", query: PAGE },
  "groups.create": { method: "POST", path: "/api-key/groups", certainty: "assumed", body: ["name"] },
  "groups.read": { method: "GET", path: "/api-key/groups/{id}", certainty: "assumed" },
  "groups.update": { method: "PUT", path: "/api-key/groups/{id}", certainty: "assumed", body: ["name"] },
  "groups.delete": { method: "DELETE", path: "/api-key/groups/{id}", certainty: "assumed" },
  "groups.users.add": { method: "PUT", path: "/api-key/groups/{id}/users/{userId}", certainty: "assumed" },
  "groups.users.remove": { method: "DELETE", path: "/api-key/groups/{id}/users/{userId}", certainty: "assumed" },
  "organizations.list": { method: "GET", path: "/api-key/organizations", certainty: "assumed", query: PAGE },
  "organizations.read": { method: "GET", path: "/api-key/organizations/{id}", certainty: "assumed" },

  "export.token": {
    method: "POST",
    path: "/api-key/download/generate/token",
    certainty: "seen",
    body: ["method", "organizationId", "zipPassword"],
  },
  "logs.list": {
    method: "GET",
    path: "/api-key/logs/content",
    certainty: "seen",
    query: ["dateIn", "dateOut", "organizationId", "limit", "offset"],
  },

  "deposits.list": { method: "GET", path: "/api-key/deposits", certainty: "assumed", query: PAGE },
  "deposits.create": { method: "POST", path: "/api-key/deposits", certainty: "assumed", body: DEPOSIT },
  "deposits.read": { method: "GET", path: "/api-key/deposits/{id}", certainty: "assumed" },
  "deposits.update": { method: "PUT", path: "/api-key/deposits/{id}", certainty: "assumed", body: DEPOSIT },
  "deposits.delete": { method: "DELETE", path: "/api-key/deposits/{id}", certainty: "assumed" },
  "deposits.report": { method: "GET", path: "/api-key/deposits/{id}/report", certainty: "assumed" },
  "deposits.files.list": { method: "GET", path: "/api-key/deposits/{id}/files", certainty: "assumed", query: PAGE },
  "deposits.files.add": { method: "POST", path: "/api-key/deposits/{id}/files", certainty: "assumed", body: CHUNK },
  "transfers.password": {
    method: "POST",
    path: "/api/transfers/password",
    certainty: "seen",
    body: [...TRANSFER, "password", "phones", "isOutlook"],
  },
  "transfers.password.api": {
    method: "POST",
    path: "/api-key/transfers/password",
    certainty: "inferred",
    body: [...TRANSFER, "password", "phones"],
  },
  "transfers.list": { method: "GET", path: "/api-key/transfers", certainty: "assumed", query: PAGE },
  "transfers.create": { method: "POST", path: "/api-key/transfers", certainty: "assumed", body: TRANSFER },
  "transfers.email": {
    method: "POST",
    path: "/api-key/transfers/email",
    certainty: "assumed",
    body: [...TRANSFER, "recipients"],
  },
  "transfers.read": { method: "GET", path: "/api-key/transfers/{id}", certainty: "assumed" },
  "transfers.archive": { method: "DELETE", path: "/api-key/transfers/{id}", certainty: "assumed" },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof LOCKSELF_ROUTES;

/** The names of all routes. */
export const ROUTE_NAMES = Object.keys(LOCKSELF_ROUTES) as RouteName[]; // its own keys

const METHODS: readonly string[] = ["GET", "POST", "PUT", "DELETE"] satisfies RouteMethod[];

/**
 * The table with what the setting `lockselfRoutes` corrects: `{"credentials.decrypt": "GET /api-key/credentials/{id}/show"}`.
 * @throws CoffreError CONFIGURATION for a name that isn't in the table, or what is no method and path
 */
export function correctRoutes(corrections: Readonly<Record<string, string>>): Readonly<Record<RouteName, Route>> {
  const routes: Record<RouteName, Route> = { ...LOCKSELF_ROUTES };
  for (const [name, text] of Object.entries(corrections)) {
    const route = ROUTE_NAMES.find((known) => known === name);
    if (route === undefined) {
      throw new CoffreError("CONFIGURATION", `lockselfRoutes names ${JSON.stringify(name)}, which is no route`, {
        hint: `Known are ${ROUTE_NAMES.join(", ")}.`,
      });
    }
    const [, method = "", path = ""] = /^([A-Z]+) (\/[!-~]*)$/.exec(text) ?? [];
    const parameters = (of: string) => [...of.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter).join(" ");
    if (!METHODS.includes(method) || parameters(path) !== parameters(LOCKSELF_ROUTES[route].path)) {
      throw new CoffreError("CONFIGURATION", `lockselfRoutes has no method and path for ${route}`, {
        hint: `Write it as the table has it: ${LOCKSELF_ROUTES[route].method} ${LOCKSELF_ROUTES[route].path}.`,
      });
    }
    routes[route] = { ...routes[route], method: method as RouteMethod, path }; // one of METHODS
  }
  return routes;
}
