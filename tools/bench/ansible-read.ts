import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { Secret } from "../../provider/core/secret.js";
import { ensureAnsible } from "../ansible/environment.ts";
import { run } from "../linux-hosts/run.ts";
import { commandEnvironment, onFreshVault } from "./fresh-vault.ts";
import { SocketProcess } from "./socket-process.ts";
import { median, timed } from "./statistics.ts";

const ENTRIES = 1_000;
const ROUNDS = 5;
const COLLECTIONS = resolve(import.meta.dirname, "../../ansible");

/** Medians of a whole `ansible-playbook`, milliseconds. */
export interface AnsibleRead {
  literalMs: number;
  batchMs: number;
  eachMs: number;
}

/**
 * One playbook that uses 1,000 values in one task: written into it, read by one lookup of them all, and by a lookup each, through a
 * real `coffre agent` on an embedded vault. Each is a process of its own, in turn.
 */
export async function measureAnsibleRead(): Promise<AnsibleRead> {
  const bin = await ensureAnsible((line) => process.stderr.write(`${line}\n`));
  return onFreshVault(async (vault, _reopen, folder) => {
    const names = Array.from({ length: ENTRIES }, (_, index) => `entry-${String(index)}`);
    const valueOf = (name: string) => `the value of ${name}`;
    await vault.createCredentials(
      names.map((name) => ({
        name,
        categoryId: null,
        initial: { value: new Secret(valueOf(name)), causes: ["bench"] },
      })),
    );
    const socket = join(folder, "run/agent.sock");
    await mkdir(join(folder, "playbooks"));
    const write = async (name: string, used: string) => {
      const path = join(folder, "playbooks", `${name}.yml`);
      await writeFile(path, playbook(names, Object.fromEntries(names.map((each) => [each, valueOf(each)])), used));
      return path;
    };
    const all = "{% for value in query('coffre.vault.credential', *names) %}{{ value }}{% endfor %}";
    const paths = {
      literal: await write("literal", "{% for name in names %}{{ literals[name] }}{% endfor %}"),
      batch: await write("batch", all),
      each: await write("each", "{% for name in names %}{{ lookup('coffre.vault.credential', name) }}{% endfor %}"),
    };
    const env = {
      PATH: [bin, process.env["PATH"] ?? ""].join(delimiter),
      HOME: folder,
      LANG: "C.UTF-8",
      ANSIBLE_COLLECTIONS_PATH: COLLECTIONS,
      COFFRE_AGENT: socket,
    };
    const agent = await SocketProcess.start("agent", socket, commandEnvironment(folder));
    try {
      const play = (path: string) => timed(() => run(join(bin, "ansible-playbook"), [path], env));
      const took: Record<keyof typeof paths, number[]> = { literal: [], batch: [], each: [] };
      const kinds = Object.keys(paths) as (keyof typeof paths)[]; // its own keys
      for (const kind of kinds) await play(paths[kind]);
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) took[kind].push(await play(paths[kind]));
      }
      return { literalMs: median(took.literal), batchMs: median(took.batch), eachMs: median(took.each) };
    } finally {
      await agent.stop();
    }
  });
}

/** The same play for all three, with the literal values in it too, so that each reads as much YAML. */
function playbook(names: readonly string[], literals: Readonly<Record<string, string>>, used: string): string {
  const length = Object.values(literals).join("").length;
  const tasks = [
    { name: "Use them", no_log: true, "ansible.builtin.assert": { that: `used | length == ${String(length)}` } },
  ];
  return JSON.stringify([{ hosts: "localhost", gather_facts: false, vars: { names, literals, used }, tasks }]);
}
