import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { baseFolder } from "./base.ts";

/**
 * How hosts are made on this machine. `root`: namespaces and overlayfs, as root. `user-namespace`: the same without root,
 * by subordinate ids. `stand-in`: no host at all, only an SSH server in this process that keeps passwords in a map.
 */
export type Way = "root" | "user-namespace" | "stand-in";

export interface FoundWay {
  way: Way;
  /** Why it is no better one; empty for real hosts. */
  because: string;
}

/** Asks the machine, by trying. `COFFRE_TEST_HOSTS` names a way that is taken instead. */
export function findWay(env: NodeJS.ProcessEnv = process.env): FoundWay {
  const wanted = env["COFFRE_TEST_HOSTS"];
  if (wanted === "root" || wanted === "user-namespace") return { way: wanted, because: "" };
  if (wanted === "stand-in") return { way: "stand-in", because: "COFFRE_TEST_HOSTS says so" };
  if (process.platform !== "linux") return { way: "stand-in", because: "this isn't Linux" };
  const isRoot = process.getuid?.() === 0;
  const way = isRoot ? "root" : "user-namespace";
  const flags = isRoot ? ["--mount", "--pid", "--fork"] : ["--user", "--map-auto", "--map-root-user", "--mount"];
  if (!runs("unshare", [...flags, "true"])) {
    const need = isRoot
      ? "this machine lets root make no namespaces"
      : "user namespaces with subordinate ids aren't to be had";
    return { way: "stand-in", because: need };
  }
  if (existsSync(baseFolder(way, env)) || runs("mmdebstrap", ["--version"])) return { way, because: "" };
  return { way: "stand-in", because: "mmdebstrap isn't installed" };
}

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: 10_000 }).status === 0;
}
