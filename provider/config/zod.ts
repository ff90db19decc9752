import { createRequire } from "node:module";
import type * as Zod from "zod";

/**
 * The library of schemas, loaded where one is needed: most configurations are a few texts, for which it takes longer to load than Node to
 * start; and configuration is read without waiting, so that no import can wait for it.
 */
export function zod(): typeof Zod {
  return createRequire(import.meta.url)("zod") as typeof Zod; // its CommonJS form, of the same types
}
