import { execFile } from "node:child_process";
import { CoffreError } from "../core/errors.js";

/** More names, or more bytes of staged files, than these aren't taken. */
const LARGEST_ANSWER = 512 * 1024 * 1024;
/** A repository's own settings start no program, and its messages are in the language that is looked for. */
const SAFELY = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];

const ALWAYS = ["PATH", "HOME"];
/** What Git tells a hook: where the repository and the index of this commit are. */
const IN_HOOKS = ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"];

/** A file as it is staged. */
export interface StagedFile {
  /** From the root of the repository. */
  path: string;
  /** Of its content. */
  object: string;
}

/**
 * The files below a folder that Git keeps or would take: tracked ones, and new ones that no `.gitignore` leaves out.
 * @returns paths from that folder; `undefined` where there is no repository, or no Git
 * @throws CoffreError INVALID_INPUT for a repository that Git refuses to read
 */
export async function listKept(folder: string): Promise<string[] | undefined> {
  const words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const listed = await git(folder, words, { mayLack: true, ofHook: false });
  return listed && [...new Set(listed.toString("utf8").split("\0").filter(Boolean))];
}

/**
 * What the next commit would add or change.
 * @param paths from `folder`; none: all
 * @throws CoffreError INVALID_INPUT where there is no repository, or no Git
 */
export async function listStaged(folder: string, paths: readonly string[]): Promise<StagedFile[]> {
  await git(folder, ["rev-parse", "--git-dir"]); // `diff` speaks of its options where there is no repository
  const words = ["diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--diff-filter=AMT", "--", ...paths];
  const parts = (await git(folder, words)).toString("utf8").split("\0").filter(Boolean);
  const staged: StagedFile[] = [];
  // `:<mode> <mode> <object> <object> <status>`, then the path.
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [, mode = "", , object = ""] = (parts[at] ?? "").split(" ");
    if (mode !== SUBMODULE) staged.push({ path: parts[at + 1] ?? "", object });
  }
  return staged;
}

const SUBMODULE = "160000";

/** Sizes of objects, bytes, in the order asked. */
export async function sizesOf(folder: string, objects: readonly string[]): Promise<number[]> {
  const said = await git(folder, ["cat-file", "--batch-check=%(objectsize)"], { input: lines(objects) });
  return said.toString("utf8").trim().split("\n").map(Number);
}

/** Contents of objects, in the order asked. */
export async function contentsOf(folder: string, objects: readonly string[]): Promise<Buffer[]> {
  if (objects.length === 0) return [];
  const said = await git(folder, ["cat-file", "--batch=%(objectsize)"], { input: lines(objects) });
  const contents: Buffer[] = [];
  for (let at = 0; at < said.length;) {
    const head = said.indexOf("\n", at);
    const from = head + 1;
    const size = Number(said.toString("latin1", at, head));
    contents.push(said.subarray(from, from + size));
    at = from + size + 1; // a line's end behind each
  }
  return contents;
}

function lines(objects: readonly string[]): string {
  return objects.map((object) => `${object}\n`).join("");
}

function git(folder: string, words: readonly string[], options?: { input?: string }): Promise<Buffer>;
function git(
  folder: string,
  words: readonly string[],
  options: { mayLack: true; ofHook: false },
): Promise<Buffer | undefined>;
function git(
  folder: string,
  words: readonly string[],
  { input, mayLack = false, ofHook = true }: { input?: string; mayLack?: boolean; ofHook?: boolean } = {},
): Promise<Buffer | undefined> {
  const names = ofHook ? [...ALWAYS, ...IN_HOOKS] : ALWAYS;
  const env = { ...Object.fromEntries(names.map((name) => [name, process.env[name]])), LC_ALL: "C" };
  return new Promise((done, fail) => {
    const options = { cwd: folder, env, maxBuffer: LARGEST_ANSWER, encoding: "buffer" } as const;
    const child = execFile("git", [...SAFELY, ...words], options, (error, stdout, stderr) => {
      if (!error) return done(stdout);
      const said = stderr.toString("utf8").split("\n")[0] ?? "";
      const lacks = error.code === "ENOENT" || /not a git repository/i.test(said);
      if (lacks && mayLack) return done(undefined);
      fail(
        new CoffreError(
          "INVALID_INPUT",
          lacks ? `There is no Git repository at ${folder}` : "Git can't read the repository",
          {
            hint: lacks ? "`--staged` asks Git what is staged." : said,
          },
        ),
      );
    });
    child.stdin?.on("error", () => undefined); // it said why it ended
    child.stdin?.end(input);
  });
}
