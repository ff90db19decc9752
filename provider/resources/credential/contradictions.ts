import { CoffreError } from "../../core/errors.js";
import { failure } from "../failures.js";
import { hasUnknown, type Properties } from "../values.js";

/** What Coffre does with a value of its own, and can't do with one that people bring. */
const ONLY_GENERATED = ["targets", "rotation", "rotateWhenChanged"];

/**
 * Refuses inputs that can't be meant together; what isn't known yet is taken.
 * @throws CoffreError INVALID_INPUT
 */
export function refuseContradictions(inputs: Properties): void {
  const { source, valueManagedBy } = inputs;
  refuseNamesTwice(inputs);
  if (hasUnknown(source) || hasUnknown(valueManagedBy)) return;
  const isBrought = source === undefined ? valueManagedBy === "external" : source !== "generated";
  if (valueManagedBy === (isBrought ? "coffre" : "external")) {
    refuse(
      ["valueManagedBy"],
      "says something else than source",
      'Leave it out: "external" is an earlier word for source: "typed".',
    );
  }
  if (!isBrought) return;
  const impossible = ONLY_GENERATED.find((name) => inputs[name] !== undefined);
  if (impossible === undefined) return;
  const named = impossible === "targets" ? "target" : impossible;
  const declaredBy = source === undefined ? "valueManagedBy" : "source";
  // A target may refuse a value, which is then discarded, and another drawn: of a brought one there is no other.
  refuse([named], "a value that people bring isn't Coffre's to set", `Remove ${named}, or ${declaredBy}.`);
}

function refuseNamesTwice({ fields, secretFields }: Properties): void {
  const secret = new Set(keysOf(secretFields));
  const twice = keysOf(fields).find((name) => secret.has(name));
  if (twice === undefined) return;
  refuse(
    ["secretFields", twice],
    "is declared in fields, too",
    "A field is either text or secret: leave one of them out.",
  );
}

function keysOf(value: unknown): string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

function refuse(path: readonly string[], problem: string, hint: string): never {
  throw new CoffreError("INVALID_INPUT", failure(path, problem).reason, { hint });
}
