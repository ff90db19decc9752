import type * as z from "zod";
import type { TargetAddress } from "../port.js";
import { accountOf, parseAddress } from "./address.js";

/** The fields of a description that say where a new password is proven. */
export interface VerifyFields {
  port: number;
  verifyHosts?: readonly string[] | undefined;
  verify?: "none" | undefined;
}

/** Reports what is no address. */
export function refuseBadVerifyHosts({ verifyHosts = [], port }: VerifyFields, context: z.RefinementCtx): void {
  for (const [index, text] of verifyHosts.entries()) {
    if (parseAddress(text, port) !== undefined) continue;
    context.addIssue({ code: "custom", path: ["verifyHosts", index], message: 'must be "host" or "host:port"' });
  }
}

/** The address that is set, then the others, each once; `localhost` and 127.0.0.1 are one, as in an account's name. */
export function verifyAddressesOf(
  address: TargetAddress,
  { verifyHosts = [], port, verify }: VerifyFields,
): TargetAddress[] {
  if (verify === "none") return [];
  const all = [address, ...verifyHosts.flatMap((text) => parseAddress(text, port) ?? [])];
  return [...new Map(all.toReversed().map((one) => [accountOf("", "", one), one])).values()].toReversed();
}
