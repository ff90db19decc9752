import { CoffreError } from "../core/errors.js";

const reader = new AbortController();
const watched = new Set<NodeJS.WriteStream>();
/** Why what was printed isn't where it should be. */
let lost: string | undefined;

/** Aborted once nobody reads stdout any more. */
export const unread: AbortSignal = reader.signal;

/** Node opens each of these streams for the first who asks for it, which takes some time: who prints nothing asks for none. */
export function stdout(): NodeJS.WriteStream {
  return watch(process.stdout, () => reader.abort());
}

/** As {@link stdout}. */
export function stderr(): NodeJS.WriteStream {
  return watch(process.stderr, () => undefined);
}

/** @throws CoffreError DISK_FULL, READ_ONLY if not all of stdout could be written; to be asked when all was */
export function refuseLostOutput(): void {
  if (lost === undefined) return;
  const isFull = lost === "ENOSPC" || lost === "EDQUOT";
  throw new CoffreError(isFull ? "DISK_FULL" : "READ_ONLY", `The output can't be written (${lost})`, {
    hint: "Whatever else was to be done is done; what was to be printed is cut.",
  });
}

/** A reader that went away (`| head -1`) is no failure, and no full disk below a log is a reason to stop a rotation. */
function watch(stream: NodeJS.WriteStream, isGone: () => void): NodeJS.WriteStream {
  if (watched.has(stream)) return stream;
  watched.add(stream);
  return stream.on("error", ({ code = "unknown reason" }: NodeJS.ErrnoException) => {
    if (code !== "EPIPE" && stream === process.stdout) lost ??= code;
    isGone();
  });
}
