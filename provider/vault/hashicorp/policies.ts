import { type Rights, accessOf } from "../access.js";
import type { Category, GrantRole, Principal } from "../port.js";
import { RESERVED } from "../documents/documents.js";

/** What policies are made from. */
export interface PolicyInput {
  /** The vault's own name. */
  vault: string;
  /** Path of the KV engine. */
  mount: string;
  /** Folders in it below which the vault lies. */
  root: readonly string[];
  rights: Omit<Rights, "categories"> & {
    categories: readonly (Rights["categories"][number] & Pick<Category, "path">)[];
  };
  now: Date;
}

/** One policy, as the server takes it. */
export interface PolicyText {
  /** For example `coffre-prod-group-dba`. */
  name: string;
  /** Whose it is: what runs Coffre, or a user or group of the grants. */
  who: "coffre" | Pick<Principal, "id" | "kind" | "name">;
  /** HCL. */
  text: string;
  /** Categories that a policy's paths can't name, since a `+` or `*` in a path is a wildcard. */
  unnamed: string[][];
}

/**
 * The server's policies that the grants in force mean: one for each user and group that has a grant of its own, and
 * Coffre's. Members get a group's by the server's own groups. Text only: nothing is applied.
 *
 * A grant names categories, and so does its policy, one by one: a category that inherits nothing stays closed, and one that
 * is made later is open to nobody until the policies are printed and applied again.
 */
export function policyTexts(input: PolicyInput): PolicyText[] {
  const { rights } = input;
  const granted = new Set(rights.grants.map(({ principalId }) => principalId));
  const own = rights.principals.filter(({ id }) => granted.has(id)).flatMap((principal) => textFor(input, principal));
  return [runnerText(input), ...own];
}

function textFor(input: PolicyInput, principal: Principal): PolicyText[] {
  const { vault, mount, root, rights, now } = input;
  // Only what is granted to the principal itself: who is in a group has the group's policy too.
  const access = accessOf({ ...rights, memberships: [] }, now, new Set([principal.id]));
  const paths = new Map(rights.categories.map(({ id, path }) => [id, path]));
  const open = access.flatMap(({ categoryId, readers }) => {
    const role = readers[0]?.role;
    const path = categoryId === null ? [] : paths.get(categoryId);
    return role && path ? [{ role, path }] : [];
  });
  if (open.length === 0) return [];
  const [named, unnamed] = [open.filter(({ path }) => canName(path)), open.filter(({ path }) => !canName(path))];
  const blocks = named.flatMap(({ role, path }) => {
    const place = [...root, ...path];
    return [
      `# ${path.length === 0 ? "entries of the root" : path.join("/")}: ${roleText(role)}`,
      block([mount, "data", ...place, "+"], ["read"]),
      block([mount, "metadata", ...place, ""], ["list"]),
    ];
  });
  const { id, kind, name } = principal;
  return [
    {
      name: `coffre-${vault}-${kind}-${slug(name)}`,
      who: { id, kind, name },
      text: blocks.join("\n"),
      unnamed: unnamed.map(({ path }) => path),
    },
  ];
}

/** What Coffre itself needs: programs, pipelines, and people who use the `coffre` command. */
function runnerText({ vault, mount, root }: PolicyInput): PolicyText {
  const data = [mount, "data", ...root];
  const metadata = [mount, "metadata", ...root];
  const text = [
    "# What the mount is set to: Coffre refuses one that would lose versions.",
    block([mount, "config"], ["read"]),
    `# Entries, and Coffre's own documents below ${RESERVED}.`,
    block([...data, "*"], ["create", "read", "update", "patch"]),
    block([...metadata, "*"], ["create", "read", "update", "delete", "list"]),
    ...(root.length === 0 ? [block([mount, "metadata", ""], ["list"])] : [block([...metadata, ""], ["list"])]),
    "# Copies of another vault's entries that `coffre sync` takes away: hidden, and kept.",
    block([mount, "delete", ...root, "*"], ["create", "update"]),
    "# Its own token: to renew it, and to tell an expired one from a path that it may not see.",
    block(["auth", "token", "lookup-self"], ["read"]),
    block(["auth", "token", "renew-self"], ["update"]),
  ];
  return { name: `coffre-${vault}-runner`, who: "coffre", text: text.join("\n"), unnamed: [] };
}

/** Changes by hand of what people read are overwritten by the next rotation, so no role may write there. */
function roleText(role: GrantRole): string {
  return role === "reader" ? "reader" : `${role}, who changes entries through Coffre`;
}

function block(path: readonly string[], capabilities: readonly string[]): string {
  const list = capabilities.map((capability) => `"${capability}"`).join(", ");
  return `path ${JSON.stringify(path.join("/"))} {\n  capabilities = [${list}]\n}`;
}

function canName(path: readonly string[]): boolean {
  // `+` is one whole name, `*` any end; a quote and `${` would be HCL's own.
  return path.every((name) => name !== "+" && !/[*"\\]|\$\{|%\{|\{\{/.test(name));
}

function slug(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}
