import { Secret } from "../../core/secret.js";

/** JSON for the other side of the wire, values in clear: for a request's or an answer's body, and for nothing else. */
export function wireJson(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key: string, shown: unknown) {
    const original = this[key]; // `shown` is what a Secret says of itself
    return original instanceof Secret ? original.reveal() : shown;
  });
}
