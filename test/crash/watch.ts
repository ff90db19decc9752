import type { Credential, Vault } from "../../provider/vault/port.js";
import type { Watched } from "./scenarios.ts";
import type { System } from "./system.ts";

/** What is wrong at a point. `lost`: a password that works isn't kept. `unfinished`: the ordinary next run didn't end it. */
export interface Fault {
  what: "lost" | "doubled" | "unfinished" | "refused";
  detail: string;
}

/** A version as the vault keeps it. */
interface Kept {
  state: string;
  /** Who logs in with it. */
  user: string;
  value: string;
  /** It may work: it is pending or current, or its login drains. */
  inForce: boolean;
}

/** The accounts that a version of this credential may be for. */
export function loginsOf({ user, logins = [user] }: Watched): string[] {
  return logins;
}

/** Looks at target and vault from outside, and remembers every password that ever worked. */
export class Watch {
  readonly faults: Fault[] = [];
  readonly #vault: Vault;
  readonly #system: System;
  readonly #watched: readonly Watched[];
  /** Verifiers that the system had, by account. */
  readonly #seen = new Map<string, Set<string>>();

  constructor(vault: Vault, system: System, watched: readonly Watched[]) {
    this.#vault = vault;
    this.#system = system;
    this.#watched = watched;
  }

  /**
   * The invariant, right after a cut: the password that works is among pending and current. Where logins take turns, each
   * login has a version of its own, or one that drains, and the current one works throughout.
   */
  async invariant(when: string): Promise<void> {
    const verifiers = await this.#verifiers();
    for (const watched of this.#watched) {
      const kept = (await this.#values(watched)).filter(({ inForce }) => inForce);
      const current = kept.find(({ state }) => state === "current");
      for (const user of loginsOf(watched)) {
        const verifier = verifiers.get(user);
        if (verifier === undefined) continue; // no account yet, or none with a password
        const own = kept.filter((version) => version.user === user).map(({ value }) => value);
        const allowed = [...own, ...(current ? [] : [watched.before ?? ""])];
        if (!allowed.some((value) => this.#system.isMadeOf(verifier, value))) {
          this.#fault("lost", `${when}: what works for ${user} is neither pending nor current`);
        }
      }
      if (!watched.logins || !current) continue;
      const verifier = verifiers.get(current.user);
      if (verifier === undefined || !this.#system.isMadeOf(verifier, current.value))
        this.#fault("lost", `${when}: the current version doesn't work for ${current.user}`);
    }
  }

  /** What must hold once the ordinary next run has ended. @param expected what has changed for this point */
  async end(expected: Partial<Pick<Watched, "causes" | "versions">> = {}): Promise<void> {
    const verifiers = await this.#verifiers();
    for (const one of this.#watched) await this.#ended({ ...one, ...expected }, verifiers);
  }

  async #ended(watched: Watched, verifiers: ReadonlyMap<string, string | undefined>): Promise<void> {
    const { id, user } = watched;
    const credential = await this.#vault.readCredential(id);
    if (credential.status !== "current" || credential.journal.lease) {
      this.#fault("unfinished", `${user} is ${credential.status}${credential.journal.lease ? ", leased" : ""}`);
    }
    this.#checkCount(credential, watched);
    const kept = await this.#values(watched);
    const current = kept.find(({ state }) => state === "current");
    const verifier = current && verifiers.get(current.user);
    if (verifier === undefined || !current || !this.#system.isMadeOf(verifier, current.value)) {
      this.#fault("lost", `the current version of ${user} is not what works`);
      return;
    }
    for (const seen of loginsOf(watched).flatMap((login) => [...(this.#seen.get(login) ?? [])])) {
      const isKept = kept.some(({ value }) => this.#system.isMadeOf(seen, value));
      const isBefore = watched.before !== undefined && this.#system.isMadeOf(seen, watched.before);
      if (!isKept && !isBefore)
        this.#fault("lost", `a password of ${user} that worked for a time is not in its history`);
    }
    await this.#logIn(watched, kept);
  }

  #checkCount({ versions, targets }: Credential, { user, causes, versions: wanted }: Watched): void {
    for (const cause of causes) {
      const made = versions.filter((version) => version.causes.includes(cause) && version.state !== "discarded");
      if (made.length !== 1) this.#fault("doubled", `${user} has ${made.length} versions for ${cause}`);
    }
    if (versions.length !== wanted) this.#fault("doubled", `${user} has ${versions.length} versions, not ${wanted}`);
    if (targets.length !== 1) this.#fault("doubled", `${user} has ${targets.length} targets`);
  }

  /**
   * By another client: the current version logs in, and one that drains, and nothing else does. Costs refused logins, so it
   * comes last.
   */
  async #logIn({ user: account, before }: Watched, kept: readonly Kept[]): Promise<void> {
    const others = kept.filter(({ inForce }) => !inForce);
    if (before !== undefined) others.push({ state: "before", user: account, value: before, inForce: false });
    for (const { user, state, value } of kept.filter(({ inForce }) => inForce)) {
      const which = state === "current" ? "its current version" : "the version that drains";
      if (!(await this.#system.logsIn(user, value))) this.#fault("lost", `${user} doesn't log in with ${which}`);
    }
    for (const { user, value } of others) {
      if (await this.#system.logsIn(user, value)) this.#fault("lost", `${user} logs in with an earlier version too`);
    }
  }

  async #verifiers(): Promise<Map<string, string | undefined>> {
    const verifiers = await this.#system.verifiers(this.#watched.flatMap(loginsOf));
    for (const [user, verifier] of verifiers) {
      if (verifier !== undefined) this.#seen.set(user, (this.#seen.get(user) ?? new Set()).add(verifier));
    }
    return verifiers;
  }

  async #values({ id, user }: Watched): Promise<Kept[]> {
    const { versions, journal } = await this.#vault.readCredential(id);
    const answers = await this.#vault.readMany(versions.map(({ number }) => ({ id, version: number })));
    return versions.map(({ number, state, username = user }, index) => {
      const answer = answers[index];
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
      const drains = journal.draining?.some(({ version }) => version === number) === true;
      const inForce = state === "pending" || state === "current" || drains;
      return { state, user: username, value: answer.value.reveal(), inForce };
    });
  }

  #fault(what: Fault["what"], detail: string): void {
    this.faults.push({ what, detail });
  }
}
