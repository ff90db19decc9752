import { CoffreError } from "../../core/errors.js";
import { checkName } from "../../core/name.js";
import { UNKNOWN } from "../values.js";
import type { CategoryTreeInputs } from "./schema.js";

/** One tree of many. */
export interface TreeCopy {
  /** What it is known by, whatever it is called: its own key, else its name. */
  key: string;
  name: string;
  /** For hooks. */
  data?: Record<string, unknown> | undefined;
}

/** The key of the only copy of a resource with a `name`: it may be renamed. */
const ONLY = "only";

/** What may stand once only, and what to do about it. */
const DIFFER = {
  name: "Siblings have different names.",
  key: "A key is one's own, and where there is none the name is it: give one of them another.",
  principal: "One grant is enough: keep the one with the role that is meant.",
};

/**
 * The copies that are declared, names in Unicode's NFC.
 * @throws CoffreError INVALID_INPUT for an empty list, a name, or two copies of one name or key
 */
export function copiesOf({ name, names, data }: Pick<CategoryTreeInputs, "name" | "names" | "data">): TreeCopy[] {
  if (names === undefined) {
    return [{ key: ONLY, name: checked(name ?? "", "name"), ...(data === undefined ? {} : { data }) }];
  }
  if (name !== undefined) throw refused("name and names are both given", "Give `name` for one copy, `names` for many.");
  if (data !== undefined) throw refused("data goes with a name", "In `names`, give it to each: { name, data }.");
  if (names.length === 0) {
    throw refused("names is empty, which would take every copy away", "Remove the resource, if that is meant.");
  }
  const copies = names.map((one, index) => {
    const copy = typeof one === "string" ? { name: one } : one;
    const checkedName = checked(copy.name, `names.${index}`);
    return {
      ...copy,
      name: checkedName,
      key: copy.key === undefined ? checkedName : checked(copy.key, `names.${index}.key`),
    };
  });
  refuseDoubles(
    copies.map((copy) => copy.name),
    "name",
    "names",
  );
  refuseDoubles(
    copies.map((copy) => copy.key),
    "key",
    "names",
  );
  return copies;
}

/** @throws CoffreError INVALID_INPUT that names the first one which stands twice */
export function refuseDoubles(texts: readonly string[], what: keyof typeof DIFFER, where: string): void {
  const seen = new Set<string>();
  for (const text of texts) {
    if (text !== UNKNOWN && seen.has(text)) {
      throw refused(`Two of ${where} have the ${what} ${JSON.stringify(text)}`, DIFFER[what]);
    }
    seen.add(text);
  }
}

/** A name, or a key, which is like one. @throws CoffreError INVALID_INPUT that says where it stands */
export function checked(name: string, where: string): string {
  try {
    return checkName("category", name);
  } catch (error) {
    if (!(error instanceof CoffreError)) throw error;
    throw refused(`${where}: ${error.problem}`, error.hint ?? "");
  }
}

function refused(problem: string, hint: string): CoffreError {
  return new CoffreError("INVALID_INPUT", problem, { hint });
}
