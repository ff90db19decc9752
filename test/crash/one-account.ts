// Apart from the scenarios, whose files all need it before they can be put together.
import type { Subject, Watched } from "./scenarios.ts";

/** One account, cut off and brought to its end. */
export function one(watched: Watched): Subject {
  const { id: credentialId, causes } = watched;
  return { first: { credentialId, causes }, next: [{ credentialId, causes }], watched: [watched] };
}
