import type { Secret } from "../../core/secret.js";
import { formatAddress } from "../common/address.js";
import type { Proof, TargetAddress, TargetSpec } from "../port.js";
import { toCoffreError } from "./failures.js";
import type { AskedTarget, Asker } from "./request.js";

/**
 * One process that gets the account's password, and says by its exit code whether a login with it works. An answer that
 * isn't documented is no answer: the password may have been sent.
 * @throws CoffreError INTERRUPTED
 */
export async function proveAt<Target extends AskedTarget>(
  asker: Asker<Target>,
  spec: TargetSpec,
  password: Secret,
  address: TargetAddress,
  signal?: AbortSignal,
): Promise<Proof> {
  const target = asker.parse(spec.description);
  if (spec.verifyAddresses.length === 0) return { proof: "not-verifiable", reason: "the target says verify: none" };
  const login = { username: spec.username, password, self: true };
  const end = await asker.ask({ spec, target, operation: "verify", password, limitMs: spec.limits.verifyMs, signal });
  if (end.end === "aborted") throw toCoffreError(end, { spec, operation: "verify", login, page: asker.page });
  const reason = `${formatAddress(address)}: ${end.why}`;
  if (end.end === "not-started") return { proof: "unreachable", reason };
  if (end.end === "no-answer") return { proof: "unanswered", reason };
  switch (end.answer) {
    case "done":
      return { proof: "works" };
    case "login-refused":
    case "no-account":
      return { proof: "refused", reason };
    case "unreachable":
      return { proof: "unreachable", reason };
    case "not-verifiable":
      return { proof: "not-verifiable", reason };
    case "made":
    case "value-refused":
    case "refused":
    case "forbidden":
      return { proof: "unanswered", reason }; // answerOf knows none of these for a proof
  }
}
