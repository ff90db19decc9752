import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { LINES_PROTOCOL, LINES_ROUTE } from "../../vault/agent/messages.js";
import { wireJson } from "../../vault/remote/json.js";
import { type OperationName, OPERATIONS } from "../../vault/remote/operations.js";
import { errorShape } from "../../vault/remote/wire-error.js";
import type { Caller, CoffreServer } from "../app.js";
import { asCoffreError, HttpFailure, statusOf } from "../failures.js";
import { parseStrictJson } from "../strict-json.js";
import { COUNTED, handle, parseInput } from "../v1/handlers.js";

const REFUSAL = "HTTP/1.1 426 Upgrade Required\r\n";
const CONSENT = "HTTP/1.1 101 Switching Protocols\r\n";
const HEADERS = `Upgrade: ${LINES_PROTOCOL}\r\nConnection: Upgrade`;

/** Whose questions are answered, and how. */
export interface LinesOptions {
  caller: Caller;
  /** Characters of a line. */
  longest: number;
  /** Told of what went wrong in the agent itself. */
  complain?: (error: unknown) => void;
}

/**
 * Lets a connection be upgraded (RFC 9110, 7.8) to one on which each line is a question and each answer a line: `read-many
 * {"requests":[…]}`, and `200 {"value":[…]}` as `POST /v1/read-many` would have it. For whoever asks a thousand times in a row: the
 * heads of HTTP take both sides longer than a value takes to be read. Answers come in the
 * order of the questions. To be called before the server listens.
 */
export function answerLines({ app }: CoffreServer, options: LinesOptions): void {
  const open = new Set<LineConnection>();
  app.server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    if (!isWanted(request)) return void socket.end(`${REFUSAL}${HEADERS}, close\r\nContent-Length: 0\r\n\r\n`);
    socket.write(`${CONSENT}${HEADERS}\r\n\r\n`);
    const connection = new LineConnection(socket, options);
    open.add(connection);
    socket.once("close", () => open.delete(connection));
    connection.take(head);
  });
  // The server waits for its connections, and doesn't know that these are idle.
  app.addHook("preClose", async () => {
    await Promise.all([...open].map((connection) => connection.end()));
  });
}

function isWanted({ url, headers }: IncomingMessage): boolean {
  return url === LINES_ROUTE && headers.upgrade === LINES_PROTOCOL;
}

class LineConnection {
  readonly #socket: Duplex;
  readonly #options: LinesOptions;
  readonly #decoder = new StringDecoder("utf8");
  readonly #closed = new AbortController();
  /** What has come of lines that aren't answered yet. */
  #text = "";
  #isWorking = false;
  #work: Promise<void> | undefined;
  #isEnding = false;

  constructor(socket: Duplex, options: LinesOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("data", (part: Buffer) => this.take(part));
    socket.once("end", () => void this.end());
    socket.once("close", () => this.#closed.abort());
  }

  take(part: Uint8Array): void {
    this.#text += this.#decoder.write(part);
    if (!this.#isWorking) this.#work = this.#answerAll();
    // What comes while a question is being answered waits in the socket, not in this process.
    else this.#socket.pause();
  }

  /** Ends once the question under way is answered. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#work;
    this.#socket.end(() => this.#socket.destroy());
  }

  async #answerAll(): Promise<void> {
    this.#isWorking = true;
    for (let line = this.#next(); line !== undefined && !this.#isEnding; line = this.#next()) {
      const isTaken = this.#socket.write(await this.#answer(line));
      if (!isTaken) await once(this.#socket, "drain", { signal: this.#closed.signal }).catch(() => undefined);
    }
    this.#isWorking = false;
    if (this.#text.length > this.#options.longest) this.#refuseLength();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #next(): string | undefined {
    const end = this.#text.indexOf("\n");
    if (end < 0) return undefined;
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  async #answer(line: string): Promise<string> {
    try {
      const space = line.indexOf(" ");
      const name = questionNamed(line.slice(0, Math.max(0, space)));
      const input = parseInput(name, parseStrictJson(line.slice(space + 1)));
      return `200 ${wireJson({ value: await handle(name, this.#options.caller, input) })}\n`;
    } catch (error) {
      return this.#failure(error);
    }
  }

  #failure(error: unknown): string {
    const failure = asCoffreError(error);
    if (statusOf(failure) >= 500) this.#options.complain?.(error);
    return `${String(statusOf(failure))} ${JSON.stringify({ error: errorShape(failure) })}\n`;
  }

  /** What follows can't be told from the rest of a line that is too long. */
  #refuseLength(): void {
    const refusal = new HttpFailure(
      413,
      "INVALID_INPUT",
      "The line is larger than this agent takes",
      "Ask for less at once.",
    );
    this.#text = "";
    this.#socket.write(this.#failure(refusal));
    void this.end();
  }
}

/** @throws CoffreError NOT_SUPPORTED for what changes something, answers a list, or is counted */
function questionNamed(text: string): OperationName {
  const isOne = Object.hasOwn(OPERATIONS, text) && text !== COUNTED && OPERATIONS[text as OperationName].kind === "ask";
  if (isOne) return text as OperationName;
  const hint = "Changes, lists and `find-values` are asked for by HTTP: `/v1/openapi.json` lists all operations.";
  throw new HttpFailure(404, "NOT_SUPPORTED", "The line asks for nothing that is answered so", hint);
}
