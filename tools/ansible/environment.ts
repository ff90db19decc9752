import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "../engine/lock.ts";
import { cacheFolder } from "../engine/version.ts";
import { run } from "../linux-hosts/run.ts";

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");

/**
 * The folder of `ansible-playbook`, `ansible-runner`, `ansible-lint`, `ansible-test` and `pytest`, in a Python environment of its own
 * in the cache folder, made at the first call by pip.
 * @throws Error that says what is missing
 */
export async function ensureAnsible(say: (line: string) => void = () => undefined): Promise<string> {
  const requirements = await readFile(REQUIREMENTS);
  const name = createHash("sha256").update(requirements).digest("hex").slice(0, 16);
  const folder = join(cacheFolder(), "..", "ansible", name);
  // A Python environment can't be moved once it is made: a file says that it is whole.
  const whole = join(folder, "whole");
  if (!existsSync(whole)) {
    await mkdir(join(folder, ".."), { recursive: true });
    await withLock(`${folder}.lock`, async () => {
      if (!existsSync(whole)) await make(folder, whole, say);
    });
  }
  return join(folder, "bin");
}

async function make(folder: string, whole: string, say: (line: string) => void): Promise<void> {
  say("Installing Ansible (110 MB) by pip into a Python environment of its own ...");
  await rm(folder, { recursive: true, force: true });
  await run("python3", ["-m", "venv", folder]);
  await run(join(folder, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]);
  await writeFile(whole, "");
}
