import { access, constants, lstat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { execa } from "execa";
import { CoffreError } from "../../core/errors.js";
import { oneLine } from "../html/locale.js";
import { limitFolder } from "./folder-limit.js";

/** How a program looks at files, and what it may use of this machine for one. */
export interface ScannerProgram {
  /** The program by its absolute path, and its arguments. */
  argv: readonly string[];
  /** Seconds for one file. */
  seconds: number;
  /** Bytes of memory that it may ask for. */
  memoryBytes: number;
  /** What it writes may be so many bytes larger than the file that it reads: what an archive unpacks to isn't its size. */
  moreBytes: number;
}

/** A file as a program reads it: all of its bytes, and how many they are. */
export interface ScannedFile {
  size: number;
  content: AsyncIterable<Uint8Array>;
}

/** What a program said of one file: `why` is the end of a sentence, for whoever runs the server. */
export type Finding = { clean: true } | { clean: false; reason: string } | { clean: undefined; why: string };

/** What it may print; more is no answer. */
const MOST_OUTPUT_BYTES = 64 * 1024;
const LONGEST_REASON = 200;
const PASSED_ON = ["PATH", "HOME", "LANG"];
/** Sets the limits of this shell, and starts the program in its place. No core of it, which would hold the file in clear. */
const LIMITED = 'ulimit -c 0 && ulimit -v "$0" && ulimit -f "$1" && shift && exec "$@"';

/** @returns words of a command line without quotes. @throws CoffreError INVALID_INPUT, CONFIGURATION if it can't be run here */
export async function parseScanner(text: string): Promise<string[]> {
  const argv = text.split(/\s+/).filter((word) => word !== "");
  const [program = ""] = argv;
  if (!isAbsolute(program)) {
    throw new CoffreError("INVALID_INPUT", "--scanner doesn't begin with the absolute path of a program", {
      hint: "Write /usr/bin/clamdscan --no-summary -, or the path of a script of yours. Words are divided by blanks.",
    });
  }
  await access(program, constants.X_OK).catch((cause: unknown) => {
    throw new CoffreError("CONFIGURATION", `The scanner ${program} can't be run by this user`, {
      hint: "Name an executable file.",
      cause,
    });
  });
  return argv;
}

/** Where a program runs, and until when. */
export interface ScanPlace {
  /** Its `TMPDIR`, of its own: what it leaves there is for the caller to remove. */
  folder: string;
  /** Ends it, and then nobody knows. */
  signal: AbortSignal;
}

/**
 * Has a program look at a file, which comes on its standard input: exit code 0 means clean, 1 infected, and anything else that
 * nobody knows. So does a program that took too long, said or wrote too much, asked for more than its memory, didn't read all, or
 * whose folder somebody took away.
 */
export async function runScanner(program: ScannerProgram, file: ScannedFile, place: ScanPlace): Promise<Finding> {
  const mostBytes = file.size + program.moreBytes;
  // A limit of the shell is for each file: an archive of many would fill the disk all the same.
  const limit = limitFolder(place.folder, mostBytes);
  try {
    const signal = AbortSignal.any([place.signal, limit.signal]);
    const finding = await runLimited(program, file, { mostBytes, folder: place.folder, signal });
    const problem = place.signal.aborted ? undefined : limit.problem();
    if (problem !== undefined) return unknown(problem);
    // A program that couldn't unpack what it was given has found nothing, and knows nothing.
    return finding.clean === true && !(await isFolder(place.folder))
      ? unknown("lost its TMPDIR while it ran")
      : finding;
  } finally {
    await limit.stop();
  }
}

async function runLimited(
  { argv, seconds, memoryBytes }: ScannerProgram,
  { content }: ScannedFile,
  { mostBytes, folder, signal }: ScanPlace & { mostBytes: number },
): Promise<Finding> {
  const feeding: { wasRead: boolean; failure?: { error: unknown } } = { wasRead: false };
  async function* fed(): AsyncIterable<Uint8Array> {
    try {
      yield* content;
      feeding.wasRead = true;
    } catch (error) {
      feeding.failure = { error };
    }
  }
  const limits = [String(Math.ceil(memoryBytes / 1024)), String(Math.ceil(mostBytes / 512))];
  const child = execa("/bin/sh", ["-c", LIMITED, ...limits, ...argv], {
    stdin: fed(),
    stdout: "pipe",
    stderr: "ignore",
    maxBuffer: MOST_OUTPUT_BYTES,
    encoding: "utf8",
    reject: false,
    verbose: "none",
    extendEnv: false,
    env: { ...environment(), TMPDIR: folder },
    cwd: "/",
    killDescendants: true,
    killSignal: "SIGKILL",
    forceKillAfterDelay: false,
    timeout: seconds * 1000,
    cancelSignal: signal,
  });
  const ended = await child;
  if (feeding.failure) throw feeding.failure.error;
  if (ended.isCanceled) return unknown("was ended with the server");
  if (ended.timedOut) return unknown(`took longer than ${seconds} s`);
  if (ended.isMaxBuffer) return unknown(`printed more than ${MOST_OUTPUT_BYTES} bytes`);
  if (ended.signal !== undefined) return unknown(`was ended by ${ended.signal}`);
  if (ended.exitCode === 1) return { clean: false, reason: reasonIn(ended.stdout) };
  if (ended.exitCode !== 0) return unknown(`ended with exit code ${String(ended.exitCode)}`);
  return feeding.wasRead ? { clean: true } : unknown("said that the file is clean before it had read all of it");
}

async function isFolder(path: string): Promise<boolean> {
  const facts = await lstat(path).catch(() => undefined);
  return facts?.isDirectory() === true;
}

function unknown(problem: string): Finding {
  return { clean: undefined, why: `the scanner ${problem}` };
}

/** Its last line, which names what it found. */
function reasonIn(output: string): string {
  const line = output
    .split("\n")
    .map(oneLine)
    .findLast((text) => text !== "");
  return line === undefined ? "the scanner found something" : line.slice(0, LONGEST_REASON);
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
