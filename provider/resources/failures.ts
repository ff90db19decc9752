import { isCoffreError } from "../core/errors.js";
import type { Properties } from "./values.js";

/** One thing that is wrong with a resource's inputs. */
export interface CheckFailure {
  /**
   * Always empty: with a property's name the engine prints that property's value in clear, secret or not
   * (the reason names the field instead).
   */
  property: "";
  reason: string;
}

export interface CheckResult {
  inputs: Record<string, unknown>;
  failures: CheckFailure[];
}

/** The failure of an input field. `path` is empty for the resource as a whole. */
export function failure(path: readonly PropertyKey[], problem: string): CheckFailure {
  const field = path.map(String).join(".");
  return { property: "", reason: field === "" ? problem : `${field}: ${problem}` };
}

/** Makes a check's failure of what Coffre throws. @throws everything else */
export function failureOf(error: unknown): CheckFailure {
  if (isCoffreError(error)) return { property: "", reason: error.message };
  throw error;
}

/**
 * A create or update that stopped after something was written. The engine keeps `properties` as the resource's state and
 * calls update the next time; it shows the reasons and nothing else.
 */
export class PartialFailure extends Error {
  override readonly name = "PartialFailure";
  readonly id: string;
  readonly properties: Properties;
  readonly reasons: readonly string[];

  constructor(id: string, properties: Properties, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(reason, { cause });
    this.id = id;
    this.properties = properties;
    this.reasons = [reason];
  }
}
