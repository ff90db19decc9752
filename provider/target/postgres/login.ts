import { DatabaseError, serialize } from "pg-protocol";
import type { BackendMessage, MessageName } from "pg-protocol/dist/messages.js";
import type { Secret } from "../../core/secret.js";
import { ServerError, SQLSTATE, Unanswered } from "./errors.js";
import { ScramError, ScramExchange } from "./scram.js";
import { WireError } from "../common/wire.js";
import type { PostgresWire } from "./wire.js";

const MECHANISM = "SCRAM-SHA-256";

/** What the server asks of somebody who wants in. `nothing`: it lets anybody in, or trusts something else. */
export type Question = "scram" | "nothing" | "clear-text" | "md5" | "unknown";

const QUESTIONS: Partial<Record<MessageName, Question>> = {
  authenticationSASL: "scram",
  authenticationOk: "nothing",
  authenticationCleartextPassword: "clear-text",
  authenticationMD5Password: "md5",
};

/**
 * Says who wants in, and hears what is asked. Nothing of a password is sent.
 * @throws ServerError for a refusal before any question (no rule in pg_hba.conf, still starting); WireError
 */
export async function begin(wire: PostgresWire, username: string, database: string): Promise<Question> {
  wire.send(serialize.startup({ user: username, database, application_name: "coffre" }));
  try {
    const message = unlessError(await wire.next());
    const question = QUESTIONS[message.name] ?? "unknown";
    return question === "scram" && !mechanismsOf(message).includes(MECHANISM) ? "unknown" : question;
  } catch (error) {
    if (error instanceof WireError && error.failure === "not-understood") return "unknown";
    throw error;
  }
}

/**
 * Answers {@link begin}'s `scram`. `proven`: the server showed that it knows this password's verifier, and took our
 * proof. `refused`: it said that the password is wrong. `forged`: it went on without showing that it knows it.
 * @throws Unanswered once the proof was sent; before it ServerError for another refusal; ScramError for a challenge that no
 * real server sends; WireError
 */
export async function prove(wire: PostgresWire, password: Secret): Promise<"proven" | "refused" | "forged"> {
  const exchange = new ScramExchange(password);
  let sent = false;
  wire.send(serialize.sendSASLInitialResponseMessage(MECHANISM, exchange.first));
  try {
    const challenge = unlessError(await wire.next());
    if (challenge.name !== "authenticationSASLContinue") throw new ScramError("sent no challenge");
    const answer = await exchange.answer(dataOf(challenge));
    sent = true;
    wire.send(serialize.sendSCRAMClientFinalMessage(answer));
    const final = unlessError(await wire.next());
    return final.name === "authenticationSASLFinal" && exchange.isProven(dataOf(final)) ? "proven" : "forged";
  } catch (error) {
    if (error instanceof ServerError && error.sqlState === SQLSTATE.wrongPassword) return "refused";
    const isFailure = error instanceof ServerError || error instanceof WireError;
    throw sent && isFailure ? new Unanswered(error) : error;
  }
}

/** Waits until the session can take statements. @throws ServerError for what it is refused for after the password */
export async function untilReady(wire: PostgresWire): Promise<void> {
  for (;;) if (unlessError(await wire.next()).name === "readyForQuery") return;
}

function unlessError(message: BackendMessage): BackendMessage {
  if (message instanceof DatabaseError) throw new ServerError(message.code, message.message);
  return message;
}

function mechanismsOf(message: BackendMessage): unknown[] {
  return "mechanisms" in message && Array.isArray(message.mechanisms) ? message.mechanisms : [];
}

function dataOf(message: BackendMessage): string {
  return "data" in message && typeof message.data === "string" ? message.data : "";
}
