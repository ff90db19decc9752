import type { AgentRead } from "./agent-read.ts";
import type { AnsibleFleetTimes } from "./ansible-fleet.ts";
import type { AnsibleRead } from "./ansible-read.ts";
import type { DepositMemory } from "./deposit-memory.ts";
import type { LockselfRead } from "./lockself-read.ts";
import type { PostgresRate } from "./postgres-rate.ts";
import type { RotationTimes } from "./rotation.ts";
import type { RunStart } from "./run-start.ts";
import type { ServedReads } from "./served-reads.ts";
import type { SingleCreate } from "./single-create.ts";
import type { SshRotationTimes } from "./ssh-rotation.ts";
import type { SyncTimes } from "./sync.ts";
import type { TreeTimes, TreeUps } from "./category-tree.ts";
import type { VaultRequests } from "./vault-requests.ts";

/** One figure. */
export interface Figure {
  key: string;
  /** What is measured, and how: printed beside the figure. */
  definition: string;
  /** What this release promises of it. */
  bound: { atMost: number } | { atLeast: number };
  /** It takes so long that it is measured only where `--only` names it. */
  isLong?: true;
  measure: (sources: Sources) => Promise<number>;
}

/** What several figures are taken from; each is measured once, when the first of them is asked for. */
export interface Sources {
  singleCreate: () => Promise<SingleCreate>;
  rotation: () => Promise<RotationTimes>;
  sshRotation: () => Promise<SshRotationTimes>;
  sync: () => Promise<SyncTimes>;
  postgresRate: () => Promise<PostgresRate>;
  vaultRequests: () => Promise<VaultRequests>;
  agentRead: () => Promise<AgentRead>;
  runStart: () => Promise<RunStart>;
  lockselfRead: () => Promise<LockselfRead>;
  servedReads: () => Promise<ServedReads>;
  categoryTree: () => Promise<TreeTimes>;
  categoryTreeSingles: () => Promise<TreeUps>;
  ansibleRead: () => Promise<AnsibleRead>;
  ansibleFleet: () => Promise<AnsibleFleetTimes>;
  depositMemory: () => Promise<DepositMemory>;
}

const CREATES =
  "100 credentials without target against 100 resources of the same shape that do nothing, both on the dynamic " +
  "provider from a packed package; one up of each in turn, from a stack that has their category; ratio of the medians of 5";

