import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { CoffreError } from "../../core/errors.js";
import { octal, wayProblem } from "../../vault/agent/safe-way.js";

const GROUP_AND_OTHERS = 0o077;
const HINT = "Set XDG_RUNTIME_DIR to a folder that only you may open, or name a --socket in one.";

/**
 * Where an agent of this user has its socket: below `$XDG_RUNTIME_DIR`, else in a folder of the user's below the temporary one.
 * @param pid of an agent that is for one command, beside which there may be others
 */
export function agentSocket(env: Readonly<Record<string, string | undefined>>, pid?: number): string {
  const named = env["XDG_RUNTIME_DIR"];
  const folder =
    named !== undefined && isAbsolute(named) ? join(named, "coffre") : join(tmpdir(), `coffre-${ownUid()}`);
  return join(folder, pid === undefined ? "agent.sock" : `agent-${pid}.sock`);
}

/**
 * Makes the folder (mode 0700) if need be, and makes sure that nobody else can look into it or put another in its place.
 * @throws CoffreError CONFIGURATION that names the folder and what is wrong with it; NOT_SUPPORTED where there are no owners
 */
export function preparePrivateFolder(folder: string): void {
  const uid = ownUid();
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CoffreError("CONFIGURATION", `The folder ${folder} can't be made (${code ?? "unknown reason"})`, {
      hint: HINT,
      cause,
    });
  }
  const facts = lstatSync(folder); // not what a link of somebody else's points to
  if (!facts.isDirectory()) throw wrong(folder, "is a link or a file");
  if (facts.uid !== uid) throw wrong(folder, "belongs to another user");
  if ((facts.mode & GROUP_AND_OTHERS) !== 0) throw wrong(folder, `is open to others (mode ${octal(facts)})`);
  const problem = wayProblem(folder);
  if (problem !== undefined) throw wrong(folder, problem);
}

function ownUid(): number {
  const uid = process.getuid?.();
  if (uid !== undefined) return uid;
  throw new CoffreError(
    "NOT_SUPPORTED",
    "There is no agent on this system: its files have no owner that it could check",
    {
      hint: "Let each command open the vault itself.",
    },
  );
}

function wrong(folder: string, problem: string): CoffreError {
  return new CoffreError("CONFIGURATION", `The folder ${folder} for the agent's socket ${problem}`, { hint: HINT });
}
