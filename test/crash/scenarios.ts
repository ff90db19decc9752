import { COMMAND_SCENARIOS } from "./command-scenarios.ts";
import { LINUX_SCENARIOS } from "./linux-scenarios.ts";
import { MYSQL_SCENARIOS } from "./mysql-scenarios.ts";
import { POSTGRES_SCENARIOS } from "./postgres-scenarios.ts";
import type { System } from "./system.ts";
import type { World } from "./world.ts";

/** A credential and the account that it sets. */
export interface Watched {
  id: string;
  user: string;
  /** Where logins take turns: all names that a version may be for, the account's own among them. Default: that alone. */
  logins?: string[];
  /** What the account's password was before Coffre's first set, if nobody has it in the entry. */
  before?: string;
  /** The causes that must have one version each in the end. */
  causes: string[];
  /** How many versions there must be in the end, no more and no fewer. */
  versions: number;
}

/** What one point works on: accounts and entries of its own. */
export interface Subject {
  /** The run that is cut off. */
  first: { credentialId: string; causes: string[] };
  /** The ordinary run after it, entry by entry. */
  next: { credentialId: string; causes: string[] }[];
  watched: Watched[];
  /** Logins that a run which isn't cut off has refused on purpose: a first password must be refused in the end. Default 0. */
  expectedRefusals?: number;
}

/** Where a scenario's accounts are reached: the system itself, or the proxy in front of it. */
export interface Place {
  host: string;
  port: number;
}

/** What a rotation can be about. */
export interface Scenario {
  /** The system that it needs; its own for each point, or a shared one. */
  open(world: World): Promise<System>;
  /** Makes accounts and entries named after the point. */
  prepare(world: World, system: System, name: string, place: Place): Promise<Subject>;
}

const BY_TARGET = {
  postgres: POSTGRES_SCENARIOS,
  mysql: MYSQL_SCENARIOS,
  linux: LINUX_SCENARIOS,
  command: COMMAND_SCENARIOS,
};

export const SCENARIOS = {
  ...POSTGRES_SCENARIOS,
  ...MYSQL_SCENARIOS,
  ...LINUX_SCENARIOS,
  ...COMMAND_SCENARIOS,
} satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;

/** Every kind of target that there are scenarios for. */
export type TargetKind = keyof typeof BY_TARGET;

export const TARGETS = Object.keys(BY_TARGET) as TargetKind[]; // a constant's own keys

export function targetOf(name: ScenarioName): TargetKind {
  const found = TARGETS.find((target) => name in BY_TARGET[target]);
  if (!found) throw new Error(`${name} is of no target`);
  return found;
}
