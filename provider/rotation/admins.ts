import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { CoffreError, isCoffreError } from "../core/errors.js";
import { Secret } from "../core/secret.js";
import type { TargetLogin, TargetSession, TargetSpec } from "../target/port.js";
import type { LoginBooking, LoginOutcome } from "../vault/port.js";
import { driverFor, type RotationContext } from "./context.js";
import { type LeasedCredential, withLease } from "./lease.js";
import { isUnanswered, outcomeOfFailure } from "./unanswered.js";

/** What a pool needs to know to log in: whom as, with what, and whose budget it costs. */
export interface AdminLogin extends TargetLogin {
  /** Names the admin in messages: a reference's path or a user name. */
  label: string;
  /** The credential that it comes from, if any, and the version that was read. */
  credential?: { id: string; version: number };
}

const RETRY_CONNECT_MS = 500;
const ATTENTION_LEASE_SECONDS = 30;

/** Calls that wait on a connection until another one is opened beside it: a login costs more than to wait for one or two. */
const WAITING_TO_GROW = 2;

/** The connections of one admin to one server. */
interface Connections {
  first: Promise<TargetSession>;
  /** Opened beside the first while many waited for it. */
  more: TargetSession[];
  growing: Promise<void> | undefined;
  mayGrow: boolean;
  turn: number;
}

/**
 * The admins' connections of one process: one for each server and admin, shared by all accounts behind it, and more of
 * them, up to {@link RotationContext.adminConnections}, where calls wait for each other. The first refused login of an
 * admin closes it for everybody, so that a stale password isn't tried once for each account; one that isn't answered, for
 * this process.
 */
export class AdminPool {
  readonly #connections = new Map<string, Connections>();
  readonly #refused = new Map<string, CoffreError>();

