import { CoffreError } from "../core/errors.js";
import type { PasswordPolicy } from "../core/policy.js";
import { referenceOf, resolveReference } from "../rotation/resolve-reference.js";
import {
  type Category,
  type Credential,
  type Principal,
  type PrincipalKind,
  usernameOf,
  type Vault,
} from "../vault/port.js";
import { factsOf } from "./credential/state.js";
import type { CredentialProgress } from "./credential/schema.js";

/** Where a lookup looks. */
export interface LookupPlace {
  vault: Vault;
  /** Names of the category from which paths are counted (`coffre:rootCategory`); empty for the root. */
  rootCategory: readonly string[];
}

/** What a program is told of a credential: everything but values. */
export interface GetCredentialResult {
  id: string;
  name: string;
  /** Names from the root down, with `/` between them. */
  path: string;
  categoryId: string | undefined;
  /** Of the version in force. */
  username: string | undefined;
  url: string | undefined;
  description: string | undefined;
  tags: string[];
  /** `coffre://<vault>/<category path>/<name>`. */
  ref: string;
  /** `coffre://<vault>/id/<id>`, which survives renames and moves. */
  idRef: string;
  /** The number of the version in force; none while there is no value yet. */
  currentVersion: number | undefined;
  status: CredentialProgress;
}

/** What a program is told of a category. */
export interface GetCategoryResult {
  id: string;
  name: string;
  /** Names from the root down, with `/` between them. */
  path: string;
  parentId: string | undefined;
  description: string | undefined;
  /** Its own policy only. */
  passwordPolicy: PasswordPolicy | undefined;
  /** False if grants on categories above end here. */
  inheritGrants: boolean;
  /** True if only managers change something in it; one above it may be read-only too. */
  readOnly: boolean;
  /** When grants end in it, ISO 8601, UTC; one above it may end sooner. */
  expiresAt: string | undefined;
}

/** What a program is told of a group. */
export interface GetGroupResult {
  id: string;
  name: string;
  displayName: string | undefined;
}

/** What a program is told of a user. */
export interface GetUserResult extends GetGroupResult {
  email: string | undefined;
  /** ISO 8601, UTC. */
  expiresAt: string | undefined;
}

type Query = Readonly<Record<string, unknown>>;

/** @throws CoffreError INVALID_INPUT; NOT_FOUND; WRONG_VAULT for a reference to another vault */
export async function lookUpCredential(place: LookupPlace, query: Query): Promise<GetCredentialResult> {
  const { vault } = place;
  const { by, text } = pick("getCredential", query, ["path", "ref", "id"]);
  const credential = await findCredential(place, by, text);
  if (credential?.archivedAt !== undefined) {
    throw new CoffreError("NOT_FOUND", `The credential ${text} is archived`, {
      hint: "`adopt` of a Credential brings it back.",
    });
  }
  if (!credential) throw absent("credential", text);
  const identity = await vault.identity();
  const { ref, currentVersion, status } = factsOf(identity, credential);
  const { id, name, path, categoryId, url, description, tags } = credential;
  return {
    id,
    name,
    path: path.join("/"),
    categoryId: categoryId ?? undefined,
    username: usernameOf(credential),
    url,
    description,
    tags,
    ref,
    idRef: referenceOf(identity, credential).idRef,
    currentVersion,
    status,
  };
}

async function findCredential(place: LookupPlace, by: string, text: string): Promise<Credential | undefined> {
  if (by === "id") return place.vault.readCredential(text);
  if (by === "ref") return resolveReference(place.vault, text);
  return place.vault.findCredential(pathOf(place, text));
}

/** @throws CoffreError INVALID_INPUT, NOT_FOUND */
export async function lookUpCategory(place: LookupPlace, query: Query): Promise<GetCategoryResult> {
  const { by, text } = pick("getCategory", query, ["path", "id"]);
  const category: Category | undefined =
    by === "id" ? await place.vault.readCategory(text) : await place.vault.findCategory(pathOf(place, text));
  if (!category) throw absent("category", text);
  const { id, name, path, parentId, description, policy, inheritGrants, readOnly = false, expiresAt } = category;
  return {
    id,
    name,
    path: path.join("/"),
    parentId: parentId ?? undefined,
    description,
    passwordPolicy: policy,
    inheritGrants,
    readOnly,
    expiresAt,
  };
}

/** @throws CoffreError INVALID_INPUT, NOT_FOUND */
export async function lookUpGroup(place: LookupPlace, query: Query): Promise<GetGroupResult> {
  const { id, name, displayName } = await lookUpPrincipal("group", "getGroup", place, query);
  return { id, name, displayName };
}

/** @throws CoffreError INVALID_INPUT, NOT_FOUND */
export async function lookUpUser(place: LookupPlace, query: Query): Promise<GetUserResult> {
  const { id, name, displayName, email, expiresAt } = await lookUpPrincipal("user", "getUser", place, query);
  return { id, name, displayName, email, expiresAt };
}

async function lookUpPrincipal(
  kind: PrincipalKind,
  called: string,
  { vault }: LookupPlace,
  query: Query,
): Promise<Principal> {
  if (vault.capabilities.grants === "none") {
    throw new CoffreError("NOT_SUPPORTED", "This vault has no users and groups of its own");
  }
  const { by, text } = pick(called, query, ["name", "id"]);
  const found = by === "id" ? await vault.people.readPrincipal(text) : await vault.people.findPrincipal(kind, text);
  if (found?.kind === kind) return found;
  throw absent(kind, text);
}

/** The one thing by which is looked. The text itself is a name, never a value. @throws CoffreError INVALID_INPUT */
function pick(called: string, query: Query, ways: readonly string[]): { by: string; text: string } {
  const chosen = ways.filter((way) => query[way] !== undefined && query[way] !== null);
  const [by, second] = chosen;
  const text = by === undefined ? undefined : query[by];
  if (by !== undefined && second === undefined && typeof text === "string" && text !== "") return { by, text };
  const last = ways.at(-1) ?? "";
  throw new CoffreError(
    "INVALID_INPUT",
    `${called} takes one of ${ways.slice(0, -1).join(", ")} and ${last}, as a text`,
    {
      hint: chosen.length > 1 ? `Leave out all but one: here are ${chosen.join(" and ")}.` : "Give one of them.",
    },
  );
}

/** @throws CoffreError INVALID_INPUT */
function pathOf({ rootCategory }: LookupPlace, text: string): string[] {
  const names = text.split("/");
  if (names.every((name) => name !== "")) return [...rootCategory, ...names];
  throw new CoffreError("INVALID_INPUT", `The path ${JSON.stringify(text)} has an empty name in it`, {
    hint: "Write names with one slash between them and none at the ends: Production/Databases.",
  });
}

function absent(what: string, text: string): CoffreError {
  return new CoffreError("NOT_FOUND", `There is no ${what} ${JSON.stringify(text)}`, {
    hint: "If this program makes it, look it up by an output of its resource, or give dependsOn.",
  });
}
