import { isDeepStrictEqual } from "node:util";
import { newId } from "../../core/id.js";
import type {
  Grant,
  GrantInput,
  Owner,
  Place,
  PlacedCategoryPatch,
  TreeCategory,
  TreeChange,
  VaultTree,
} from "../../vault/port.js";
import type { TreeCopy } from "./copies.js";
import { type Move, orderMoves } from "./moves.js";
import type { TreeGrant } from "./schema.js";
import type { TemplateNode } from "./template.js";
import { categoryWords, grantWords } from "./words.js";

/** What is to be: copies of a template below a category. */
export interface Wanted {
  parentId: string | null;
  copies: readonly TreeCopy[];
  nodes: readonly TemplateNode[];
  /** Takes over what has the name already. */
  adopt: boolean;
  /** Names of hooks that are told of each new copy. */
  hooks: readonly string[];
  /** ISO 8601, UTC. */
  now: string;
  /** Whose the categories are. */
  owner: Omit<Owner, "part">;
  /** The name of a user or group, for people. */
  nameOf: (principalId: string) => string;
}

export interface CopyPlan {
  copy: TreeCopy;
  /** Its top, if that is there. */
  topId?: string;
  /** What is renamed or moved to a place that is there. */
  moves: Move[];
  /** After the moves, in order; `made` counts from the first of these. */
  changes: TreeChange[];
  /** What would change, and whoever runs this may not change: paths within the copy. */
  closed: string[];
  /** What becomes of it, in short texts; the same for copies that change in the same way. */
  words: string[];
}

export interface TreePlan {
  copies: CopyPlan[];
  /** Those of all copies, each after the one that frees its place. */
  moves: readonly Move[];
  /** What the resource made, and isn't wanted any more. */
  surplus: TreeCategory[];
}

/**
 * Compares what is to be with what is there, and asks nobody. A copy is what its template is: what people changed is set back.
 * @throws CoffreError CONFLICT for categories that trade places
 */
export function planTree(wanted: Wanted, made: VaultTree): TreePlan {
  const planner = new Planner(wanted, made);
  const copies = planner.matched.map(({ copy, key }) => planner.plan(copy, key));
  const moves = orderMoves(copies.flatMap((copy) => copy.moves));
  return { copies, moves, surplus: made.categories.filter(({ id }) => !planner.used.has(id)) };
}

class Planner {
  readonly used = new Set<string>();
  /** Each copy with the key under which it stands: an earlier one, where a copy of its name was given another key since. */
  readonly matched: readonly { copy: TreeCopy; key: string }[];
  readonly #wanted: Wanted;
  readonly #rows: ReadonlyMap<string, TreeCategory>;
  readonly #grants: ReadonlyMap<string | null, Grant[]>;
  /** Ids of those that whoever asks may not change. */
  readonly #closed: ReadonlySet<Place>;
  /** Those that nothing wanted is known by, by where they stand. */
  readonly #left: ReadonlyMap<string, TreeCategory>;

  constructor(wanted: Wanted, { categories, grants }: VaultTree) {
    this.#wanted = wanted;
    this.#rows = new Map(categories.map((row) => [row.part ?? "", row]));
    this.#grants = Map.groupBy(grants, ({ categoryId }) => categoryId);
    this.#closed = new Set(categories.flatMap(({ id, closed }) => (closed ? [id] : [])));
    this.matched = this.#match();
    const known = new Set(this.matched.flatMap(({ key }) => wanted.nodes.map((node) => partOf(key, node))));
    const left = categories.filter(({ part }) => !known.has(part ?? ""));
    this.#left = new Map(left.map((row) => [`${row.parentId ?? ""}/${row.name}`, row]));
  }

