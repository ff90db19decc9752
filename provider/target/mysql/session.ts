import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import { within } from "../common/connection.js";
import { tlsFor } from "../common/tls.js";
import { Turns } from "../common/turns.js";
import type { Look, SetResult, TargetLogin, TargetSession, TargetSpec } from "../port.js";
import { ERROR, ServerError, toCoffreError } from "./errors.js";
import { factsQuery, OWN_FACTS_QUERY, readFacts, readGrants, readOwnFacts } from "./facts.js";
import { logIn } from "./login.js";
import { judgeFacts, judgeOwnFacts } from "./look.js";
import { removeAccount } from "./remove.js";
import { MysqlTarget } from "./schema.js";
import { setOwnPassword, setPassword } from "./set.js";
import { run } from "./statement.js";
import { MysqlWire } from "./wire.js";

/** Connects and logs in. An admin's password, too, is sent in the form of a proof only. @throws as the port promises */
export async function openSession(spec: TargetSpec, login: TargetLogin, signal?: AbortSignal): Promise<TargetSession> {
  const target = MysqlTarget.parse(spec.description);
  const tls = await tlsFor(spec.address, spec, target);
  const wire = new MysqlWire();
  try {
    await within(wire, { limitMs: spec.limits.connectMs, signal }, async () => {
      await wire.connect(spec.address, tls);
      const answer = await logIn(wire, { ...login, tls: tls !== undefined });
      if (answer.outcome === "turned-away") throw answer.why;
      if (answer.outcome === "refused") throw new ServerError({ code: ERROR.accessDenied, message: "access denied" });
      await run(wire, "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"); // a quote that is doubled is all there is to mind
      await keepFromLog(wire);
    });
  } catch (error) {
    wire.close({ loggedIn: false });
    throw toCoffreError(error, { address: spec.address, username: login.username });
  }
  return new MysqlSession(wire, login);
}

/** Hashes stay out of the general log where this login may say so; they are no passwords, and no reading for everybody. */
async function keepFromLog(wire: MysqlWire): Promise<void> {
  try {
    await run(wire, "SET SESSION sql_log_off = 1");
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
  }
}

/** One logged-in connection that serves one call after another. */
class MysqlSession implements TargetSession {
  readonly #wire: MysqlWire;
  readonly #login: TargetLogin;
  readonly #turns: Turns;

  constructor(wire: MysqlWire, login: TargetLogin) {
    this.#wire = wire;
    this.#login = login;
    this.#turns = new Turns(wire);
  }

  get waiting(): number {
    return this.#turns.waiting;
  }

  get usable(): boolean {
    return this.#wire.usable;
  }

  look(spec: TargetSpec): Promise<Look> {
    const target = MysqlTarget.parse(spec.description);
    const scene = { spec, target, localAddress: this.#wire.localAddress };
    return this.#inTurn(spec, spec.limits.connectMs, async () => {
      if (this.#login.self) {
        const own = readOwnFacts(await run(this.#wire, OWN_FACTS_QUERY));
        const [creation] = await run(this.#wire, "SHOW CREATE USER CURRENT_USER()");
        return judgeOwnFacts(scene, own, creation ?? "");
      }
      const asked = { username: spec.username, host: target.accountHost, roles: target.account?.memberOf ?? [] };
      const facts = readFacts(await run(this.#wire, factsQuery(asked)));
      return judgeFacts(scene, facts, readGrants(await run(this.#wire, "SHOW GRANTS")));
    });
  }

  async set(spec: TargetSpec, password: Secret): Promise<SetResult> {
    if (password.reveal() === "") {
      return { result: "refused", reason: "an empty password would let everybody in" };
    }
    const target = MysqlTarget.parse(spec.description);
    const setting = { spec, target, password, startedAt: performance.now() };
    const change = this.#login.self ? setOwnPassword : setPassword;
    try {
      return await this.#inTurn(spec, spec.limits.setMs, () => change(this.#wire, setting));
    } catch (error) {
      // Only while it waited for its turn can it fail so: nothing was sent.
      if (error instanceof CoffreError && error.code === "UNREACHABLE")
        return { result: "refused", reason: error.problem };
      throw error;
    }
  }

  async remove(spec: TargetSpec, how: "disable" | "drop"): Promise<void> {
    const target = MysqlTarget.parse(spec.description);
    await this.#inTurn(spec, spec.limits.setMs, () => removeAccount(this.#wire, { spec, target }, how));
  }

  async close(): Promise<void> {
    await this.#turns.ended();
    this.#wire.close({ loggedIn: true });
  }

  /** Runs `work` after the calls before it, in the words of the port's errors. */
  #inTurn<T>(spec: TargetSpec, limitMs: number, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(limitMs, work).catch((error: unknown) => {
      throw toCoffreError(error, { address: spec.address, username: this.#login.username });
    });
  }
}
