import type { Call } from "./front.js";

/** An absolute link of this server, as clients reach it. */
export function linkTo({ front, request }: Pick<Call, "front" | "request">, path: string): string {
  const base = front.style.publicUrl ?? `${request.protocol}://${request.host}`;
  return new URL(path, base).href;
}
