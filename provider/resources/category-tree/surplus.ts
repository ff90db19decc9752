import type { Grant, Held, TreeCategory, TreeChange, Vault, VaultTree } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import type { Look } from "./look.js";
import type { CategoryTreeInputs } from "./schema.js";
import type { CopyWords } from "./words.js";

/** Up to so many places are read one by one; for more the whole vault is. */
const FEW = 8;

/** What isn't wanted any more, as far as it can go: a category with something in it stays, with all around it. */
export interface Surplus {
  /** In the order in which they can be carried out; one list each, all or none. */
  removals: TreeChange[][];
  words: CopyWords[];
  /** Why something stays, one sentence each. */
  stays: string[];
}

/** What `reviewSurplus` needs to know. */
export interface SurplusQuestion {
  vault: Vault;
  surplus: readonly TreeCategory[];
  /** All of the resource. */
  made: VaultTree;
  token: string;
  /** What the copy of a key is called. */
  nameOf: (key: string) => string;
}

/**
 * Looks at what isn't wanted any more. Each whole that can't go stays whole: half a copy would be one whose people have lost
 * their rights. Removes nothing.
 */
export async function reviewSurplus(question: SurplusQuestion): Promise<Surplus> {
  const { vault, surplus } = question;
  if (surplus.length === 0) return { removals: [], words: [], stays: [] };
  const ids = new Set(surplus.map(({ id }) => id));
  const tops = surplus.filter(({ parentId }) => parentId === null || !ids.has(parentId));
  const around = await readAround(
    vault,
    tops.map(({ id }) => id),
    { held: true },
  );
  const seen = new Set(around.categories.map(({ id }) => id));
  // By its mark the resource finds also what it doesn't see where it stands.
  const unseen = surplus.filter(({ id }) => !seen.has(id));
  const review = new Review(question, { around, ids, unseen });
  for (const top of tops) review.add(top);
  return review.done;
}

/** The same, of what a look found. */
export function reviewLook(
  { vault }: Pick<ResourceContext, "vault">,
  { onDelete }: Pick<CategoryTreeInputs, "onDelete">,
  { plan, made, wanted }: Look,
): Promise<Surplus> {
  return reviewSurplus({
    vault,
    surplus: onDelete === "keep" ? [] : plan.surplus,
    made,
    token: wanted.owner.token,
    nameOf: (key) => wanted.copies.find((copy) => copy.key === key)?.name ?? key,
  });
}

/** All categories and grants at and below these, whoever made them; with `held` also how much else stands in each. */
export async function readAround(
  vault: Vault,
  tops: readonly string[],
  options: { held?: true } = {},
): Promise<VaultTree> {
  if (tops.length > FEW) return vault.readTree({ below: null, ...options });
  const trees = await Promise.all(tops.map((below) => vault.readTree({ below, ...options })));
  return { categories: trees.flatMap(({ categories }) => categories), grants: trees.flatMap(({ grants }) => grants) };
}

interface Facts {
  around: VaultTree;
  /** Of the surplus. */
  ids: ReadonlySet<string>;
  /** Of the surplus, those that aren't in `around`. */
  unseen: readonly TreeCategory[];
}

class Review {
  readonly done: Surplus = { removals: [], words: [], stays: [] };
  readonly #question: SurplusQuestion;
  readonly #facts: Facts;
  readonly #children: ReadonlyMap<string | null, TreeCategory[]>;
  readonly #around: ReadonlyMap<string, TreeCategory>;
  readonly #made: ReadonlyMap<string, TreeCategory>;
  readonly #grants: ReadonlyMap<string | null, Grant[]>;
  readonly #own: ReadonlySet<string>;

  constructor(question: SurplusQuestion, facts: Facts) {
    this.#question = question;
    this.#facts = facts;
    const { categories } = facts.around;
    this.#children = Map.groupBy([...categories, ...facts.unseen], ({ parentId }) => parentId);
    this.#around = new Map(categories.map((row) => [row.id, row]));
    this.#made = new Map(question.made.categories.map((row) => [row.id, row]));
    this.#grants = Map.groupBy(facts.around.grants, ({ categoryId }) => categoryId);
    this.#own = new Set(question.made.grants.map(({ id }) => id));
  }

  add(top: TreeCategory): void {
    const changes: TreeChange[] = [];
    const reasons: string[] = [];
    this.#visit(top, top.name, changes, reasons);
    const { removals, words, stays } = this.done;
    const [key = ""] = (top.part ?? "").split("/");
    const below = this.#namesBelow(top);
    const name = below === "" ? top.name : this.#question.nameOf(key);
    if (reasons.length > 0) {
      const shown = reasons.slice(0, 3).join(", ");
      stays.push(
        `${below === "" ? name : `${name}/${below}`} stays: ${shown}${reasons.length > 3 ? ", and more" : ""}`,
      );
      return;
    }
    const count = changes.filter(({ change }) => change === "delete-category").length;
    removals.push(changes);
    words.push({
      name,
      words: [`- ${below === "" ? `all of it, ${count === 1 ? "one category" : `${count} categories`}` : below}`],
    });
  }

  /** Names from below its copy's top, as people see them. */
  #namesBelow(row: TreeCategory): string {
    const names: string[] = [];
    let next: TreeCategory | undefined = row;
    while (next?.part?.includes("/") === true) {
      names.unshift(next.name);
      next = this.#made.get(next.parentId ?? "");
    }
    return names.join("/");
  }

  #visit(row: TreeCategory, path: string, changes: TreeChange[], reasons: string[]): void {
    const { id } = row;
    const proof = { token: this.#question.token };
    if (!this.#facts.ids.has(id)) {
      reasons.push(`${path} stands in it`);
      return;
    }
    if (this.#made.get(id)?.closed) {
      reasons.push(`whoever runs this may not manage ${path}`);
      return;
    }
    const children = this.#children.get(id) ?? [];
    for (const child of children) this.#visit(child, `${path}/${child.name}`, changes, reasons);
    const { held, hidden = 0 } = this.#around.get(id) ?? row;
    const others = hidden - children.filter((child) => !this.#around.has(child.id)).length;
    if (others > 0) reasons.push(`${path} holds ${others === 1 ? "a category" : `${others} categories`} out of sight`);
    if (held) reasons.push(`${path} holds ${heldText(held)}`);
    for (const grant of this.#grants.get(id) ?? []) {
      if (this.#own.has(grant.id)) changes.push({ change: "delete-grant", id: grant.id, proof });
      else reasons.push(`${path} has the grant ${grant.id}, which this resource didn't make`);
    }
    changes.push({ change: "delete-category", id, proof });
  }
}

function heldText({ credentials, boxes }: Held): string {
  const counts: [number, string, string][] = [
    [credentials, "a credential", "credentials"],
    [boxes, "a drop-box or transfer", "drop-boxes or transfers"],
  ];
  return counts
    .filter(([count]) => count > 0)
    .map(([count, one, many]) => (count === 1 ? one : `${count} ${many}`))
    .join(" and ");
}
