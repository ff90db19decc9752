import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { coffre } from "./children.ts";
import type { Places } from "./places.ts";
import { Trouble } from "./screen.ts";

/** What of `coffre list --json` the quickstart needs; its keys are a promise of the command. */
export interface Registered {
  ref: string;
  path: string[];
  username: string;
  currentVersion: number | null;
  verified: boolean;
}

/** The accounts that the stack declares, as the vault has them. */
export interface RegisteredAccounts {
  database: Registered;
  /** Missing where no machine can be made. */
  machine: Registered | undefined;
}

/** @throws Trouble if there is no database account yet */
export async function findRegistered(): Promise<RegisteredAccounts> {
  const { credentials } = JSON.parse(await coffre("list", "--json")) as {
    credentials: (Registered & { targets: { kind: string }[] })[];
  };
  const of = (wanted: string) => credentials.find(({ targets }) => targets.some(({ kind }) => kind === wanted));
  const database = of("postgres");
  if (database) return { database, machine: of("linux") };
  throw new Trouble("The vault holds no database account", "Run `npm run quickstart` first, without a flag.");
}

/** A value, by the very command that people use. It stays in this process. */
export async function readValue(ref: string): Promise<string> {
  return (await coffre("read", ref)).replace(/\n$/, "");
}

/** How many files of Pulumi's state (its history and backups included) hold the text, in any of the usual forms. */
export async function countInState(
  { state, pulumiHome }: Places,
  text: string,
): Promise<{ files: number; hits: number }> {
  const forms = [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
    Buffer.from(text).toString("base64").replace(/=+$/, ""),
  ];
  let [files, hits] = [0, 0];
  for (const folder of [state, pulumiHome]) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const content = await readFile(join(entry.parentPath, entry.name), "latin1");
      files += 1;
      if (forms.some((form) => content.includes(form))) hits += 1;
    }
  }
  return { files, hits };
}
