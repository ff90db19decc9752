import { fileBytes } from "../core/field.js";
import type { DeliveredValue } from "./read-wanted.js";

/** The value's bytes, as `coffre read --output` writes them. */
export function bytesOf({ type, value }: DeliveredValue): Buffer {
  return type === "file" ? fileBytes(value) : Buffer.from(value.reveal());
}

/** The value as text; `undefined` for a file whose bytes aren't UTF-8. */
export function textOf(delivered: DeliveredValue): string | undefined {
  if (delivered.type !== "file") return delivered.value.reveal();
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesOf(delivered));
  } catch {
    return undefined;
  }
}
