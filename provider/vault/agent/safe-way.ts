import { lstatSync, realpathSync, type Stats } from "node:fs";
import { dirname } from "node:path";

const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;

/**
 * Why somebody else could put another folder, or another file, in the place of what a folder holds.
 * @param folder absolute; the way to it is looked at as it is written, and as it leads through links
 * @returns the end of a sentence about it; `undefined` if nobody but this user and root could
 * @throws what the file system says
 */
export function wayProblem(folder: string): string | undefined {
  for (const start of new Set([folder, realpathSync(folder)])) {
    for (let place = start; ; place = dirname(place)) {
      const problem = placeProblem(place);
      if (problem !== undefined) return place === folder ? problem.itself : `lies in ${place}, ${problem.above}`;
      if (place === dirname(place)) break;
    }
  }
  return undefined;
}

function placeProblem(place: string): { itself: string; above: string } | undefined {
  const facts = lstatSync(place);
  const { uid, mode } = facts;
  if (uid !== process.getuid?.() && uid !== 0) {
    return { itself: "belongs to another user", above: "which belongs to another user" };
  }
  if (facts.isSymbolicLink()) return undefined; // its mode says nothing; where it leads to is looked at too
  if ((mode & OTHERS_MAY_WRITE) === 0 || (mode & STICKY) !== 0) return undefined;
  const open = `(mode ${octal(facts)})`;
  return { itself: `is open to others ${open}`, above: `where others may put another in its place ${open}` };
}

/** As `chmod` takes it. */
export function octal({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}
