import type { Secret } from "../../core/secret.js";
import { WireError } from "../common/wire.js";
import { AFTER_PROOF, ERROR, ServerError, Unanswered, Unprovable } from "./errors.js";
import { nativeProof } from "./native-password.js";
import { CHALLENGE_BYTES, kindOf, loginRequest, NATIVE_PASSWORD, readError, readSwitch } from "./packets.js";
import type { MysqlWire } from "./wire.js";

/** What came of a login. `turned-away`: the password is right, and the account may not go on for another reason. */
export type LoginOutcome = { outcome: "in" } | { outcome: "refused" } | { outcome: "turned-away"; why: ServerError };

/** Why a plugin isn't answered, as the end of a sentence about the server. */
const WHY_NOT: Readonly<Record<string, string>> = {
  mysql_clear_password: "asks for the password in clear text (such as pam), which is never sent",
  dialog: "asks for the password in clear text (pam), which is never sent",
  mysql_old_password: "asks for the digest of before MySQL 4.1, which gives the password away",
  sha256_password: "asks for the password itself (sha256_password), which is never sent",
  caching_sha2_password: "asks for caching_sha2_password, which isn't tested and can ask for the password itself",
  client_ed25519: "asks for ed25519, which Coffre can't prove",
};

/**
 * Logs in by `mysql_native_password` and nothing else, whatever the server asks for: no form of the password from which it
 * could be read ever leaves.
 * @throws Unanswered once the proof was sent; before it ServerError for another refusal; Unprovable; WireError
 */
export async function logIn(
  wire: MysqlWire,
  { username, password, tls }: { username: string; password: Secret; tls: boolean },
): Promise<LoginOutcome> {
  const { plugin, challenge } = await wire.greeting();
  // The server takes the answer at once if its challenge is this plugin's, else it asks again.
  let sent = plugin === NATIVE_PASSWORD;
  wire.reply(loginRequest(username, sent ? nativeProof(password, challenge) : Buffer.alloc(0), { tls }));
  try {
    let answer = await wire.next();
    if (kindOf(answer, "login") === "switch") {
      const asked = readSwitch(answer);
      if (asked.plugin !== NATIVE_PASSWORD || asked.challenge.length !== CHALLENGE_BYTES) {
        throw new Unprovable(WHY_NOT[asked.plugin] ?? `asks for the plugin "${asked.plugin}"`);
      }
      sent = true;
      wire.reply(nativeProof(password, asked.challenge));
      answer = await wire.next();
    }
    switch (kindOf(answer, "login")) {
      case "ok":
        if (!sent) throw new Unprovable("lets the account in without a password");
        return { outcome: "in" };
      case "error":
        return judge(new ServerError(readError(answer)));
      case "switch":
      case "end":
      case "local-file":
      case "other":
        throw new Unprovable("goes on asking after the answer to its challenge");
    }
  } catch (error) {
    const isFailure = error instanceof ServerError || error instanceof WireError;
    throw sent && isFailure ? new Unanswered(error) : error;
  }
}

function judge(error: ServerError): LoginOutcome {
  if (error.code === ERROR.accessDenied) return { outcome: "refused" };
  if (AFTER_PROOF.includes(error.code)) return { outcome: "turned-away", why: error };
  if (error.code === ERROR.userBlocked) {
    throw new Unprovable(
      "has blocked the account for its wrong passwords (max_password_errors) until FLUSH PRIVILEGES",
    );
  }
  if (error.code === ERROR.tlsRequired) throw new Unprovable("takes logins over TLS only (require_secure_transport)");
  throw error;
}
