import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import type { Look, SetResult, TargetAddress, TargetLogin, TargetSession, TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { ServerError, SQLSTATE, toCoffreError } from "./errors.js";
import { askFacts, type Facts } from "./facts.js";
import { begin, prove, untilReady } from "./login.js";
import { LoginRules } from "./login-rules.js";
import { judgeFacts } from "./look.js";
import { rolesOf } from "./overlap.js";
import { assertProvable, WHY_NO_PROOF } from "./provable.js";
import { endLogin, removeAccount } from "./remove.js";
import { type PostgresTarget, targetOf } from "./schema.js";
import { ScramError } from "./scram.js";
import { makeVerifier, setPassword, type Verifier } from "./set.js";
import { tlsFor, usesTls } from "../common/tls.js";
import { within } from "../common/connection.js";
import { Turns } from "../common/turns.js";
import { PostgresWire } from "./wire.js";

/** Connects and logs in. An admin's password, too, is sent in the form of a SCRAM proof only. @throws as the port promises */
export async function openSession(spec: TargetSpec, login: TargetLogin, signal?: AbortSignal): Promise<TargetSession> {
  const target = targetOf(spec);
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
 * waits for neither.
 */
class FirstQuestions {
  readonly #account: string;
  #asked: Promise<void>[] | undefined;

  constructor(spec: TargetSpec, target: PostgresTarget) {
    this.#account = spec.account;
    this.#asked = ask(spec, target);
    for (const one of this.#asked) one.catch(() => {}); // heard by the look, if there is one
  }

  /** The answers about the account that the connection was opened for, once; `undefined` for whatever comes later. */
  take(spec: TargetSpec): Promise<void>[] | undefined {
    const asked = spec.account === this.#account ? this.#asked : undefined;
    this.#asked = undefined;
    return asked;
  }
}

function ask(spec: TargetSpec, target: PostgresTarget, addresses = spec.verifyAddresses): Promise<void>[] {
  return addresses.map((address) => assertProvable(spec, target, address));
}

/** One logged-in connection that serves one call after another. */
class PostgresSession implements TargetSession {
  readonly #wire: PostgresWire;
  readonly #username: string;
  readonly #asking: FirstQuestions;
  readonly #turns: Turns;
  /** Known once a look has shown that the session may see them. */
  #rules: LoginRules | undefined;
  /** What looks saw, by account, for the set that follows. */
  readonly #seen = new Map<string, Facts>();
  /** Begun before their set, for as long as their password is held. */
  readonly #verifiers = new WeakMap<Secret, Promise<Verifier>>();

  constructor(wire: PostgresWire, username: string, asking: FirstQuestions) {
    this.#wire = wire;
    this.#username = username;
    this.#asking = asking;
    this.#turns = new Turns(wire);
  }

  get waiting(): number {
    return this.#turns.waiting;
  }

  get usable(): boolean {
    return this.#wire.usable;
  }

  async look(spec: TargetSpec): Promise<Look> {
    const target = targetOf(spec);
    const first = this.#asking.take(spec);
    const rules = first === undefined ? this.#rules : undefined;
    const isSet = ({ host, port }: TargetAddress) => host === spec.address.host && port === spec.address.port;
    const unknown = rules === undefined ? spec.verifyAddresses : spec.verifyAddresses.filter((one) => !isSet(one));
    // All at once: a look costs the slowest of them. What the admin sees says more, so its error goes first.
    const [seen, ...asked] = await Promise.allSettled([
      this.#inTurn(spec, spec.limits.connectMs, async () => {
        const facts = await askFacts(this.#wire, rolesOf(spec, target.account?.memberOf));
        this.#seen.set(spec.account, facts);
        if (facts.me.isSuperuser) this.#rules ??= new LoginRules(this.#wire, rulesFor(spec, target, facts));
        return { look: judgeFacts(spec, target, facts), isProvable: await rules?.askEverybodyForScram(facts.loadedAt) };
      }),
      ...(first ?? ask(spec, target, unknown)),
    ]);
    if (seen.status === "rejected") throw seen.reason;
    for (const one of asked) if (one.status === "rejected") throw one.reason;
    if (seen.value.isProvable === false) await Promise.all(ask(spec, target, spec.verifyAddresses.filter(isSet)));
    return seen.value.look;
  }

  prepareSet(spec: TargetSpec, password: Secret): void {
    const verifier = makeVerifier(password, this.#seen.get(spec.account));
    verifier.catch(() => {}); // heard by the set
    this.#verifiers.set(password, verifier);
  }

  async set(spec: TargetSpec, password: Secret): Promise<SetResult> {
    const target = targetOf(spec);
    const startedAt = performance.now();
    const seen = this.#seen.get(spec.account);
    this.#seen.delete(spec.account);
    // Before its turn: it takes longer than the connection is needed for.
    const verifier = await (this.#verifiers.get(password) ?? makeVerifier(password, seen));
    try {
      return await this.#inTurn(spec, spec.limits.setMs, () =>
        setPassword(this.#wire, spec, target, { password, verifier, startedAt, seen }),
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

  async endLogin(spec: TargetSpec): Promise<void> {
    await this.#inTurn(spec, spec.limits.setMs, () => endLogin(this.#wire, spec));
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

function rulesFor(spec: TargetSpec, target: PostgresTarget, { version }: Facts): { tls: boolean; version: number } {
  return { tls: usesTls(spec.address, target), version };
}
