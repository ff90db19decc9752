import { CoffreError, isCoffreError } from "../core/errors.js";
import type { Secret } from "../core/secret.js";
import type { TargetSession, TargetSpec } from "../target/port.js";
import type { Credential, LoginBooking } from "../vault/port.js";
import { type AdminLogin, connectBooked, connectionLogin } from "./admins.js";
import { findFirst } from "./first-boot.js";
import { refuseIfAttention } from "./attention.js";
import type { RotationContext } from "./context.js";
import { readValue } from "./read-value.js";
import { resolveReference } from "./resolve-reference.js";

/** Finishes a credential's rotation, whoever left it; given as an argument since an admin is a credential too. */
export type Finish = (context: RotationContext, id: string) => Promise<unknown>;

/**
 * The sessions of one run that look at and set accounts: an admin's is the process's shared one; an account that logs in
 * by itself gets one of its own, which ends with the run.
 */
export class RunSessions {
  readonly #context: RotationContext;
  readonly #finish: Finish;
  readonly #own = new Map<string, TargetSession>();
  /** The admin's session that an account was looked at with: what it saw then needn't be asked again by the set. */
  readonly #looked = new Map<string, TargetSession>();
  readonly #byInitial = new Set<string>();

  constructor(context: RotationContext, finish: Finish) {
    this.#context = context;
    this.#finish = finish;
  }

  /** @throws CoffreError what logging in throws: LOGIN_REFUSED, UNREACHABLE, BUDGET_SPENT, … */
  async for(spec: TargetSpec, credential: Credential): Promise<TargetSession> {
    const { admin } = spec;
    if (admin.by !== "self") {
      const known = this.#looked.get(spec.account);
      if (known?.usable === true) return known;
      const session = await this.#context.admins.session(this.#context, spec, () =>
        admin.by === "reference"
          ? referenceLogin(this.#context, admin.ref, this.#finish)
          : connectionLogin(this.#context, admin),
      );
      this.#looked.set(spec.account, session);
      return session;
    }
    const open = this.#own.get(spec.account);
    if (open?.usable === true) return open;
    const session = await this.#logInAsItself(spec, credential);
    this.#own.set(spec.account, session);
    return session;
  }

  /** True if this run has logged in to the account with its first password. */
  loggedInByInitial({ account }: TargetSpec): boolean {
    return this.#byInitial.has(account);
  }

  /** The account's own session, opened with this value, one of several that may work. @throws as {@link for} */
  async openAs(spec: TargetSpec, password: Secret): Promise<void> {
    const login = { username: spec.username, password, self: true, label: spec.account };
    this.#own.set(spec.account, await connectBooked(this.#context, spec, login, "probe"));
  }

  async #logInAsItself(spec: TargetSpec, credential: Credential): Promise<TargetSession> {
    const login = await selfLogin(this.#context, spec, credential);
    const kind = selfLoginKind(spec, credential);
    try {
      return await connectBooked(this.#context, spec, login, kind);
    } catch (error) {
      // A machine that was made anew, or another one, has its first password again. Not after a set in doubt: a probe and
      // the login with the current value have used up what the account bears.
      const isNew = kind === "proof" && isCoffreError(error, "LOGIN_REFUSED");
      if (!isNew || spec.admin.by !== "self" || spec.admin.initialRef === undefined) throw error;
      const first = await findFirst(this.#context.vault, spec.admin.initialRef, credential);
      const { value } = await readValue(this.#context, { id: first.id });
      const session = await connectBooked(this.#context, spec, { ...login, password: value }, "probe");
      this.#byInitial.add(spec.account);
      return session;
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#own.values()].map((session) => session.close()));
    this.#own.clear();
  }
}

/** An admin's own rotation comes first: its password in the vault is then the one that works. */
async function referenceLogin(context: RotationContext, ref: string, finish: Finish): Promise<AdminLogin> {
  const named = await resolveReference(context.vault, ref);
  refuseIfAttention(named);
  // Also when nothing is pending: a lease that is held means that something is about to be.
  if (named.targets.length > 0) await finish(context, named.id);
  const { value, username, path, version } = await readValue(context, { id: named.id });
  const label = `The admin ${path.join("/")}`;
  if (username === undefined) {
    throw new CoffreError("INVALID_INPUT", `${label} has no username`, { hint: "Give that credential a username." });
  }
  return { username, password: value, self: false, label, credential: { id: named.id, version } };
}

async function selfLogin(context: RotationContext, spec: TargetSpec, credential: Credential): Promise<AdminLogin> {
  const initialRef = spec.admin.by === "self" ? spec.admin.initialRef : undefined;
  const hasCurrent = credential.versions.some(({ state }) => state === "current");
  if (!hasCurrent && initialRef === undefined) {
    throw new CoffreError("TARGET_NOT_READY", `Nothing is known that logs in to ${spec.account}`, {
      hint: "Name an admin (adminRef or admin), or the account's present password by initialRef.",
    });
  }
  const source = hasCurrent ? credential : await resolveReference(context.vault, initialRef ?? "");
  const { value } = await readValue(context, { id: source.id });
  return { username: spec.username, password: value, self: true, label: spec.account };
}

/** The current value is known to be right unless a set with another one may have reached the account. */
function selfLoginKind({ account }: TargetSpec, { versions, journal }: Credential): LoginBooking["kind"] {
  const inDoubt = journal.pending?.targets.some((target) => target.account === account && target.setStarted) === true;
  return versions.some(({ state }) => state === "current") && !inDoubt ? "proof" : "probe";
}
