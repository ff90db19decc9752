import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { CoffreError, isCoffreError } from "../../core/errors.js";
import { isRecord } from "../../core/guards.js";
import type { Secret } from "../../core/secret.js";
import { connectAgent, unreachable } from "../network.js";
import { ANSWER_MS, type ConnectionRequest, MOST_CONNECTIONS, SocketConnection } from "../socket-connection.js";
import { type AnswerReader, answerReader } from "./answers.js";
import { wireJson } from "./json.js";
import type { InputOf, NamesOf, OperationName, OutputOf } from "./operations.js";
import { Pieces } from "./pieces.js";
import { REQUEST_HEADER, SERVER_HEADER, SOURCE_HEADER } from "./wire.js";
import { errorOf, readWireError, type WireError } from "./wire-error.js";

/** Where a server is, and who asks. */
export interface RemotePlace {
  /** `https://vault.example.com:8730`; plain http only on the machine itself. */
  origin: string;
  /** A unix socket in the place of the origin's host. */
  socketPath?: string;
  /** To that socket, where there is one already; closed with the client. */
  connection?: SocketConnection | undefined;
  /** Absolute path of a PEM file: the authority that signed the server's certificate. Default: those that Node knows. */
  caFile?: string;
  /** Asked for at each request, so that a file with a new token counts at once. Missing: the server knows by other means who asks. */
  token?: () => Secret;
  /** The machine that logs in to targets. Default: this one's host name. */
  source?: string;
  /** Characters of one answer, and of one item of a list, beyond which it isn't read on. Default 256 Mi. */
  longestAnswer?: number;
}

const CONNECT_MS = 10_000;
/** Pauses before a request is sent again. A server that is started anew needs some seconds. */
const PAUSES_MS = [100, 400, 1_500];
const LONGEST_WAIT_MS = 30_000;

/** One line of a list. */
type Line = { item: unknown } | { end: true } | { error: WireError };

/** What is only sent on may be read-only in all its parts. */
type Sent<T> = T extends Secret
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Sent<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Sent<T[Key]> }
      : T;

/** An answer whose body is still to be read. */
interface Answer {
  statusCode: number;
  headers: IncomingHttpHeaders;
  body: Readable;
}

/** What keeps connections to one server, by whichever client. */
interface Connection {
  request(request: ConnectionRequest & { origin: string }): Promise<Answer>;
  close(): Promise<void>;
}

interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** The HTTP of one server: sends an operation, parses what comes, and knows what may be sent twice. */
export class RemoteClient {
  readonly #place: RemotePlace;
  /** Loaded by the first request. */
  #connection: Promise<Connection> | undefined;
  /** The start of the server that answered last. */
  #start: string | undefined;

  constructor(place: RemotePlace) {
    this.#place = place;
  }

  /** What changes nothing: sent again if no answer came. @throws CoffreError as the server says; UNREACHABLE, TLS_NOT_TRUSTED, BAD_RESPONSE */
  ask<Name extends NamesOf<"ask">>(name: Name, input: Sent<InputOf<Name>>): Promise<OutputOf<Name>> {
    return this.#call(name, wireJson(input), {});
  }

  /**
   * A change. If no answer came it is sent again under the same id, by which the server knows it, and only to the same start of the server: another
   * one doesn't know what the first did.
   * @throws CoffreError as the server says; UNREACHABLE, INTERRUPTED: whether it was carried out isn't known then
   */
  change<Name extends NamesOf<"change">>(name: Name, input: Sent<InputOf<Name>>): Promise<OutputOf<Name>> {
    return this.#call(name, wireJson(input), { [REQUEST_HEADER]: crypto.randomUUID() });
  }

  /** A list, item by item as they come. @throws CoffreError as the server says; UNREACHABLE if it breaks off */
  async *list<Name extends NamesOf<"list">>(name: Name, input: Sent<InputOf<Name>>): AsyncIterable<OutputOf<Name>> {
    const read = await answerReader(name);
    const answer = await this.#patiently(false, () => this.#open(name, wireJson(input), {}));
    const body = answer.body.setEncoding("utf8");
    const rest = new Pieces(this.#place.longestAnswer);
    let ended = false;
    try {
      for await (const chunk of body) {
        const lines = String(chunk).split("\n");
        const last = lines.pop() ?? "";
        for (const end of lines) {
          const line = rest.add(end) ? rest.take() : "";
          const parsed = readLine(parseJson(line));
          if (!parsed) throw this.#badResponse(name);
          if ("error" in parsed) throw errorOf(parsed.error);
          if ("end" in parsed) ended = true;
          else yield this.#parse(name, read, parsed.item);
        }
        if (!rest.add(last)) throw this.#badResponse(name);
      }
    } catch (error) {
      throw isCoffreError(error) ? error : unreachable(this.#place, error);
    } finally {
      body.destroy();
    }
    if (!ended || rest.take() !== "") throw unreachable(this.#place, undefined);
  }

  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    await connection?.close();
  }

  async #call<Name extends OperationName>(
    name: Name,
    body: string,
    headers: Record<string, string>,
  ): Promise<OutputOf<Name>> {
    const read = await answerReader(name);
    const { text } = await this.#patiently(headers[REQUEST_HEADER] !== undefined, async (again) => {
      const answer = await this.#open(name, body, { ...headers, ...again });
      return { status: answer.statusCode, headers: answer.headers, text: await this.#text(name, answer) };
    });
    const answered = parseJson(text);
    if (!isRecord(answered)) throw this.#badResponse(name);
    return this.#parse(name, read, answered["value"]);
  }

