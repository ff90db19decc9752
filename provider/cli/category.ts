import { CoffreError } from "../core/errors.js";
import type { Category } from "../vault/port.js";
import { printable } from "./terminal.js";

/**
 * The category that a person typed: a path, with the names as they are or percent-encoded, or an id.
 * @throws CoffreError NOT_FOUND
 */
export function findTypedCategory(categories: readonly Category[], text: string): Category {
  const wanted = key(text.split("/").filter((name) => name !== ""));
  const found = categories.find(
    ({ id, path }) => id === text || key(path) === wanted || key(path.map(encodeURIComponent)) === wanted,
  );
  if (found) return found;
  throw new CoffreError("NOT_FOUND", `There is no category ${printable(text)}`, {
    hint: "`coffre list` shows the whole tree.",
  });
}

/** A path as one text. No name has a slash. */
export function key(path: readonly string[]): string {
  return path.join("/").normalize("NFC");
}
