import { spawnSync } from "node:child_process";
import { canInstall, missingAmong } from "../setup/packages.ts";

/** What making hosts needs, or logging in to them as people do. */
const PROGRAMS = [
  { program: "mmdebstrap", name: "mmdebstrap" },
  { program: "ssh", name: "openssh-client" },
] as const;

/** Packages to install here for hosts: none where they are there, or can't be installed. */
export function missingPackages(env: NodeJS.ProcessEnv = process.env): string[] {
  // Without namespaces no host can be made, with or without these.
  const canMake = canInstall(env) && spawnSync("unshare", ["--mount", "--pid", "--fork", "true"]).status === 0;
  return canMake ? missingAmong(PROGRAMS, env) : [];
}
