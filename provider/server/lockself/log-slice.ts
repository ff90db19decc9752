import type { Vault, VaultEvent } from "../../vault/port.js";
import type { LogSpan } from "./log-index.js";

/**
 * A slice of the events that happened between two times, both included, and how many there are of them in all. Of the log
 * are read the spans that lie across one of the two times, which have to be counted, and the slice itself.
 * @param between milliseconds since 1970
 */
export async function readSlice(
  vault: Pick<Vault, "listEvents">,
  spans: Iterable<LogSpan>,
  between: { from: number; to: number },
  { skip, limit }: { skip: number; limit: number },
): Promise<{ found: VaultEvent[]; total: number }> {
  const found: VaultEvent[] = [];
  let total = 0;
  for (const span of spans) {
    if (span.from > between.to || span.to < between.from) continue;
    const count = span.last - span.first + 1;
    const isInside = span.from >= between.from && span.to <= between.to;
    const isWanted = total < skip + limit && total + count > skip;
    if (isInside && !isWanted) {
      total += count;
      continue;
    }
    // Where all of them count it is known which ones are wanted.
    const before = isInside ? Math.max(0, skip - total) : 0;
    total += before;
    const wanted = isInside ? Math.min(count - before, skip + limit - total) : count;
    for await (const event of vault.listEvents({ after: span.first - 1 + before, limit: wanted })) {
      const at = Date.parse(event.at);
      if (at < between.from || at > between.to) continue;
      if (total >= skip && total < skip + limit) found.push(event);
      total += 1;
    }
    if (isInside) total += count - before - wanted;
  }
  return { found, total };
}
