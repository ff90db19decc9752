import { execa } from "execa";
import type { PulumiProject } from "../../test/fixtures/pulumi-project.ts";

/** What one `up` took. */
export interface Cost {
  wallSeconds: number;
  /** Of the engine, its language host, the program and the plugins, user and system together. */
  cpuSeconds: number;
}

/** Runs an `up` and reads what all its processes used from the shell that waited for them. @throws Error if it fails */
export async function timedUp(project: PulumiProject): Promise<Cost> {
  const command = 'pulumi --non-interactive --color never up --yes --skip-preview >&2; code=$?; times; exit "$code"';
  const began = performance.now();
  const { stdout, stderr, exitCode } = await execa("/bin/sh", ["-c", command], {
    cwd: project.folder,
    env: project.env,
    extendEnv: false,
    reject: false,
  });
  const wallSeconds = (performance.now() - began) / 1000;
  if (exitCode !== 0) throw new Error(`up failed:\n${stderr}`);
  return { wallSeconds, cpuSeconds: childSeconds(stdout) };
}

/** The second line of `times`, for example `0m2.310s 0m0.480s` (POSIX: user and system time of the children). */
function childSeconds(text: string): number {
  const times = [...(text.trim().split("\n")[1] ?? "").matchAll(/(\d+)m([\d.]+)s/g)];
  if (times.length !== 2) throw new Error(`the shell's times can't be read: ${text}`);
  return times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}