  /** @throws CoffreError what the driver's `connect` throws; BUDGET_SPENT */
  async session(
    context: RotationContext,
    spec: TargetSpec,
    findLogin: () => Promise<AdminLogin>,
  ): Promise<TargetSession> {
    const key = spec.sessionKey;
    const refused = this.#refused.get(key);
    if (refused) throw refused;
    for (;;) {
      const existing = this.#connections.get(key);
      if (!existing) {
        const first = this.#open(context, spec, findLogin);
        this.#connections.set(key, { first, more: [], growing: undefined, mayGrow: true, turn: 0 });
        first.catch(() => this.#connections.delete(key));
        return first;
      }
      const first = await existing.first;
      const usable = [first, ...existing.more].filter((session) => session.usable);
      const next = usable[existing.turn++ % usable.length];
      if (next) {
        const isCrowded = (next.waiting ?? 0) >= WAITING_TO_GROW && usable.length < context.adminConnections;
        if (isCrowded && existing.mayGrow) existing.growing ??= this.#grow(context, spec, existing, findLogin);
        return next;
      }
      if (this.#connections.get(key) === existing) this.#connections.delete(key);
    }
  }

  /** Nobody waits for it: what opens is there for those who come later, and what doesn't isn't tried again. */
  async #grow(
    context: RotationContext,
    spec: TargetSpec,
    connections: Connections,
    findLogin: () => Promise<AdminLogin>,
  ): Promise<void> {
    try {
      connections.more.push(await this.#open(context, spec, findLogin));
    } catch {
      connections.mayGrow = false;
    } finally {
      connections.growing = undefined;
    }
  }

  async #open(
    context: RotationContext,
    spec: TargetSpec,
    findLogin: () => Promise<AdminLogin>,
  ): Promise<TargetSession> {
    let login = await findLogin();
    for (;;) {
      try {
        return await connectBooked(context, spec, login, "proof");
      } catch (error) {
        if (isCoffreError(error) && isUnanswered(error)) this.#refused.set(spec.sessionKey, error);
        if (!isCoffreError(error, "LOGIN_REFUSED")) throw error;
      }
      // Another process may have rotated the admin between the read and the login; else it is the same version again.
      const again = login.credential ? await findLogin() : login;
      if (again.credential?.version === login.credential?.version) break;
      login = again;
    }
    const closed = new CoffreError("LOGIN_REFUSED", `${login.label} was refused at ${addressOf(spec)}`, {
      hint: login.credential
        ? "Bring the admin's password in the vault up to date, then `coffre resolve` it."
        : "Correct the user name, or the key or password, that the target's `admin` names, then run again.",
      details: login.credential === undefined ? {} : { adminId: login.credential.id },
    });
    this.#refused.set(spec.sessionKey, closed);
    if (login.credential) await closeForEverybody(context, login.credential, closed.problem);
    throw closed;
  }

  async close(): Promise<void> {
    const all = [...this.#connections.values()];
    this.#connections.clear();
    await Promise.all(all.map(closeAll));
  }
}

async function closeAll({ first, more, growing }: Connections): Promise<void> {
  await growing;
  await Promise.allSettled([first, ...more].map(async (session) => (await session).close()));
}

/** Other processes learn it from the vault; where that can't be written, the budget still ends their tries. */
async function closeForEverybody(
  context: RotationContext,
  admin: NonNullable<AdminLogin["credential"]>,
  message: string,
): Promise<void> {
  const attention = { reason: "admin-refused", message, version: admin.version };
  const raise = (leased: LeasedCredential) => leased.record({ step: "attention", attention });
  await withLease(context, admin.id, ATTENTION_LEASE_SECONDS, raise).catch(() => undefined);
}

/**
 * One login, booked before and settled after, so that refused ones are counted whatever dies. Waits, where the target
 * says so, for a machine that doesn't accept connections yet: a refused TCP connect is not a refused login. One that was
 * sent and not answered may be, and isn't repeated.
 */
export async function connectBooked(
  context: RotationContext,
  spec: TargetSpec,
  login: AdminLogin,
  kind: LoginBooking["kind"],
): Promise<TargetSession> {
  const driver = driverFor(context.drivers, spec.kind);
  const account = login.self ? spec.account : driver.parse(spec.description, login.username).account;
  const waitUntil = context.clock.monotonicMs() + spec.waitForSeconds * 1000;
  for (;;) {
    const booking = { id: randomUUID(), account, host: addressOf(spec), kind };
    try {
      return await context.logins.inTurn(booking.host, () =>
        tryBooked(context, booking, () => driver.connect(spec, login, context.signal)),
      );
    } catch (error) {
      const mayRepeat = isCoffreError(error, "UNREACHABLE") && !isUnanswered(error);
      if (!mayRepeat || context.clock.monotonicMs() >= waitUntil) throw error;
    }
    await context.clock.sleep(RETRY_CONNECT_MS, context.signal);
  }
}

async function tryBooked(
  { vault }: RotationContext,
  booking: LoginBooking,
  connect: () => Promise<TargetSession>,
): Promise<TargetSession> {
  await vault.bookLogin(booking);
  let outcome: LoginOutcome = "not-made";
  try {
    const session = await connect();
    outcome = "succeeded";
    return session;
  } catch (error) {
    outcome = outcomeOfFailure(error);
    throw error;
  } finally {
    await vault.settleLogin(booking.id, outcome);
  }
}

export function addressOf(spec: TargetSpec): string {
  return `${spec.address.host}:${spec.address.port}`;
}

/** The admin that a target names by a connection; its password is empty if it logs in by other means. @throws CoffreError CONFIGURATION if variable or file is missing or empty */
export async function connectionLogin(
  context: RotationContext,
  admin: TargetSpec["admin"] & { by: "connection" },
): Promise<AdminLogin> {
  const named = admin.passwordFile !== undefined || admin.passwordEnv !== undefined;
  const password = named || admin.withoutPassword !== true ? await connectionPassword(context, admin) : "";
  if (named && password === "") {
    throw new CoffreError("CONFIGURATION", `The password of the admin ${JSON.stringify(admin.username)} is empty`, {
      hint: "Fill the file or variable that admin.passwordFile or admin.passwordEnv names.",
    });
  }
  return {
    username: admin.username,
    password: new Secret(password),
    self: false,
    label: `The admin ${JSON.stringify(admin.username)}`,
  };
}

async function connectionPassword(
  context: RotationContext,
  admin: TargetSpec["admin"] & { by: "connection" },
): Promise<string> {
  if (admin.passwordFile !== undefined) {
    try {
      return (await readFile(admin.passwordFile, "utf8")).replace(/\r?\n$/, "");
    } catch (error) {
      throw new CoffreError("CONFIGURATION", `admin.passwordFile ${admin.passwordFile} can't be read`, {
        hint: "Check the path and who may read it.",
        cause: error,
      });
    }
  }
  const value = admin.passwordEnv === undefined ? undefined : context.environment[admin.passwordEnv];
  if (value !== undefined) return value;
  throw new CoffreError(
    "CONFIGURATION",
    `admin.passwordEnv names ${admin.passwordEnv ?? "nothing"}, which is not set`,
    {
      hint: "Set the variable where the rotation runs, or name a file with admin.passwordFile.",
    },
  );
}
