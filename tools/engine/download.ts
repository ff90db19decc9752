import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { setGlobalProxyFromEnv } from "node:http";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { lastLines, run } from "./command.ts";
import { EngineError } from "./errors.ts";
import type { Surroundings } from "./go.ts";
import type { Progress } from "./progress.ts";
import { ENGINE_VERSION, type Platform } from "./version.ts";

/** Where Pulumi's releases are; COFFRE_ENGINE_RELEASES names a mirror with the same files. */
export const RELEASES = "https://github.com/pulumi/pulumi/releases/download";

const STALL_MS = 30_000;

/**
 * Fetches the official release into `folder` and compares it with the checksum that the release states.
 *
 * @returns `undefined` when done, else why the release can't be had from here.
 * @throws EngineError CHECKSUM if the archive is another one than its release's; DOWNLOAD_FAILED if it can't be unpacked.
 */
export async function downloadEngine(
  folder: string,
  platform: Platform,
  { env, progress, answerMs }: Pick<Surroundings, "env" | "progress" | "answerMs">,
): Promise<string | undefined> {
  if (env.HTTPS_PROXY ?? env.https_proxy) setGlobalProxyFromEnv(env);
  const base = `${(env.COFFRE_ENGINE_RELEASES || RELEASES).replace(/\/$/, "")}/v${ENGINE_VERSION}`;
  const name = `pulumi-v${ENGINE_VERSION}-${platform.os}-${platform.arch}.${platform.os === "windows" ? "zip" : "tar.gz"}`;
  const archive = `${folder}.archive`;
  try {
    const sums = await (
      await get(`${base}/pulumi-${ENGINE_VERSION}-checksums.txt`, AbortSignal.timeout(answerMs))
    ).text();
    const line = sums.split("\n").find((text) => text.trim().endsWith(` ${name}`));
    const expected = /^[0-9a-f]{64}\b/.exec(line ?? "")?.[0];
    if (!expected) return `its checksums at ${base} name no ${name}`;
    const actual = await save(`${base}/${name}`, archive, progress, answerMs);
    if (actual !== expected)
      throw new EngineError(
        "CHECKSUM",
        `${base}/${name} has the SHA-256 ${actual}, but its release states ${expected}. It was not used.`,
        "Try again; if it stays, something between this machine and the release alters files: ask who runs the network. " +
          "COFFRE_ENGINE_NO_DOWNLOAD=1 builds the engine from source instead.",
      );
  } catch (error) {
    await rm(archive, { force: true });
    if (error instanceof EngineError) throw error;
    return reason(error);
  }
  await unpack(archive, folder);
  return undefined;
}

/** The innermost reason: fetch itself only says that it failed. */
function reason(error: unknown): string {
  const { name, message, cause } = error as Partial<Error>; // Node and fetch throw errors and nothing else
  return name === "TimeoutError" ? "no answer in time" : cause === undefined ? (message ?? "") : reason(cause);
}

async function get(url: string, signal: AbortSignal): Promise<Response> {
  const { protocol, hostname } = new URL(url);
  const loopback = hostname === "127.0.0.1" || hostname === "localhost";
  if (protocol !== "https:" && !loopback) throw new Error(`${url} is not an https address`);
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url} answers ${String(response.status)}`);
  return response;
}

/** Saves a large file. @returns its SHA-256 in hexadecimal. */
async function save(url: string, path: string, progress: Progress, answerMs: number): Promise<string> {
  const abort = new AbortController();
  const stalled = new DOMException("", "TimeoutError");
  let timer = setTimeout(() => abort.abort(stalled), answerMs);
  const hash = createHash("sha256");
  let received = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(stalled), STALL_MS);
      hash.update(chunk);
      received += chunk.length;
      done(null, chunk);
    },
  });
  try {
    const response = await get(url, abort.signal);
    if (!response.body) throw new Error(`${url} answers with nothing`);
    const size = Math.round(Number(response.headers.get("content-length") ?? 0) / 1e6);
    await progress.during(
      `Downloading Pulumi ${ENGINE_VERSION}${size > 0 ? ` (${String(size)} MB)` : ""}`,
      pipeline(Readable.fromWeb(response.body), meter, createWriteStream(path), { signal: abort.signal }),
      () => `${String(Math.round(received / 1e6))} MB`,
    );
    return hash.digest("hex");
  } finally {
    clearTimeout(timer);
  }
}

/** Unpacks by the system's tar, which Windows has too, and brings the archive's one folder up. */
async function unpack(archive: string, folder: string): Promise<void> {
  const unpacked = `${folder}.unpacked`;
  try {
    await mkdir(unpacked, { recursive: true });
    const { exitCode, stderr } = await run("tar", ["-xf", archive, "-C", unpacked], { env: process.env });
    if (exitCode !== 0)
      throw new EngineError(
        "DOWNLOAD_FAILED",
        `The release was downloaded but could not be unpacked: ${lastLines(stderr, 3)}`,
        "See that `tar` and `gzip` are installed and that the disk has 1 GB free.",
      );
    const inner = process.platform === "win32" ? join(unpacked, "pulumi", "bin") : join(unpacked, "pulumi");
    await rename(inner, folder);
  } finally {
    await rm(archive, { force: true });
    await rm(unpacked, { recursive: true, force: true });
  }
}
