import { CoffreError } from "./errors.js";
import { isLoopback } from "./loopback.js";

/** Where `coffre serve` shows drop-boxes, each below it by its id. */
export const BOX_PAGES = "/boxes/";

/**
 * The address under which people reach `coffre serve`: links have paths of its own, so that it has none.
 * @param field how the sentence calls it: an option, or an input
 * @returns its origin, without a slash at the end. @throws CoffreError INVALID_INPUT
 */
export function checkPublicUrl(field: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe =
    url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname.replaceAll(/[[\]]/g, "")));
  if (url && isSafe && url.href === `${url.origin}/`) return url.origin;
  throw new CoffreError("INVALID_INPUT", `${field} isn't the server's address alone`, {
    hint: "Write https://vault.example.com, without a path; http only for this machine, such as http://127.0.0.1:8730.",
    details: { field },
  });
}
