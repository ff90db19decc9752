import type { Random } from "./random.ts";

/** One way in which an `up` of the real engine is cut off. */
export interface EnginePoint {
  /** An event of the vault, or a piece of the traffic with the system or with the vault. */
  at: { event: string } | { piece: number; of: "system" | "vault" };
  /** `engine`: its plugin and program live on, as after a kill by hand. `tree`: everything that it started dies with it. */
  kill: "engine" | "tree";
  refreshBetween: boolean;
}

/** What a rotation writes into the vault's log, in order. The first one only happens when the entry is made. */
const EVENTS = ["credential.created", "rotation.staged", "rotation.set-started", "rotation.promoted"] as const;

/** More pieces than a rotation has none of; a moment that never comes would be no cut. */
const PIECES = { create: 26, change: 24, vault: 30 };

/**
 * So many points for one project: its first one cuts the entry's creation off, the others a rotation each.
 * @param vault whether moments in the vault are seen in its own log, or in its traffic
 */
export function enginePoints(count: number, random: Random, vault: "log" | "traffic"): EnginePoint[] {
  return Array.from({ length: count }, (_, index): EnginePoint => {
    const first = index === 0;
    const inVault = random.upTo(3) > 1;
    const moment = (): EnginePoint["at"] => {
      if (!inVault) return { piece: random.upTo(first ? PIECES.create : PIECES.change), of: "system" };
      return vault === "log"
        ? { event: random.pick(first ? EVENTS : EVENTS.slice(1)) }
        : { piece: random.upTo(PIECES.vault), of: "vault" };
    };
    const at = moment();
    return { at, kill: random.upTo(2) === 1 ? "engine" : "tree", refreshBetween: random.upTo(3) === 1 };
  });
}

/** One line that names the point, for progress and faults. */
export function describeEnginePoint({ at, kill, refreshBetween }: EnginePoint): string {
  const moment = "event" in at ? at.event : `piece ${at.piece} of the ${at.of}'s traffic`;
  return `${kill === "engine" ? "engine" : "engine and plugin"} killed at ${moment}${refreshBetween ? ", refresh between" : ""}`;
}
