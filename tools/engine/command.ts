import { spawn } from "node:child_process";

/** How a child ended, with what it printed. */
export interface CommandResult {
  /** `undefined` if it could not be started or was ended by a signal. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Never throws: a program that can't be started has no exit code and says so on `stderr`. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env: NodeJS.ProcessEnv; onLine?: (line: string) => void; timeoutMs?: number },
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(options.timeoutMs) }),
    });
    // Whoever is asked to end takes the child along.
    const forward = (signal: NodeJS.Signals) => {
      child.kill(signal);
      stop();
      process.kill(process.pid, signal);
    };
    const stop = () => process.off("SIGINT", forward).off("SIGTERM", forward).off("SIGHUP", forward);
    process.on("SIGINT", forward).on("SIGTERM", forward).on("SIGHUP", forward);
    let stdout = "";
    let stderr = "";
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) options.onLine?.(line);
    });
    const end = (result: CommandResult) => {
      stop();
      resolve(result);
    };
    child.once("error", (error) => end({ exitCode: undefined, stdout, stderr: stderr + error.message }));
    child.once("close", (code) => end({ exitCode: code ?? undefined, stdout, stderr }));
  });
}

/** The end of a program's output, for an error message. */
export function lastLines(text: string, count = 12): string {
  return text.trim().split("\n").slice(-count).join("\n");
}
