import type { Secret } from "../../core/secret.js";
import { Command, newMark } from "./command.js";
import type { Connection } from "./connection.js";
import { Refusal } from "./errors.js";

/**
 * How the login comes to root's rights. `root`: it is root. `sudo`: without a password. `sudo-password`: with one, that sudo
 * itself asks for. `none`: not at all. `forced`: it may run nothing but the change of its own password.
 */
export type Power = "root" | "sudo" | "sudo-password" | "none" | "forced";

/** A script that has begun to run with root's rights: nothing was typed for it yet but what sudo asked for. */
export interface Started {
  command: Command;
  power: Power;
  /** What was said on a stream since the script's own first word, whatever a profile printed before. */
  said: (stream: "stdout" | "stderr") => string;
}

const ENVIRONMENT = "PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C; export PATH LC_ALL";
const NO_TERMINAL = /password change required but no tty/i;
const WANTS_PASSWORD = /password is required|interactive authentication is required|terminal is required/i;
const HINT =
  "Log in as root, or as an account that may run everything by sudo: with NOPASSWD, or with the password that it logs in with.";

/** What a connection may do as root, found out once and kept with it. */
export class RootShell {
  readonly #connection: Connection;
  readonly #username: string;
  readonly #password: Secret | undefined;
  #power: Power | undefined;
  #refusal: Refusal | undefined;

  /** @param password what sudo may be told, typed at its own prompt only */
  constructor(connection: Connection, username: string, password: Secret | undefined) {
    this.#connection = connection;
    this.#username = username;
    this.#password = password;
  }

  /** Set once a script was started, or could not be. */
  get power(): Power | undefined {
    return this.#power;
  }

  /**
   * Starts a POSIX script as root, with a limit of its own on the machine. The script's text is in argv, so nothing secret
   * is in it, and no single quote, no backslash before one, no exclamation mark and no line break: every login shell then
   * hands it on as it is.
   * @throws Refusal if there is no way to root's rights; SshError
   */
  async start(script: string, limitSeconds: number): Promise<Started> {
    if (this.#refusal) throw this.#refusal; // asked once: each time would be one more line in sudo's log
    const power = this.#power ?? (this.#username === "root" ? "root" : "sudo");
    const started = await this.#try(power, script, limitSeconds);
    if (started !== "wants-password") return started;
    if (this.#password === undefined) {
      throw this.#refuse("none", "sudo asks for a password, and none is known for it", "FORBIDDEN");
    }
    const again = await this.#try("sudo-password", script, limitSeconds);
    if (again !== "wants-password") return again;
    throw this.#refuse("none", "sudo takes no password over a connection without a terminal", "FORBIDDEN");
  }

  async #try(power: Power, script: string, limitSeconds: number): Promise<Started | "wants-password"> {
    const mark = newMark();
    const prompt = `${mark}-password`;
    const limited = `timeout -k 1 ${Math.max(1, Math.floor(limitSeconds))} /bin/sh -c '${ENVIRONMENT}; echo ${mark}; echo ${mark} >&2; ${script}'`;
    const command = await Command.start(
      this.#connection,
      `${PREFIX[power] ?? ""}${power === "sudo-password" ? `-p ${prompt} -- ` : ""}${limited}`,
    );
    const said = (stream: "stdout" | "stderr") => {
      const at = command[stream].indexOf(`${mark}\n`);
      return at < 0 ? "" : command[stream].slice(at + mark.length + 1);
    };
    const begun = () =>
      command.stdout.includes(`${mark}\n`) && command.stderr.includes(`${mark}\n`) ? true : undefined;
    let typed = false;
    const asks = () => (command.stderr.split(prompt).length - 1 > (typed ? 1 : 0) ? false : undefined);
    let answer = await command.until(() => begun() ?? asks());
    if (answer === false && this.#password !== undefined) {
      command.type(`${this.#password.reveal()}\n`);
      typed = true;
      answer = await command.until(() => begun() ?? asks());
    }
    if (answer === true) {
      this.#power = power;
      return { command, power, said };
    }
    if (answer === false) {
      command.drop();
      throw this.#refuse(
        "none",
        "sudo asked for the password again: it refused it, or wants a second one",
        "FORBIDDEN",
      );
    }
    return this.#explain(command, power);
  }

  /** The command ended before the script's first word. */
  #explain(command: Command, power: Power): "wants-password" {
    const { stderr, stdout } = command;
    if (NO_TERMINAL.test(stderr)) {
      throw this.#refuse("forced", "it must change its own password before it may run anything", "TARGET_NOT_READY");
    }
    if (power === "sudo" && WANTS_PASSWORD.test(stderr)) return "wants-password";
    if (power === "root") {
      const words = lastLine(stderr) || lastLine(stdout) || `exit code ${String(command.exitCode)}`;
      throw this.#refuse("none", `it can't run a command: ${words}`, "TARGET_NOT_READY");
    }
    const why = /not found|No such file/i.test(stderr)
      ? "there is no sudo"
      : lastLine(stderr) || "sudo refused without a word";
    throw this.#refuse("none", `it has no right to change passwords: ${why}`, "FORBIDDEN");
  }

  #refuse(power: Power, message: string, code: Refusal["code"]): Refusal {
    this.#power = power;
    return (this.#refusal = new Refusal(code, message, HINT));
  }
}

const PREFIX: Partial<Record<Power, string>> = { sudo: "sudo -n -- ", "sudo-password": "sudo -S " };

/** For a sentence: the last thing that was said, without what sudo prints before its own words. */
export function lastLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  return (lines.findLast((line) => line !== "") ?? "")
    .replace(/^sudo: /, "")
    .replace(/\.$/, "")
    .slice(0, 200);
}
