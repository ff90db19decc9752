import type { Dirent, Stats } from "node:fs";
import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CoffreError } from "../core/errors.js";
import { contentsOf, listKept, listStaged, sizesOf } from "./git.js";

/** Larger files aren't looked into. */
const LARGEST_FILE = 16 * 1024 * 1024;
/** A NUL in so many bytes at the beginning makes it no text. */
const LOOKED_AT = 8_192;
/** Contents of staged files that are held at once. */
const STAGED_AT_ONCE = 64 * 1024 * 1024;

/** Why a file wasn't looked into. `unreadable`: nobody knows what is in it. */
export type NotLooked =
  { path: string; why: "binary" | "large" } | { path: string; why: "unreadable"; problem: string };

/** A file as it was found: its text, or why there is none. */
export type ScannedFile = { path: string; text: string } | NotLooked;

export interface Tree {
  /** Files and folders, as a person named them; paths of files are shown the same way. */
  paths: readonly string[];
  cwd: string;
  /** Files that Git leaves out, too. */
  all: boolean;
}

/**
 * The files of a tree, each once, by path: in a repository those that Git keeps or would take, elsewhere all but `.git`. Links
 * aren't followed, unless they were named.
 * @throws CoffreError INVALID_INPUT for a path that doesn't exist
 */
export async function* readTree({ paths, cwd, all }: Tree): AsyncIterable<ScannedFile> {
  const done = new Set<string>();
  for (const named of paths) {
    for await (const path of filesBelow(named, resolve(cwd, named), all)) {
      const absolute = resolve(cwd, path);
      if (done.has(absolute)) continue;
      done.add(absolute);
      const file = await readOne(path, absolute, path === named ? stat : lstat);
      if (file) yield file;
    }
  }
}

/** What is staged below these paths, as it would be committed. @throws CoffreError INVALID_INPUT outside of a repository */
export async function* readStaged({ paths, cwd }: Pick<Tree, "paths" | "cwd">): AsyncIterable<ScannedFile> {
  const staged = await listStaged(cwd, paths);
  const sizes = await sizesOf(
    cwd,
    staged.map(({ object }) => object),
  );
  let waiting: typeof staged = [];
  let bytes = 0;
  const take = async () => {
    const contents = await contentsOf(
      cwd,
      waiting.map(({ object }) => object),
    );
    const taken = waiting.map(({ path }, index) => fileOf(path, contents[index] ?? Buffer.alloc(0)));
    [waiting, bytes] = [[], 0];
    return taken;
  };
  for (const [index, file] of staged.entries()) {
    const size = sizes[index] ?? 0;
    if (size > LARGEST_FILE) {
      yield { path: file.path, why: "large" };
      continue;
    }
    waiting.push(file);
    bytes += size;
    if (bytes >= STAGED_AT_ONCE) yield* await take();
  }
  yield* await take();
}

async function* filesBelow(named: string, absolute: string, all: boolean): AsyncIterable<string> {
  const facts = await stat(absolute).catch(() => undefined);
  if (!facts) {
    throw new CoffreError("INVALID_INPUT", `${named} doesn't exist, or can't be reached`, {
      hint: "Name files and folders; without one the folder of this moment is looked through.",
    });
  }
  if (!facts.isDirectory()) {
    yield named;
    return;
  }
  const kept = all ? undefined : await listKept(absolute);
  if (kept) for (const path of kept.sort()) yield join(named, path);
  else yield* walk(named, absolute);
}

async function* walk(shown: string, folder: string): AsyncIterable<string> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch {
    yield shown; // reading it says why it can't be read
    return;
  }
  for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const path = join(shown, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== ".git") yield* walk(path, join(folder, entry.name));
    } else if (entry.isFile()) yield path;
  }
}

/** @returns `undefined` for what is no file: a submodule's folder, a pipe, a link that Git keeps, a file that is gone by now */
async function readOne(
  path: string,
  absolute: string,
  look: (path: string) => Promise<Stats>,
): Promise<ScannedFile | undefined> {
  try {
    const facts = await look(absolute);
    if (!facts.isFile()) return undefined;
    if (facts.size > LARGEST_FILE) return { path, why: "large" };
    return fileOf(path, await readFile(absolute));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? undefined : { path, why: "unreadable", problem: code ?? "unknown" };
  }
}

function fileOf(path: string, bytes: Buffer): ScannedFile {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return { path, text: bytes.toString("utf16le", 2) };
  if (bytes.subarray(0, LOOKED_AT).includes(0)) return { path, why: "binary" };
  return { path, text: bytes.toString("utf8") };
}
