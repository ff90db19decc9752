import { randomBytes } from "node:crypto";
import type { ClientChannel, PseudoTtyOptions } from "ssh2";
import type { Connection } from "./connection.js";

/** Nothing that we start says more; what a profile prints beyond it is dropped. */
const MOST_OUTPUT = 1 << 20;

/** A word that nothing else on the machine says. */
export function newMark(): string {
  return `coffre-${randomBytes(12).toString("hex")}`;
}

/** One command on the machine, talked with: what it said so far, what to type, how it ended. */
export class Command {
  stdout = "";
  stderr = "";
  /** Its exit code; `undefined` while it runs, and for one that ended by a signal. */
  exitCode: number | undefined;
  ended = false;
  readonly #connection: Connection;
  readonly #channel: ClientChannel;
  #changed: () => void = () => {};

  private constructor(connection: Connection, channel: ClientChannel) {
    this.#connection = connection;
    this.#channel = channel;
    const append = (name: "stdout" | "stderr") => (chunk: Buffer) => {
      if (this[name].length < MOST_OUTPUT) this[name] += chunk.toString("utf8");
      this.#changed();
    };
    channel.on("data", append("stdout"));
    channel.stderr.on("data", append("stderr"));
    channel.on("error", () => {}); // the connection knows why
    channel.on("exit", (code: number | null) => (this.exitCode = code ?? undefined));
    channel.on("close", () => {
      this.ended = true;
      this.#changed();
    });
  }

  /** Starts it. `pty`: on a terminal of its own, where stderr is in stdout. @throws SshError */
  static async start(connection: Connection, text: string, { pty }: { pty?: PseudoTtyOptions } = {}): Promise<Command> {
    const options = { env: { LC_ALL: "C" }, ...(pty === undefined ? {} : { pty }) };
    const channel = await connection.wait<ClientChannel>((resolve, reject) => {
      connection.client.exec(text, options, (error, stream) => (error ? reject(error) : resolve(stream)));
    });
    return new Command(connection, channel);
  }

  /** Waits until `test` finds something in what was said. @returns `undefined` if the command ends first. @throws SshError */
  async until<T>(test: () => T | undefined): Promise<T | undefined> {
    for (;;) {
      const found = test();
      if (found !== undefined) return found;
      if (this.ended) {
        if (this.#connection.failure && this.exitCode === undefined) throw this.#connection.failure;
        return undefined;
      }
      await this.#connection.wait<void>((resolve) => (this.#changed = () => resolve()));
    }
  }

  /** Waits for the end. @throws SshError if the connection broke before it */
  async end(): Promise<void> {
    await this.until(() => undefined);
  }

  type(text: string): void {
    this.#channel.write(text);
  }

  /** There is no more to read for it. */
  endInput(): void {
    this.#channel.end();
  }

  /** Lets it go, whatever it is doing. */
  drop(): void {
    this.#channel.close();
  }
}
