import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Document, Scalar } from "yaml";
import { escapeForYaml } from "../core/escape.js";
import { Template, type RunOptions } from "./options.js";

/** A caller that is frozen can't end a run when its time is over: its runner does, a little later. */
const BACKSTOP_SECONDS = 5;

/** Where one run keeps what Ansible and its runner write. Nobody else may look into it. */
export interface PrivateData {
  folder: string;
  /** Ansible's own home, in the place of `~/.ansible`. */
  home: string;
  temporary: string;
  knownHosts: string | undefined;
}

/** A new folder, mode 0700. Its path is short, since sockets stand in it. */
export function makePrivateData({ inventory, variables, knownHosts, timeLimitMs }: RunOptions): PrivateData {
  const folder = mkdtempSync(join(tmpdir(), "cfa-"));
  const data: PrivateData = {
    folder,
    home: join(folder, "h"),
    temporary: join(folder, "t"),
    knownHosts: knownHosts === undefined ? undefined : join(folder, "known_hosts"),
  };
  for (const name of ["inventory", "env", "h", "t"]) mkdirSync(join(folder, name), { mode: 0o700 });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  write("inventory/hosts.yml", toYaml(inventory));
  write("env/extravars", toYaml(variables));
  write("env/settings", JSON.stringify({ job_timeout: Math.ceil(timeLimitMs / 1_000) + BACKSTOP_SECONDS }));
  if (knownHosts !== undefined) write("known_hosts", knownHosts.map((line) => `${line}\n`).join(""));
  return data;
}

/** YAML in which only what was marked as a template is one: every other text with a brace is tagged as unsafe to fill in. */
export function toYaml(value: unknown): string {
  return escapeForYaml(new Document(nodeOf(value), { aliasDuplicateObjects: false }).toString({ lineWidth: 0 }));
}

function nodeOf(value: unknown): unknown {
  if (typeof value === "string" || value instanceof Template) {
    const text = new Scalar(value instanceof Template ? value.text : value);
    text.type = Scalar.QUOTE_DOUBLE;
    if (typeof value === "string" && value.includes("{")) text.tag = "!unsafe";
    return text;
  }
  if (Array.isArray(value)) return value.map(nodeOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, nodeOf(inner)]));
}
