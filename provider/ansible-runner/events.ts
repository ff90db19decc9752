import * as z from "zod";

const Data = z.looseObject({
  host: z.string().optional(),
  task: z.string().nullish(),
  play: z.string().optional(),
  res: z.record(z.string(), z.unknown()).optional(),
});

const Line = z.object({
  uuid: z.string(),
  counter: z.int(),
  event: z.string(),
  stdout: z.string().optional(),
  created: z.string().optional(),
  event_data: Data.optional(),
});

/** Something that happened in a run. Of a task with `no_log`, Ansible has already taken out what it said. */
export interface RunEvent {
  /** From 1, in the order in which they happened. */
  counter: number;
  uuid: string;
  /** Ansible's own word: `runner_on_ok`, `runner_on_failed`, `runner_on_unreachable`, `playbook_on_stats`, … */
  event: string;
  /** ISO 8601, UTC; empty where Ansible doesn't say. */
  at: string;
  /** What a person sees of it on a terminal. */
  stdout: string;
  host?: string;
  task?: string;
  play?: string;
  /** What the task's module answered. */
  result?: Readonly<Record<string, unknown>>;
}

/** How a run was for one host. */
export interface HostStatus {
  /** `unreachable` and `failed` count also if other tasks went well. */
  status: "ok" | "changed" | "failed" | "unreachable";
  ok: number;
  changed: number;
  failed: number;
  unreachable: number;
  skipped: number;
  rescued: number;
  ignored: number;
}

/** What the last event says of all hosts, and what the playbook itself has to say (`ansible.builtin.set_stats`). */
export interface RunStatistics {
  hosts: Record<string, HostStatus>;
  answers: Record<string, unknown>;
}

const Counts = z.record(z.string(), z.int()).default({});
const Statistics = z.looseObject({
  ok: Counts,
  changed: Counts,
  failures: Counts,
  dark: Counts,
  skipped: Counts,
  rescued: Counts,
  ignored: Counts,
  artifact_data: z.record(z.string(), z.unknown()).default({}),
});

/** Where Ansible says that a mistake is: a file, a line and a column. The second is how it said so before 2.19. */
const ORIGINS = [/Origin: (\/[^\x1b]+:\d+(?::\d+)?)/, /error appears to be in '(\/.+)': line (\d+), column (\d+)/];

/** The place that a line which is no event names as that of a mistake, `file:line:column`; `undefined` if it names none. */
export function originIn(line: string): string | undefined {
  const found = ORIGINS.map((pattern) => pattern.exec(line)).find((each) => each !== null);
  return found?.slice(1).join(":");
}

/** @returns `undefined` for a line that is no event */
export function parseEvent(line: string): { event: RunEvent; statistics?: RunStatistics } | undefined {
  const parsed = Line.safeParse(parseJson(line)).data;
  if (!parsed) return undefined;
  const { uuid, counter, event, stdout = "", created = "", event_data: data = {} } = parsed;
  const shown: RunEvent = {
    counter,
    uuid,
    event,
    at: created,
    stdout,
    ...(data.host === undefined ? {} : { host: data.host }),
    ...(data.task === undefined || data.task === null ? {} : { task: data.task }),
    ...(data.play === undefined ? {} : { play: data.play }),
    ...(data.res === undefined ? {} : { result: data.res }),
  };
  const statistics = event === "playbook_on_stats" ? Statistics.safeParse(data).data : undefined;
  return statistics === undefined ? { event: shown } : { event: shown, statistics: statisticsOf(statistics) };
}

function statisticsOf(counts: z.output<typeof Statistics>): RunStatistics {
  const { ok, changed, failures, dark, skipped, rescued, ignored } = counts;
  const names = new Set([ok, failures, dark, skipped, rescued, ignored].flatMap((each) => Object.keys(each)));
  const of = (each: Record<string, number>, name: string) => each[name] ?? 0;
  const hosts = [...names].sort().map((name): [string, HostStatus] => {
    const failed = of(failures, name);
    const unreachable = of(dark, name);
    const [first, second] = [of(ok, name), of(changed, name)];
    const status = unreachable > 0 ? "unreachable" : failed > 0 ? "failed" : second > 0 ? "changed" : "ok";
    const more = { skipped: of(skipped, name), rescued: of(rescued, name), ignored: of(ignored, name) };
    return [name, { status, ok: first, changed: second, failed, unreachable, ...more }];
  });
  return { hosts: Object.fromEntries(hosts), answers: counts.artifact_data };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // words of the runner itself
  }
}
