import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import type { RunResult } from "../fixtures/pulumi-project.ts";

const COFFRE = resolve(import.meta.dirname, "../../bin/coffre.js");
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const random = () => randomBytes(16).toString("hex");

/** What people bring in this test, by the files in the project's folder that the program names. */
export const SOURCES: Readonly<Record<string, string>> = {
  "mail.token": `Mail-1-${random()}`,
  "totp.seed": [...randomBytes(32)].map((byte) => BASE32[byte % 32]).join(""),
  "tls.key": `-----BEGIN PRIVATE KEY-----\n${random()}${random()}\n-----END PRIVATE KEY-----\n`,
};

/** What somebody types. */
export const TYPED = `typed-${random()}`;

/** A credential all of whose values are brought; `categoryId` is a variable of the program. */
export const BROUGHT = `new coffre.Credential("brought", {
  categoryId: databases.id,
  source: { file: "mail.token", revision: "1" },
  fields: { contact: "ana@example.com" },
  secretFields: {
    typed: { source: "typed" },
    totp: { type: "totp", source: { file: "totp.seed", revision: "1" } },
    "tls.key": { type: "file", source: { file: "tls.key", revision: "1" } },
  },
});`;

/** Calls the command in the project's folder, as a person does; its temporary files are the project's. */
export function coffre(
  folder: string,
  args: readonly string[],
  { env, input = "" }: { env: Readonly<Record<string, string>>; input?: string },
): Promise<RunResult> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [COFFRE, ...args], { cwd: folder, env });
    const said = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
    child.on("error", fail);
    child.on("close", (exitCode) => done({ ...said, exitCode: exitCode ?? undefined, seconds: 0, signal: undefined }));
    child.stdin.end(input);
  });
}

/** The source files below the project's folder: they may hold what they hold. */
export function sourceFiles(folder: string): string[] {
  return Object.keys(SOURCES).map((name) => join(folder, name));
}
