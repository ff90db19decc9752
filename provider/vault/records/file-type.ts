import { isUtf8 } from "node:buffer";

/** How much of a file's beginning is looked at: documents that are archives name what they are among their first entries. */
export const FILE_TYPE_BYTES = 1024 * 1024;

/**
 * What a file is by its content; `undefined` if nothing is known of it. Text has no mark of its own: what is UTF-8 without
 * control characters is taken for it.
 * @param start its first {@link FILE_TYPE_BYTES} at least, or all of it
 * @param cut whether more follows, so that the last character may be cut
 */
export async function typeOf(
  start: Uint8Array,
  cut: boolean,
): Promise<{ extension: string; mime: string } | undefined> {
  const { fileTypeFromBuffer } = await import("file-type");
  // A content that is broken on purpose is of no known type; how it breaks the parser is nobody's business.
  const found = await fileTypeFromBuffer(start).catch(() => undefined);
  if (found) return { extension: found.ext, mime: found.mime };
  return isText(start, cut) ? { extension: "txt", mime: "text/plain" } : undefined;
}

function isText(bytes: Uint8Array, cut: boolean): boolean {
  if (bytes.length === 0) return false;
  const control = /[\0-\x08\x0e-\x1a\x1c-\x1f]/;
  for (let dropped = 0; dropped <= (cut ? 3 : 0); dropped++) {
    const part = bytes.subarray(0, bytes.length - dropped);
    if (isUtf8(part)) return !control.test(Buffer.from(part).toString("latin1"));
  }
  return false;
}
