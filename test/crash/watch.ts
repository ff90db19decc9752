import type { Credential, Vault } from "../../provider/vault/port.js";
import type { Watched } from "./scenarios.ts";
import type { System } from "./system.ts";

/** What is wrong at a point. `lost`: a password that works isn't kept. `unfinished`: the ordinary next run didn't end it. */
export interface Fault {
  what: "lost" | "doubled" | "unfinished" | "refused";
  detail: string;
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

  /** The invariant, right after a cut: the password that works is among pending and current. */
  async invariant(when: string): Promise<void> {
    const verifiers = await this.#verifiers();
    for (const watched of this.#watched) {
      const verifier = verifiers.get(watched.user);
      if (verifier === undefined) continue; // no account yet, or none with a password
      const kept = await this.#values(watched.id, ["pending", "current"]);
      const hasCurrent = kept.some(({ state }) => state === "current");
      const allowed = [...kept.map(({ value }) => value), ...(hasCurrent ? [] : [watched.before ?? ""])];
      if (!allowed.some((value) => this.#system.isMadeOf(verifier, value))) {
        this.#fault("lost", `${when}: what works for ${watched.user} is neither pending nor current`);
      }
    }
  }

  /** What must hold once the ordinary next run has ended. @param expected what has changed for this point */
  async end(expected: Partial<Pick<Watched, "causes" | "versions">> = {}): Promise<void> {
    const verifiers = await this.#verifiers();
    for (const one of this.#watched) await this.#ended({ ...one, ...expected }, verifiers.get(one.user));
  }

  async #ended(watched: Watched, verifier: string | undefined): Promise<void> {
    const { id, user } = watched;
    const credential = await this.#vault.readCredential(id);
    if (credential.status !== "current" || credential.journal.lease) {
      this.#fault("unfinished", `${user} is ${credential.status}${credential.journal.lease ? ", leased" : ""}`);
    }
    this.#checkCount(credential, watched);
    const kept = await this.#values(id);
    const current = kept.find(({ state }) => state === "current");
    if (verifier === undefined || !current || !this.#system.isMadeOf(verifier, current.value)) {
      this.#fault("lost", `the current version of ${user} is not what works`);
      return;
    }
    for (const seen of this.#seen.get(user) ?? []) {
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

  /** By another client: the current version logs in, and nothing else does. Costs refused logins, so it comes last. */
  async #logIn({ user, before }: Watched, kept: { state: string; value: string }[]): Promise<void> {
    const others = kept.filter(({ state }) => state !== "current").map(({ value }) => value);
    if (before !== undefined) others.push(before);
    for (const { value } of kept.filter(({ state }) => state === "current")) {
      if (!(await this.#system.logsIn(user, value)))
        this.#fault("lost", `${user} doesn't log in with its current version`);
    }
    for (const value of others) {
      if (await this.#system.logsIn(user, value)) this.#fault("lost", `${user} logs in with an earlier version too`);
    }
  }

  async #verifiers(): Promise<Map<string, string | undefined>> {
    const verifiers = await this.#system.verifiers(this.#watched.map(({ user }) => user));
    for (const [user, verifier] of verifiers) {
      if (verifier !== undefined) this.#seen.set(user, (this.#seen.get(user) ?? new Set()).add(verifier));
    }
    return verifiers;
  }

  async #values(id: string, states?: string[]): Promise<{ state: string; value: string }[]> {
    const { versions } = await this.#vault.readCredential(id);
    const wanted = versions.filter(({ state }) => states === undefined || states.includes(state));
    const answers = await this.#vault.readMany(wanted.map(({ number }) => ({ id, version: number })));
    return answers.map((answer, index) => {
      if (answer instanceof Error) throw answer;
      return { state: wanted[index]?.state ?? "", value: answer.value.reveal() };
    });
  }

  #fault(what: Fault["what"], detail: string): void {
    this.faults.push({ what, detail });
  }
}
