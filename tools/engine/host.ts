import { chmod, copyFile, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";

/** Our language host and launcher of the dynamic provider, as they lie in the checkout. */
export const HOST_SOURCE = join(import.meta.dirname, "host");

const FILES = [
  { name: "language-host.mjs", mode: 0o644 },
  { name: "dynamic-provider.mjs", mode: 0o644 },
  { name: "pulumi-language-nodejs", mode: 0o755 },
  { name: "pulumi-resource-pulumi-nodejs", mode: 0o755 },
];

const contents = (path: string) => readFile(path).catch(() => undefined);
const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/**
 * Puts the language host beside an engine, where the engine takes it as its own. A folder that holds the official host is
 * left as it is. Each file appears whole or not at all, so that an engine that starts meanwhile is not disturbed.
 */
export async function installHost(folder: string): Promise<void> {
  const official = join(folder, "pulumi-language-nodejs");
  if ((await exists(official)) && !(await exists(join(folder, "language-host.mjs")))) return;
  for (const { name, mode } of FILES) {
    const [from, to] = [join(HOST_SOURCE, name), join(folder, name)];
    const [wanted, present] = await Promise.all([readFile(from), contents(to)]);
    if (present?.equals(wanted)) continue;
    const temporary = `${to}.${String(process.pid)}.tmp`;
    await copyFile(from, temporary);
    await chmod(temporary, mode);
    await rename(temporary, to);
  }
}
