import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import type { Look, SetResult, TargetLogin, TargetSession, TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { ServerError, SQLSTATE, toCoffreError } from "./errors.js";
import { factsQuery, readFacts } from "./facts.js";
import { begin, prove, untilReady } from "./login.js";
import { judgeFacts } from "./look.js";
import { assertProvable, WHY_NO_PROOF } from "./provable.js";
import { removeAccount } from "./remove.js";
import { PostgresTarget } from "./schema.js";
import { ScramError } from "./scram.js";
import { setPassword } from "./set.js";
import { run } from "./statement.js";
import { tlsFor } from "../common/tls.js";
import { within } from "../common/connection.js";
import { Turns } from "../common/turns.js";
import { PostgresWire } from "./wire.js";

/** Connects and logs in. An admin's password, too, is sent in the form of a SCRAM proof only. @throws as the port promises */
export async function openSession(spec: TargetSpec, login: TargetLogin, signal?: AbortSignal): Promise<TargetSession> {
  const target = PostgresTarget.parse(spec.description);
  const tls = await tlsFor(spec.address, spec, target);
  const wire = new PostgresWire();
  const asking = new FirstQuestions(spec, target);
  try {
    await within(wire, { limitMs: spec.limits.connectMs, signal }, async () => {
      await wire.connect(spec.address, tls);
      await logIn(wire, spec, target, login);
    });
  } catch (error) {
    wire.close({ loggedIn: false });
    throw toCoffreError(error, { address: spec.address, username: login.username });
  }
  return new PostgresSession(wire, login.username, asking);
}

async function logIn(
  wire: PostgresWire,
  spec: TargetSpec,
  { database }: PostgresTarget,
  login: TargetLogin,
): Promise<void> {
  const unsafe = (why: string) =>
    new CoffreError(
      "NOT_VERIFIABLE",
      `PostgreSQL at ${formatAddress(spec.address)} ${why}; the password of role "${login.username}" wasn't sent`,
      {
        hint: `Give role "${login.username}" a password kept as SCRAM and a line with scram-sha-256 in pg_hba.conf.`,
        details: { host: spec.address.host, port: spec.address.port, username: login.username },
      },
    );
  const question = await begin(wire, login.username, database);
  if (question === "scram") {
    const outcome = await prove(wire, login.password).catch((error: unknown) => {
      throw error instanceof ScramError ? unsafe(error.message) : error;
    });
    if (outcome === "refused") throw new ServerError(SQLSTATE.wrongPassword, "password authentication failed");
    if (outcome === "forged") throw unsafe("didn't show that it knows the password");
  } else if (question !== "nothing") {
    throw unsafe(WHY_NO_PROOF[question]);
  }
  await untilReady(wire);
}

/**
 * Whether a password can be proven, asked while the admin still logs in: the look that the connection is opened for then
 * waits for neither. Later looks ask anew.
 */
class FirstQuestions {
  readonly #account: string;
  #asked: Promise<void>[] | undefined;

  constructor(spec: TargetSpec, target: PostgresTarget) {
    this.#account = spec.account;
    this.#asked = ask(spec, target);
    for (const one of this.#asked) one.catch(() => {}); // heard by the look, if there is one
  }

  take(spec: TargetSpec, target: PostgresTarget): Promise<void>[] {
    const asked = spec.account === this.#account ? this.#asked : undefined;
    this.#asked = undefined;
    return asked ?? ask(spec, target);
  }
}

function ask(spec: TargetSpec, target: PostgresTarget): Promise<void>[] {
  return spec.verifyAddresses.map((address) => assertProvable(spec, target, address));
}

/** One logged-in connection that serves one call after another. */
class PostgresSession implements TargetSession {
  readonly #wire: PostgresWire;
  readonly #username: string;
  readonly #asking: FirstQuestions;
  readonly #turns: Turns;

  constructor(wire: PostgresWire, username: string, asking: FirstQuestions) {
    this.#wire = wire;
    this.#username = username;
    this.#asking = asking;
    this.#turns = new Turns(wire);
  }

  get usable(): boolean {
    return this.#wire.usable;
  }

  async look(spec: TargetSpec): Promise<Look> {
    const target = PostgresTarget.parse(spec.description);
    // Both at once: a look costs the slower of the two. What the admin sees says more, so its error goes first.
    const [seen, ...asked] = await Promise.allSettled([
      this.#inTurn(spec, spec.limits.connectMs, async () => {
        const { value } = await run(this.#wire, factsQuery(spec.username, target.account?.memberOf ?? []));
        return judgeFacts(spec, target, readFacts(value));
      }),
      ...this.#asking.take(spec, target),
    ]);
    if (seen.status === "rejected") throw seen.reason;
    for (const one of asked) if (one.status === "rejected") throw one.reason;
    return seen.value;
  }

  async set(spec: TargetSpec, password: Secret): Promise<SetResult> {
    const target = PostgresTarget.parse(spec.description);
    const startedAt = performance.now();
    try {
      return await this.#inTurn(spec, spec.limits.setMs, () =>
        setPassword(this.#wire, spec, target, password, startedAt),
      );
    } catch (error) {
      // Only while it waited for its turn can it fail so: nothing was sent.
      if (error instanceof CoffreError && error.code === "UNREACHABLE")
        return { result: "refused", reason: error.problem };
      throw error;
    }
  }

  async remove(spec: TargetSpec, how: "disable" | "drop"): Promise<void> {
    await this.#inTurn(spec, spec.limits.setMs, () => removeAccount(this.#wire, spec, how));
  }

  async close(): Promise<void> {
    await this.#turns.ended();
    this.#wire.close({ loggedIn: true });
  }

  /** Runs `work` after the calls before it, in the words of the port's errors. */
  #inTurn<T>(spec: TargetSpec, limitMs: number, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(limitMs, work).catch((error: unknown) => {
      throw toCoffreError(error, { address: spec.address, username: this.#username });
    });
  }
}
