import type { Credential, Vault } from "../../provider/vault/port.js";
import type { Watched } from "./scenarios.ts";
import { isMadeOf } from "./verifier.ts";

/** What is looked at: a vault, and a server by its superuser and by plain logins. */
export interface Observed {
  readonly vault: Vault;
  /** What the server keeps of each role's password; no entry for a role that doesn't exist. */
  verifiers(roles: readonly string[]): Promise<Map<string, string | undefined>>;
  logsIn(user: string, password: string): Promise<boolean>;
}

/** What is wrong at a point. `lost`: a password that works isn't kept. `unfinished`: the ordinary next run didn't end it. */
export interface Fault {
  what: "lost" | "doubled" | "unfinished" | "refused";
  detail: string;
}

/** Looks at target and vault from outside, and remembers every password that ever worked. */
export class Watch {
  readonly faults: Fault[] = [];
  readonly #observed: Observed;
  readonly #watched: readonly Watched[];
  /** Verifiers that the server had, by role. */
  readonly #seen = new Map<string, Set<string>>();

  constructor(observed: Observed, watched: readonly Watched[]) {
    this.#observed = observed;
    this.#watched = watched;
  }

  /** The invariant, right after a cut: the password that works is among pending and current. */
  async invariant(when: string): Promise<void> {
    const verifiers = await this.#verifiers();
    for (const watched of this.#watched) {
      const verifier = verifiers.get(watched.role);
      if (verifier === undefined) continue; // no role yet, or none with a password
      const kept = await this.#values(watched.id, ["pending", "current"]);
      const hasCurrent = kept.some(({ state }) => state === "current");
      const allowed = [...kept.map(({ value }) => value), ...(hasCurrent ? [] : [watched.before ?? ""])];
      if (!allowed.some((value) => isMadeOf(verifier, value))) {
        this.#fault("lost", `${when}: what works for ${watched.role} is neither pending nor current`);
      }
    }
  }

  /** What must hold once the ordinary next run has ended. @param expected what has changed for this point */
  async end(expected: Partial<Pick<Watched, "causes" | "versions">> = {}): Promise<void> {
    const verifiers = await this.#verifiers();
    for (const one of this.#watched) await this.#ended({ ...one, ...expected }, verifiers.get(one.role));
  }

  async #ended(watched: Watched, verifier: string | undefined): Promise<void> {
    const { id, role } = watched;
    const credential = await this.#observed.vault.readCredential(id);
    if (credential.status !== "current" || credential.journal.lease) {
      this.#fault("unfinished", `${role} is ${credential.status}${credential.journal.lease ? ", leased" : ""}`);
    }
    this.#checkCount(credential, watched);
    const kept = await this.#values(id);
    const current = kept.find(({ state }) => state === "current");
    if (verifier === undefined || !current || !isMadeOf(verifier, current.value)) {
      this.#fault("lost", `the current version of ${role} is not what works`);
      return;
    }
    for (const seen of this.#seen.get(role) ?? []) {
      const isKept = kept.some(({ value }) => isMadeOf(seen, value));
      const isBefore = watched.before !== undefined && isMadeOf(seen, watched.before);
      if (!isKept && !isBefore)
        this.#fault("lost", `a password of ${role} that worked for a time is not in its history`);
    }
    await this.#logIn(watched, kept);
  }

  #checkCount({ versions, targets }: Credential, { role, causes, versions: wanted }: Watched): void {
    for (const cause of causes) {
      const made = versions.filter((version) => version.causes.includes(cause) && version.state !== "discarded");
      if (made.length !== 1) this.#fault("doubled", `${role} has ${made.length} versions for ${cause}`);
    }
    if (versions.length !== wanted) this.#fault("doubled", `${role} has ${versions.length} versions, not ${wanted}`);
    if (targets.length !== 1) this.#fault("doubled", `${role} has ${targets.length} targets`);
  }

  /** By another client: the current version logs in, and nothing else does. Costs refused logins, so it comes last. */
  async #logIn({ role, before }: Watched, kept: { state: string; value: string }[]): Promise<void> {
    const others = kept.filter(({ state }) => state !== "current").map(({ value }) => value);
    if (before !== undefined) others.push(before);
    for (const { value } of kept.filter(({ state }) => state === "current")) {
      if (!(await this.#observed.logsIn(role, value)))
        this.#fault("lost", `${role} doesn't log in with its current version`);
    }
    for (const value of others) {
      if (await this.#observed.logsIn(role, value)) this.#fault("lost", `${role} logs in with an earlier version too`);
    }
  }

  async #verifiers(): Promise<Map<string, string | undefined>> {
    const verifiers = await this.#observed.verifiers(this.#watched.map(({ role }) => role));
    for (const [role, verifier] of verifiers) {
      if (verifier !== undefined) this.#seen.set(role, (this.#seen.get(role) ?? new Set()).add(verifier));
    }
    return verifiers;
  }

  async #values(id: string, states?: string[]): Promise<{ state: string; value: string }[]> {
    const { versions } = await this.#observed.vault.readCredential(id);
    const wanted = versions.filter(({ state }) => states === undefined || states.includes(state));
    const answers = await this.#observed.vault.readMany(wanted.map(({ number }) => ({ id, version: number })));
    return answers.map((answer, index) => {
      if (answer instanceof Error) throw answer;
      return { state: wanted[index]?.state ?? "", value: answer.value.reveal() };
    });
  }

  #fault(what: Fault["what"], detail: string): void {
    this.faults.push({ what, detail });
  }
}