  /** A node that was given another key is found by its name, with all that stands in it. */
  #leftAt(place: Place, name: string): TreeCategory | undefined {
    return typeof place === "string" ? this.#left.get(`${place}/${name}`) : undefined;
  }

  #match(): { copy: TreeCopy; key: string }[] {
    const { copies, parentId } = this.#wanted;
    const keys = new Set(copies.map(({ key }) => key));
    const left = [...this.#rows].filter(([part]) => !part.includes("/") && !keys.has(part));
    const byName = new Map(left.filter(([, row]) => row.parentId === parentId).map(([part, { name }]) => [name, part]));
    return copies.map((copy) => {
      const known = this.#rows.has(copy.key) ? undefined : byName.get(copy.name);
      return { copy, key: known ?? copy.key };
    });
  }

  plan(copy: TreeCopy, key: string): CopyPlan {
    const { parentId, nodes } = this.#wanted;
    const topRow = this.#rows.get(key);
    const out: CopyPlan = {
      copy,
      moves: [],
      changes: [],
      closed: [],
      words: [],
      ...(topRow ? { topId: topRow.id } : {}),
    };
    const places: Place[] = [];
    for (const node of nodes) {
      const place: Place = node.parent < 0 ? parentId : (places[node.parent] ?? null);
      const name = node.parent < 0 ? copy.name : node.name;
      const row = this.#rows.get(partOf(key, node)) ?? (node.parent < 0 ? undefined : this.#leftAt(place, name));
      const owner = { ...this.#wanted.owner, part: partOf(copy.key, node) };
      let isChanged = true;
      if (row) {
        this.used.add(row.id);
        isChanged = this.#planChange(node, row, { name, parentId: place, owner }, out);
        places.push(row.id);
      } else {
        places.push({ made: out.changes.length });
        out.changes.push(this.#creation(node, { name, parentId: place, owner }));
        out.words.push(`+ ${node.path || "its top"}`);
      }
      const known = out.changes.length;
      this.#planGrants(node, row, places.at(-1) ?? null, out);
      if ((isChanged || out.changes.length > known) && this.#closed.has(row?.id ?? place)) out.closed.push(node.path);
    }
    const added = out.words.filter((word) => word.startsWith("+")).length;
    if (topRow === undefined && added >= nodes.length) {
      out.words = [`new, ${nodes.length === 1 ? "one category" : `${nodes.length} categories`}`];
    }
    return out;
  }

  /** @returns whether anything changes, be it only by which key it is known */
  #planChange(
    node: TemplateNode,
    row: TreeCategory,
    { name, parentId, owner }: { name: string; parentId: Place; owner: Owner },
    out: CopyPlan,
  ): boolean {
    const { patch, said } = patchOf(row, { ...node, name, parentId });
    const marks = row.part === owner.part ? {} : { owner };
    if (lastKey(row.part) !== lastKey(owner.part)) said.push("known by another key");
    if (said.length > 0) out.words.push(`~ ${node.path || "its top"}: ${said.join(", ")}`);
    const isChanged = Object.keys(patch).length > 0;
    if (!isChanged && !("owner" in marks)) return false;
    const change = {
      change: "update-category",
      id: row.id,
      patch: { ...patch, ...marks, ...this.#proof },
    } satisfies TreeChange;
    const isMoved = patch.name !== undefined || patch.parentId !== undefined;
    // What goes into something new can't go before that is there.
    if (isMoved && !isMade(parentId)) out.moves.push({ change, row, to: { parentId, name }, copyName: out.copy.name });
    else out.changes.push(change);
    return true;
  }

  get #proof(): { token: string } {
    return { token: this.#wanted.owner.token };
  }

  #creation(
    node: TemplateNode,
    { name, parentId, owner }: { name: string; parentId: Place; owner: Owner },
  ): TreeChange {
    const { adopt, hooks, now } = this.#wanted;
    const { description, policy, inheritGrants, readOnly, expiresAt } = node;
    const notices = node.parent < 0 ? hooks.map((hook) => ({ id: newId("msg_"), hook, at: now })) : [];
    return {
      change: "create-category",
      input: {
        name,
        parentId,
        owner,
        ...(description === undefined ? {} : { description }),
        ...(policy === undefined ? {} : { policy }),
        ...(inheritGrants ? {} : { inheritGrants }),
        ...(readOnly ? { readOnly } : {}),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      },
      ...(adopt ? { adopt } : {}),
      ...(notices.length === 0 ? {} : { notices }),
    };
  }

  #planGrants(
    node: TemplateNode,
    row: TreeCategory | undefined,
    place: Place,
    out: Pick<CopyPlan, "changes" | "words">,
  ) {
    const { adopt, owner, nameOf } = this.#wanted;
    const there = new Map((row ? (this.#grants.get(row.id) ?? []) : []).map((grant) => [grant.principalId, grant]));
    const where = node.path || "its top";
    const wanted = new Set(node.grants.map(({ principalId }) => principalId));
    for (const grant of there.values()) {
      if (wanted.has(grant.principalId)) continue;
      out.changes.push({ change: "delete-grant", id: grant.id, proof: this.#proof });
      out.words.push(`~ ${where}: no grant to ${nameOf(grant.principalId)}`);
    }
    for (const grant of node.grants) {
      const known = there.get(grant.principalId);
      const said = grantWords(known, grant, nameOf(grant.principalId));
      if (!known) {
        out.changes.push({
          change: "create-grant",
          input: { ...grantInput(grant), categoryId: place, owner },
          ...(adopt ? { adopt } : {}),
        });
        if (row) out.words.push(`~ ${where}: ${said ?? ""}`);
      } else if (said !== undefined) {
        const { role, expiresAt } = grant;
        const patch = { role, expiresAt: expiresAt ?? null, ...this.#proof };
        out.changes.push({ change: "update-grant", id: known.id, patch });
        out.words.push(`~ ${where}: ${said}`);
      }
    }
  }
}

function isMade(place: Place): place is { made: number } {
  return typeof place === "object" && place !== null;
}

function lastKey(part: string | undefined): string | undefined {
  return part?.split("/").at(-1);
}

/** What a category of a copy is known by. */
export function partOf(key: string, { part }: Pick<TemplateNode, "part">): string {
  return part === "" ? key : `${key}/${part}`;
}

type Target = Omit<TemplateNode, "part" | "path" | "parent" | "grants"> & { parentId: Place };

function patchOf(row: TreeCategory, target: Target): { patch: PlacedCategoryPatch; said: string[] } {
  const { name, parentId, description, policy, inheritGrants, readOnly, expiresAt } = target;
  const patch: PlacedCategoryPatch = {
    ...(name === row.name ? {} : { name }),
    ...(parentId === row.parentId ? {} : { parentId }),
    ...(description === row.description ? {} : { description: description ?? null }),
    ...(isDeepStrictEqual(policy, row.policy) ? {} : { policy: policy ?? null }),
    ...(inheritGrants === row.inheritGrants ? {} : { inheritGrants }),
    ...(readOnly === (row.readOnly ?? false) ? {} : { readOnly }),
    ...(expiresAt === row.expiresAt ? {} : { expiresAt: expiresAt ?? null }),
  };
  return { patch, said: categoryWords(row, patch) };
}

function grantInput({ principalId, role, expiresAt }: TreeGrant): Omit<GrantInput, "categoryId" | "owner"> {
  return { principalId, role, ...(expiresAt === undefined ? {} : { expiresAt }) };
}
