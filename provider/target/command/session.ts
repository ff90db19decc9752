import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import type { Look, SetResult, TargetLogin, TargetSession, TargetSpec } from "../port.js";
import type { Operation } from "./answers.js";
import { toCoffreError } from "./failures.js";
import type { AskedTarget, Asker, Request } from "./request.js";
import type { ProgramEnd } from "./run-program.js";

const NO_LOOK_NOTE = "The target has no look, so nothing was asked of the device before the set.";

/**
 * Finds everything that the target names, and lets the first look log in: so a login is made where it is counted, and
 * what isn't allowed here is found before anything is drawn.
 * @throws as the port promises; CoffreError CONFIGURATION
 */
export async function openSession<Target extends AskedTarget>(
  asker: Asker<Target>,
  spec: TargetSpec,
  login: TargetLogin,
  signal?: AbortSignal,
): Promise<TargetSession> {
  const target = asker.parse(spec.description);
  await asker.prepare(target);
  if (target.look === undefined) return new AskedSession(asker, login, undefined);
  const end = await asker.ask({ spec, target, operation: "look", login, limitMs: spec.limits.connectMs, signal });
  if (!isLoggedIn(end)) throw toCoffreError(end, { spec, operation: "look", login, page: asker.page });
  return new AskedSession(asker, login, { account: spec.account, end });
}

/** Whatever it says of the account, the login was let in. */
function isLoggedIn(end: ProgramEnd): boolean {
  return end.end === "answered" && end.answer !== "login-refused" && end.answer !== "unreachable";
}

/** A login that each program makes anew. They run one after another, since many devices take one configuration at a time. */
class AskedSession<Target extends AskedTarget> implements TargetSession {
  readonly #asker: Asker<Target>;
  readonly #login: TargetLogin;
  /** The look that has opened the session, which its account's first look is answered with. */
  #first: { account: string; end: ProgramEnd } | undefined;
  #usable = true;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(asker: Asker<Target>, login: TargetLogin, first: { account: string; end: ProgramEnd } | undefined) {
    this.#asker = asker;
    this.#login = login;
    this.#first = first;
  }

  /** False once a login with the same password was refused: the next session is opened by one that is counted. */
  get usable(): boolean {
    return this.#usable;
  }

  async look(spec: TargetSpec): Promise<Look> {
    const target = this.#asker.parse(spec.description);
    if (target.look === undefined) return { accountExists: true, notes: [NO_LOOK_NOTE] };
    const first = this.#first?.account === spec.account ? this.#first.end : undefined;
    this.#first = undefined;
    const end = first ?? (await this.#ask({ spec, target, operation: "look", limitMs: spec.limits.connectMs }));
    if (end.end === "answered" && end.answer === "done") return { accountExists: true, notes: [] };
    const isToBeMade = end.end === "answered" && end.answer === "no-account" && target.account?.create === true;
    if (isToBeMade) return { accountExists: false, notes: [] };
    throw this.#failure(end, spec, "look");
  }

  async set(spec: TargetSpec, password: Secret): Promise<SetResult> {
    const target = this.#asker.parse(spec.description);
    const end = await this.#ask({ spec, target, operation: "set", password, limitMs: spec.limits.setMs });
    if (end.end === "aborted") throw this.#failure(end, spec, "set");
    const reason = end.why;
    if (end.end === "not-started") return { result: "refused", reason };
    if (end.end === "no-answer") return { result: "in-doubt", reason };
    switch (end.answer) {
      case "done":
      case "made":
        return { result: "set", accountMade: end.answer === "made" };
      case "value-refused":
        return { result: "value-refused", reason };
      case "refused":
      case "unreachable":
      case "login-refused":
      case "no-account":
      case "forbidden":
        return { result: "refused", reason };
      case "not-verifiable":
        return { result: "in-doubt", reason }; // answerOf doesn't know it for a set
    }
  }

  async remove(spec: TargetSpec, how: "disable" | "drop"): Promise<void> {
    const target = this.#asker.parse(spec.description);
    if (target.remove === undefined) {
      throw new CoffreError("NOT_SUPPORTED", `The target has no remove, so that nothing can ${how} ${spec.account}`, {
        hint: 'Declare remove, or onDelete: "keep".',
        details: { field: "remove", account: spec.account },
      });
    }
    const end = await this.#ask({ spec, target, operation: how, limitMs: spec.limits.setMs });
    if (end.end === "answered" && (end.answer === "done" || end.answer === "no-account")) return;
    throw this.#failure(end, spec, how);
  }

  async close(): Promise<void> {
    await this.#queue;
  }

  /** Runs a program after the calls before it. The time in the queue counts, so that no call outlasts its limit. */
  #ask(request: Omit<Request<Target>, "login" | "signal">): Promise<ProgramEnd> {
    const latest = performance.now() + request.limitMs;
    const turn = this.#queue.then(async (): Promise<ProgramEnd> => {
      const leftMs = latest - performance.now();
      if (leftMs <= 0) return { end: "not-started", why: "other calls to the same device took all its time" };
      const end = await this.#asker.ask({ ...request, login: this.#login, limitMs: leftMs });
      if (end.end === "answered" && end.answer === "login-refused") this.#usable = false;
      return end;
    });
    this.#queue = turn.catch(() => {});
    return turn;
  }

  #failure(end: ProgramEnd, spec: TargetSpec, operation: Operation): CoffreError {
    return toCoffreError(end, { spec, operation, login: this.#login, page: this.#asker.page });
  }
}
