import {
  AnsibleError,
  type HostStatus,
  type Inventory,
  type PlaybookRun,
  runPlaybook,
  type RunResult,
} from "../../ansible-runner/index.js";
import { isCoffreError } from "../../core/errors.js";
import { type Answer, answerNamed, MEANINGS, type Operation } from "../command/answers.js";
import type { Asker, Request } from "../command/request.js";
import type { ProgramEnd } from "../command/run-program.js";
import { quotableLine } from "../command/words.js";
import { findPlaybook, findQuietPlaybook } from "./playbooks.js";
import { AnsibleTarget } from "./schema.js";
import { ValueAgent } from "./value-agent.js";

/** What a playbook says beside its success, by `ansible.builtin.set_stats`. */
const ANSWER = "coffre_answer";
const WHY = "coffre_why";

/** Playbooks of the folder that this machine allows. */
export const playbooks: Asker<AnsibleTarget> = {
  page: "docs/targets/ansible.md",
  parse: (description) => AnsibleTarget.parse(description),
  async prepare(target) {
    const { playbook, look, remove } = target;
    const named = [playbook, look, proofOf(target), remove];
    for (const name of named) if (name !== undefined) await findQuietPlaybook(name);
  },
  ask,
};

/**
 * Runs the operation's playbook beside an agent of its own. The playbook reads the password that is to be set or proven as `account`,
 * and that of the login as `login`; everything else it gets as variables (docs/targets/ansible.md).
 */
async function ask(request: Request<AnsibleTarget>): Promise<ProgramEnd> {
  const { spec, target, operation, password, login, limitMs, signal } = request;
  const hasLogin = login !== undefined && login.password.reveal() !== "";
  const secrets = {
    ...(password === undefined ? {} : { account: password }),
    ...(hasLogin ? { login: login.password } : {}),
  };
  let playbook: string;
  try {
    playbook = await findPlaybook(playbookFor(target, operation));
  } catch (error) {
    if (isCoffreError(error)) return { end: "not-started", why: error.problem };
    throw error;
  }
  const agent = await ValueAgent.start(secrets);
  try {
    const run = runPlaybook({
      playbook,
      inventory: inventoryOf(target),
      variables: {
        ...target.variables,
        coffre_operation: operation,
        coffre_host: target.host,
        coffre_port: target.port,
        coffre_username: spec.username,
        coffre_login_username: login?.username ?? "",
        coffre_create: target.account?.create === true,
      },
      ...knownHostsOf(target),
      agent: agent.socket,
      timeLimitMs: Math.max(1, Math.floor(limitMs)),
      onWarning: () => {}, // looked for before anything is drawn, in `prepare`
      ...(signal === undefined ? {} : { signal }),
    });
    const revealed = Object.values(secrets).map((secret) => secret.reveal());
    return await endOf(run, operation, revealed);
  } finally {
    await agent.close();
  }
}

async function endOf(run: PlaybookRun, operation: Operation, secrets: readonly string[]): Promise<ProgramEnd> {
  let result: RunResult;
  try {
    result = await run.result;
  } catch (error) {
    if (!(error instanceof AnsibleError)) throw error;
    const why = error.problem;
    if (error.failure === "cancelled") return { end: "aborted" };
    // Ansible reads the whole playbook before its first task.
    if (error.failure === "not-installed" || error.failure === "syntax") return { end: "not-started", why };
    return { end: "no-answer", why };
  }
  const hosts = Object.values(result.hosts);
  const said = wordOf(result.answers[ANSWER]);
  if (said !== undefined) {
    const answer = answerNamed(operation, said);
    if (answer === undefined)
      return { end: "no-answer", why: `the playbook gave a ${ANSWER} that says nothing about ${operation}` };
    if (!isBorneOut(answer, result, hosts)) {
      return { end: "no-answer", why: `the playbook says ${answer}, and it isn't so on all hosts` };
    }
    const why = wordOf(result.answers[WHY]);
    const line = typeof why === "string" ? quotableLine(why, secrets) : undefined;
    return { end: "answered", answer, why: line === undefined ? MEANINGS[answer] : `the playbook says: ${line}` };
  }
  if (result.status === "unreachable" && hosts.every(({ ok, changed, failed }) => ok + changed + failed === 0)) {
    return { end: "answered", answer: "unreachable", why: "Ansible reached none of the hosts" };
  }
  // A run without a host is a success to Ansible, and has done nothing; a proof has to be said.
  if (result.status === "successful" && hosts.length > 0 && operation !== "verify") {
    return { end: "answered", answer: "done", why: MEANINGS.done };
  }
  return { end: "no-answer", why: `the playbook ended as ${result.status} and gave no ${ANSWER}` };
}

/** Ansible strings together what several hosts say: the same from each of them is that one. */
function wordOf(said: unknown): unknown {
  return typeof said === "string" ? (/^(.+?)\1*$/s.exec(said)?.[1] ?? "") : said;
}

/**
 * Of several hosts one may give the answer, and the others have fared otherwise: a yes needs them all, and what says that nothing
 * changed isn't taken where one of them was changed.
 */
function isBorneOut(answer: Answer, { status }: RunResult, hosts: readonly HostStatus[]): boolean {
  if (answer === "done" || answer === "made") return status === "successful" && hosts.length > 0;
  return hosts.length <= 1 || hosts.every(({ changed }) => changed === 0);
}

function proofOf({ verify }: AnsibleTarget): string | undefined {
  return verify !== "none" && "playbook" in verify ? verify.playbook : undefined;
}

function playbookFor(target: AnsibleTarget, operation: Operation): string {
  const { playbook, look, remove } = target;
  return { set: playbook, look, verify: proofOf(target), disable: remove, drop: remove }[operation] ?? "";
}

function hostsOf({ host, port, inventory }: AnsibleTarget): NonNullable<AnsibleTarget["inventory"]> {
  return inventory ?? { target: { host, port } };
}

function inventoryOf(target: AnsibleTarget): Inventory {
  const hosts = Object.entries(hostsOf(target)).map(([name, { host, port, user }]) => [
    name,
    {
      ansible_host: host,
      ...(port === undefined ? {} : { ansible_port: port }),
      ...(user === undefined ? {} : { ansible_user: user }),
    },
  ]);
  return { all: { hosts: Object.fromEntries(hosts) as Record<string, Record<string, string | number>> } };
}

function knownHostsOf(target: AnsibleTarget): { knownHosts?: string[] } {
  const lines = Object.values(hostsOf(target)).flatMap(({ host, port = 22, hostKey }) =>
    hostKey === undefined ? [] : [`${port === 22 ? host : `[${host}]:${String(port)}`} ${hostKey}`],
  );
  return lines.length === 0 ? {} : { knownHosts: lines };
}
