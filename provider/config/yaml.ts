import { createRequire } from "node:module";
import type * as Yaml from "yaml";

/**
 * The YAML library, loaded by the first file that is read: most commands in a pipeline have none, and configuration is read without
 * waiting, so that no import can wait for it.
 */
export function yaml(): typeof Yaml {
  return createRequire(import.meta.url)("yaml") as typeof Yaml; // its CommonJS form, of the same types
}
