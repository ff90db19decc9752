import { CoffreError } from "../core/errors.js";
import { holderOf, isDead } from "../rotation/holder.js";

const LOOK_MS = 500;

/**
 * Calls `onEnd` once the process with this id has ended; another that got its id later isn't taken for it, where the
 * system tells start times.
 * @returns what ends the watch. @throws CoffreError INVALID_INPUT if there is no such process
 */
export function watchProcess(pid: number, onEnd: () => void): () => void {
  const holder = holderOf(pid);
  if (isDead(holder)) {
    throw new CoffreError("INVALID_INPUT", `There is no process ${pid}`, {
      hint: "Give --parent-pid the id of the process that the agent ends with: $$ in a shell.",
    });
  }
  const timer = setInterval(() => {
    if (!isDead(holder)) return;
    clearInterval(timer);
    onEnd();
  }, LOOK_MS);
  return () => clearInterval(timer);
}
