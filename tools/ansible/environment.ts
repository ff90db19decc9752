import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "../engine/lock.ts";
import { cacheFolder } from "../engine/version.ts";
import { run } from "../linux-hosts/run.ts";

/** Whether the tests run on the oldest Ansible that the collection promises, in the place of the newest that the machine's Python takes. */
export const ansibleIsOldest = process.env["COFFRE_TEST_ANSIBLE"] === "oldest";

type Say = (line: string) => void;

/**
 * The folder of `ansible-playbook`, `ansible-runner`, `ansible-lint`, `ansible-test` and `pytest`, in a Python environment of its own
 * in the cache folder, made at the first call by pip. The oldest Ansible comes without `ansible-lint`, which takes newer ones only.
 * @throws Error that says what is missing
 */
export function ensureAnsible(say: Say = () => undefined): Promise<string> {
  const requirements = ansibleIsOldest ? "requirements-oldest.txt" : "requirements.txt";
  return ensurePrograms(requirements, "Ansible (110 MB)", say);
}

/** As {@link ensureAnsible}: the folder of `check-jsonschema`, which knows pipelines' files. */
export function ensurePipelineChecks(say: Say = () => undefined): Promise<string> {
  return ensurePrograms("requirements-pipelines.txt", "check-jsonschema (20 MB)", say);
}

async function ensurePrograms(file: string, what: string, say: Say): Promise<string> {
  const path = join(import.meta.dirname, file);
  const name = createHash("sha256")
    .update(await readFile(path))
    .digest("hex")
    .slice(0, 16);
  const folder = join(cacheFolder(), "..", "ansible", name);
  // A Python environment can't be moved once it is made: a file says that it is whole.
  const whole = join(folder, "whole");
  if (!existsSync(whole)) {
    await mkdir(join(folder, ".."), { recursive: true });
    await withLock(`${folder}.lock`, async () => {
      if (existsSync(whole)) return;
      say(`Installing ${what} by pip into a Python environment of its own ...`);
      await rm(folder, { recursive: true, force: true });
      await run("python3", ["-m", "venv", folder]);
      await run(join(folder, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", "-r", path]);
      await writeFile(whole, "");
    });
  }
  return join(folder, "bin");
}