  /** Sends until an answer comes, for some seconds; an answer that is a refusal is thrown. */
  async #patiently<T>(isChange: boolean, send: (again: Record<string, string>) => Promise<T>): Promise<T> {
    let again: Record<string, string> = {};
    for (let tries = 0; ; tries += 1) {
      const sentTo = this.#start;
      try {
        return await send(again);
      } catch (error) {
        const wait = tries < PAUSES_MS.length ? this.#mayRepeat(error, { isChange, sentTo }) : undefined;
        if (wait === undefined) throw error;
        // From the first time that it may have arrived on, it is only for the start to which it was sent.
        if (isChange && error instanceof NoAnswer && again[SERVER_HEADER] === undefined && sentTo !== undefined) {
          again = { [SERVER_HEADER]: sentTo };
        }
        await pause(Math.max(wait, PAUSES_MS[tries] ?? 0));
      }
    }
  }

  /** How long to wait before it is sent again, milliseconds; `undefined`: not at all. */
  #mayRepeat(
    error: unknown,
    { isChange, sentTo }: { isChange: boolean; sentTo: string | undefined },
  ): number | undefined {
    if (error instanceof TooMany) return error.waitMs <= LONGEST_WAIT_MS ? error.waitMs : undefined;
    if (error instanceof NotSent) return 0;
    if (!(error instanceof NoAnswer)) return undefined;
    return isChange && sentTo === undefined ? undefined : 0;
  }

  /** Sends once. @returns the answer of a success, its body unread. @throws CoffreError for every other */
  async #open(name: OperationName, body: string, headers: Record<string, string>): Promise<Answer> {
    const { origin, token, source = hostname() } = this.#place;
    const authorization = token ? { authorization: `Bearer ${token().reveal()}` } : {};
    const connection = await (this.#connection ??= this.#connect());
    let answer: Answer;
    try {
      answer = await connection.request({
        origin,
        path: `/v1/${name}`,
        method: "POST",
        headers: { "content-type": "application/json", [SOURCE_HEADER]: source, ...authorization, ...headers },
        body,
      });
    } catch (error) {
      throw this.#silence(error);
    }
    const start = answer.headers[SERVER_HEADER];
    if (typeof start === "string") this.#start = start;
    if (answer.statusCode < 300) return answer;
    throw this.#refusal(name, {
      status: answer.statusCode,
      headers: answer.headers,
      text: await this.#text(name, answer),
    });
  }

  async #text(name: OperationName, { body }: Answer): Promise<string> {
    const text = new Pieces(this.#place.longestAnswer);
    try {
      for await (const part of body.setEncoding("utf8")) if (!text.add(String(part))) throw this.#badResponse(name);
    } catch (error) {
      throw isCoffreError(error) ? error : this.#silence(error);
    }
    return text.take();
  }

  /** No answer, and what that means for sending again. */
  #silence(cause: unknown): CoffreError {
    const error = unreachable(this.#place, cause);
    if (error.code !== "UNREACHABLE") return error;
    return isNotSent(cause) ? new NotSent(error) : new NoAnswer(error);
  }

  #refusal(name: OperationName, { status, headers, text }: Answered): CoffreError {
    const ours = readWireError(parseJson(text));
    const seconds = Number(headers["retry-after"]);
    if (status === 429) {
      const wait = Number.isFinite(seconds) ? seconds * 1_000 : 1_000;
      return new TooMany(ours ? errorOf(ours) : this.#failed(`asks for fewer requests (429)`), wait);
    }
    if (ours) return errorOf(ours);
    // A proxy's own answer: what stands behind it may have had the request.
    if (status === 502 || status === 503 || status === 504)
      return new NoAnswer(this.#failed(`didn't answer (${status})`));
    return this.#badResponse(name);
  }

  #failed(problem: string): CoffreError {
    return new CoffreError("UNREACHABLE", `${this.#place.origin} ${problem}`, {
      hint: "Try again; its own log says more.",
    });
  }

  #badResponse(name: OperationName): CoffreError {
    const problem = `${this.#place.origin} answered something that can't be understood at /v1/${name}`;
    return new CoffreError("BAD_RESPONSE", problem, { hint: "Is it a `coffre serve`, and not a proxy's own page?" });
  }

  #parse<Name extends OperationName>(name: Name, read: AnswerReader<Name>, value: unknown): OutputOf<Name> {
    const answer = read(value);
    if (answer) return answer.data;
    throw this.#badResponse(name);
  }

  async #connect(): Promise<Connection> {
    const { caFile, socketPath, connection } = this.#place;
    if (socketPath !== undefined) return connection ?? new SocketConnection(socketPath);
    return connectAgent({ most: MOST_CONNECTIONS, answerMs: ANSWER_MS, connectMs: CONNECT_MS, caFile });
  }
}

/** A failure that says something about sending again. */
class Repeatable extends CoffreError {
  constructor({ code, problem, hint, details, cause }: CoffreError) {
    super(code, problem, { details, cause, ...(hint === undefined ? {} : { hint }) });
  }
}

/** Certainly nothing was sent. */
class NotSent extends Repeatable {}

/** Something may have arrived. */
class NoAnswer extends Repeatable {}

/** The server asked for patience, and did nothing. */
class TooMany extends Repeatable {
  readonly waitMs: number;

  constructor(error: CoffreError, waitMs: number) {
    super(error);
    this.waitMs = waitMs;
  }
}

/** Whether no connection came about at all. */
function isNotSent(error: unknown): boolean {
  const code: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "code") : undefined;
  return code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "ENOENT" || code === "UND_ERR_CONNECT_TIMEOUT";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // what isn't JSON fits no schema
  }
}

function readLine(value: unknown): Line | undefined {
  if (!isRecord(value)) return undefined;
  if ("item" in value) return { item: value["item"] };
  if (value["end"] === true) return { end: true };
  const error = readWireError(value);
  return error && { error };
}
