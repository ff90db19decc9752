import type { Grant, Held, TreeCategory, TreeChange, Vault, VaultTree } from "../../vault/port.js";
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
  /** Those of the resource itself. */
  grants: readonly Grant[];
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
  const topIds = tops.map(({ id }) => id);
  const around = await readAround(vault, topIds, { held: true });
  const review = new Review(question, { around, ids });
  for (const top of tops) review.add(top);
  return review.done;
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
}

class Review {
  readonly done: Surplus = { removals: [], words: [], stays: [] };
  readonly #question: SurplusQuestion;
  readonly #facts: Facts;
  readonly #children: ReadonlyMap<string | null, TreeCategory[]>;
  readonly #held: ReadonlyMap<string, Held | undefined>;
  readonly #grants: ReadonlyMap<string | null, Grant[]>;
  readonly #own: ReadonlySet<string>;

  constructor(question: SurplusQuestion, facts: Facts) {
    this.#question = question;
    this.#facts = facts;
    this.#children = Map.groupBy(facts.around.categories, ({ parentId }) => parentId);
    this.#held = new Map(facts.around.categories.map(({ id, held }) => [id, held]));
    this.#grants = Map.groupBy(facts.around.grants, ({ categoryId }) => categoryId);
    this.#own = new Set(question.grants.map(({ id }) => id));
  }

  add(top: TreeCategory): void {
    const changes: TreeChange[] = [];
    const reasons: string[] = [];
    this.#visit(top, top.name, changes, reasons);
    const { removals, words, stays } = this.done;
    const [key = "", ...rest] = (top.part ?? "").split("/");
    const below = rest.join("/");
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

  #visit(row: TreeCategory, path: string, changes: TreeChange[], reasons: string[]): void {
    const { id } = row;
    const proof = { token: this.#question.token };
    if (!this.#facts.ids.has(id)) {
      reasons.push(`${path} stands in it`);
      return;
    }
    for (const child of this.#children.get(id) ?? []) this.#visit(child, `${path}/${child.name}`, changes, reasons);
    const held = this.#held.get(id);
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