/** All figures, in the order in which they are measured. */
export const FIGURES: readonly Figure[] = [
  {
    key: "single_create_vs_floor",
    definition: `${CREATES}: wall time`,
    bound: { atMost: 1.3 },
    measure: async ({ singleCreate }) => ratio(await singleCreate(), "wallSeconds"),
  },
  {
    key: "single_create_cpu_vs_floor",
    definition: "the same runs: CPU time of engine, language host, program and plugin",
    bound: { atMost: 1.3 },
    measure: async ({ singleCreate }) => ratio(await singleCreate(), "cpuSeconds"),
  },
  {
    key: "single_state_bytes",
    definition: "(state at 100 - state at 0) / 100 of the same stack: category from an output, 12-character names",
    bound: { atMost: 2_800 },
    measure: async ({ singleCreate }) => (await singleCreate()).stateBytes,
  },
  {
    key: "embedded_writes_per_s",
    definition: "credentials created a second: batches of 100, full sync, one event each; median of 5 rounds of 2,000",
    bound: { atLeast: 5_000 },
    measure: async () => (await import("./vault.ts")).embeddedWritesPerSecond(),
  },
  {
    key: "embedded_reads_per_s",
    definition:
      "values read and decrypted a second: 100 references a request, one durable chained event each request; " +
      "median of 5 rounds of 10,000, each on a vault opened afresh",
    bound: { atLeast: 20_000 },
    measure: async () => (await import("./vault.ts")).embeddedReadsPerSecond(),
  },
  {
    key: "access_tree_ms",
    definition:
      "one `coffre access --json` over 1,000 categories, 200 users, 50 groups and 400 grants, without the start of Node, in a " +
      "process that has done it before; median of 9",
    bound: { atMost: 1_000 },
    measure: async () => (await import("./access-tree.ts")).accessTreeMs(),
  },
  {
    key: "rotation_vs_bare",
    definition:
      "one PostgreSQL rotation (embedded vault, warm process) against the bare change and proof: both open an admin's " +
      "connection, set a SCRAM verifier in a transaction, log in with the new password on a second connection, and " +
      "close both; in turn on one server that syncs; ratio of the medians of 200",
    bound: { atMost: 1.5 },
    measure: async ({ rotation }) => {
      const { bareMs, oursMs } = await rotation();
      return oursMs / bareMs;
    },
  },
  {
    key: "ssh_rotation_vs_bare",
    definition:
      "a password on each of 20 Linux hosts, 4 at once (embedded vault, warm process), against the bare change and proof " +
      "by the same library: both log in as an admin by a key, run chpasswd by sudo, and log in with the new password on a " +
      "second connection; in turn; ratio of the medians of 5",
    bound: { atMost: 1.5 },
    measure: async ({ sshRotation }) => {
      const { bareMs, oursMs } = await sshRotation();
      return oursMs / bareMs;
    },
  },
  {
    key: "sync_1000_vs_bare",
    definition:
      "a first sync of 1,000 entries from an embedded vault into a KV engine (a server in memory), against 1,000 bare writes " +
      "of the same texts by the same library, both 16 at a time; in turn; ratio of the medians of 5",
    bound: { atMost: 2 },
    measure: async ({ sync }) => {
      const { bareMs, oursMs } = await sync();
      return oursMs / bareMs;
    },
  },
  {
    key: "postgres_rate_vs_bare",
    definition:
      "PostgreSQL roles rotated a second, ours / bare: 200 credentials by one `coffre rotate` of them all, 4 at once (embedded " +
      "vault with full sync), against as many roles, 4 at once, each given a SCRAM verifier by one ALTER ROLE of an admin and " +
      "logged in to once with the new password, by pg's own client; both in warm processes, from the first connection to the " +
      "last one's end; what is ours alone is finding, look, journal and history; in turn on one server that syncs; ratio of the " +
      "medians of 5",
    bound: { atLeast: 0.8 },
    measure: async ({ postgresRate }) => {
      const { bareMs, oursMs } = await postgresRate();
      return bareMs / oursMs;
    },
  },
  {
    key: "vault_requests_per_rotation",
    definition:
      "requests that OpenBao gets for each PostgreSQL credential of a bulk rotation whose admin is in the vault, counted by a " +
      "proxy before it, the command's own finding and reading included: (a `coffre rotate` of 9 - one of 1) / 8, each a " +
      "process of its own; without what such a process asks once",
    bound: { atMost: 8 },
    measure: async ({ vaultRequests }) => (await vaultRequests()).perRotation,
  },
  {
    key: "vault_requests_of_one_rotation",
    definition:
      "all requests of a `coffre rotate` of one such credential, from the start of its process to its end: the rotation, what a " +
      "process asks once (state of the server, mount, identity, directory; how long its token lives, after three seconds), " +
      "and the admin's password and login; method and path of each are in the details",
    bound: { atMost: 18 },
    measure: async ({ vaultRequests }) => (await vaultRequests()).ofOneAlone,
  },
  {
    key: "agent_read_ms_vs_bare",
    definition:
      "one password of an embedded vault, read by the library through a `coffre agent`, against a bare HTTP request over a unix " +
      "socket to a bare server (Node's own http, no checks) that reads the same vault: both are processes of their own, warm, " +
      "that answer once the read's event is synced; 50 reads of each in turn; ratio of the medians of 500",
    bound: { atMost: 2 },
    measure: async ({ agentRead }) => {
      const { bareMs, oursMs } = await agentRead();
      return oursMs / bareMs;
    },
  },
  {
    key: "run_50_refs_vs_node",
    definition:
      "`coffre run` with 50 references and `true` as its command, through a `coffre agent` of an embedded vault that the environment " +
      "names, from its start to its end, against `node -e 0`: 15 of each in turn, after 3; ratio of the medians",
    bound: { atMost: 3 },
    measure: async ({ runStart }) => {
      const { oursMs, nodeMs } = await runStart();
      return oursMs / nodeMs;
    },
  },
  {
    key: "lockself_read_vs_bare",
    definition:
      "1,000 passwords of a vault in LockSelf, as `coffre serve` speaks it in a process of its own, read by a client that is opened " +
      "for it (so that it finds the vault, its directory and each document first), against bare requests that decrypt the 1,000 " +
      "entries people see, ids known before; both 4 at a time; in turn; ratio of the medians of 3",
    bound: { atMost: 3 },
    measure: async ({ lockselfRead }) => {
      const { bareMs, oursMs } = await lockselfRead();
      return oursMs / bareMs;
    },
  },
  {
    key: "tree_bulk_vs_singles",
    definition:
      "copies of a tree of 12 categories with 5 grants, on the real engine with a vault in a file: the time of one `up` of 1,000 as " +
      "one resource with `names`, against that of 300 as one resource each, a copy; wall and CPU seconds of both, of an `up` with " +
      "nothing to do and of one that changes the template of the 1,000 are in the details",
    bound: { atMost: 0.1 },
    measure: async ({ categoryTree }) => {
      const { bulk, singlesUp, singles } = await categoryTree();
      return bulk.up.wallSeconds / bulk.copies / (singlesUp.wallSeconds / singles);
    },
  },
  {
    key: "tree_1000_bulk_s",
    definition: "of the same, the seconds of the `up` that makes 1,000 copies as one resource: the whole command",
    bound: { atMost: 20 },
    measure: async ({ categoryTree }) => (await categoryTree()).bulk.up.wallSeconds,
  },
  {
    key: "tree_1000_singles_s",
    definition:
      "the seconds of the `up` that makes the same 1,000 copies as one resource each, with the engine's own parallelism and " +
      "all its checkpoints; of an `up` with nothing to do and one that changes each template in the details",
    bound: { atMost: 600 },
    isLong: true,
    measure: async ({ categoryTreeSingles }) => (await categoryTreeSingles()).up.wallSeconds,
  },
  {
    key: "deposit_rss_mb",
    definition:
      "the most memory (VmHWM, in 10^6 bytes, from its start on) of a `coffre serve` that takes a deposit of 2 GB by its page's " +
      "upload (tus), cut twice and gone on with at the offset that the server names; it has to arrive with its SHA-256",
    bound: { atMost: 200 },
    measure: async ({ depositMemory }) => (await depositMemory()).peakMb,
  },
  {
    key: "server_reads_per_s",
    definition:
      "passwords read a second from `coffre serve` over 1,000 entries, one a request, by 64 connections of 4 users with a grant " +
      "each: authenticated, decrypted, the event durable before the answer; server on one core, load tool on the other; " +
      "median of 3 rounds of 5 s",
    bound: { atLeast: 1_500 },
    measure: async ({ servedReads }) => (await servedReads()).perSecond,
  },
  {
    key: "server_read_p99_ms",
    definition: "the same rounds: the time within which 99 of 100 reads were answered, at full load",
    bound: { atMost: 100 },
    measure: async ({ servedReads }) => (await servedReads()).p99Ms,
  },
  {
    key: "ansible_1000_batch_vs_literal",
    definition:
      "a playbook that uses 1,000 values in one task, read by one lookup of them all through a running `coffre agent` (embedded " +
      "vault), against the same playbook with the values written in it; whole processes, in turn; ratio of the medians of 5",
    bound: { atMost: 1.5 },
    measure: async ({ ansibleRead }) => {
      const { literalMs, batchMs } = await ansibleRead();
      return batchMs / literalMs;
    },
  },
  {
    key: "ansible_1000_each_vs_literal",
    definition: "the same playbook with a lookup for each value, a request each, against the values written in it",
    bound: { atMost: 3 },
    measure: async ({ ansibleRead }) => {
      const { literalMs, eachMs } = await ansibleRead();
      return eachMs / literalMs;
    },
  },
  {
    key: "ssh_speed_vs_ansible",
    definition:
      "a new password on each of 50 Linux hosts, 10 at once: a playbook with the `user` module (pipelining on, facts off, hashes made beforehand, no proof), " +
      "a process, against Coffre (embedded vault, warm process) with look, journal and a login as proof; both log in as an admin by " +
      "a key; in turn; ratio of the medians of 3, theirs / ours",
    bound: { atLeast: 2 },
    measure: async ({ ansibleFleet }) => {
      const { ansibleMs, oursMs } = await ansibleFleet();
      return ansibleMs / oursMs;
    },
  },
];

/** True if a figure keeps its bound. */
export function keeps(figure: Figure, value: number): boolean {
  return "atMost" in figure.bound ? value <= figure.bound.atMost : value >= figure.bound.atLeast;
}

export function describeBound({ bound, isLong }: Figure): string {
  const text = "atMost" in bound ? `at most ${bound.atMost}` : `at least ${bound.atLeast}`;
  return isLong ? `${text}; takes minutes, only by --only` : text;
}

function ratio({ floor, ours }: SingleCreate, what: "wallSeconds" | "cpuSeconds"): number {
  return ours[what] / floor[what];
}
