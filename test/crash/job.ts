import type { TargetKind } from "./scenarios.ts";
import type { VaultOpening } from "./vaults.ts";

/** What the controller and its workers tell each other, as lines of JSON. */

/** Where a run is cut off: at its request `number` (from 1), counted over vault and target together. */
export interface Cut {
  number: number;
  /**
   * `kill-before`, `kill-after`: the process kills itself before the request is made, or when it has been carried out.
   * `lose-reply`: it is carried out, and the process goes on with an error in place of the answer.
   */
  how: "kill-before" | "kill-after" | "lose-reply";
}

/** One order for a worker process. */
export interface Job {
  vault: VaultOpening;
  /** `rotate`: an ordinary run. `read`: what a refresh asks of the vault, which changes nothing. */
  work: "rotate" | "read";
  credentialId: string;
  /** Of what kind its targets are. */
  target: TargetKind;
  causes: string[];
  cut?: Cut;
  /** The test double that keeps no journal: sets first and writes afterwards. */
  withoutJournal?: true;
}

/** What a worker answers, unless it was killed. */
export interface JobResult {
  ok: boolean;
  /** What the rotation did, or `read`. */
  action?: string;
  /** The failure's code and message. */
  code?: string;
  message?: string;
  /** Every request in order, such as `vault.record stage` or `target.set`. */
  requests: string[];
}
