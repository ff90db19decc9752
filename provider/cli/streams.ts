const reader = new AbortController();
const watched = new Set<NodeJS.WriteStream>();

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

/** A reader that went away (`| head -1`) is no failure, and no reason to stop a rotation. */
function watch(stream: NodeJS.WriteStream, isGone: () => void): NodeJS.WriteStream {
  if (watched.has(stream)) return stream;
  watched.add(stream);
  return stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    isGone();
  });
}
