import { setTimeout as pause } from "node:timers/promises";
import type { Agent, Dispatcher } from "undici";
import type * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import { limitConcurrency } from "../../core/limit.js";
import type { Secret } from "../../core/secret.js";
import { connectAgent, unreachable } from "../network.js";
import { type Asked, asksToWait, badResponse, PASSING, refusal, Unanswered } from "./failures.js";
import type { Route, RouteName } from "./routes.js";

/** Where an instance is, and who asks. */
export interface HttpOptions {
  /** `https://api.lockself.com`. */
  origin: string;
  /** The routes in force: the table, with what the configuration corrects. */
  routes: Readonly<Record<RouteName, Route>>;
  /** The two tokens of an API user. Read by the first request. */
  tokens: () => { auth: Secret; ls: Secret };
  /** How the auth token is sent. Default `header`: `X-Auth-Token`; older instances want `bearer`. */
  auth?: "header" | "bearer";
  /** Absolute path of a PEM file: the authority that signed the server's certificate. Default: those that Node knows. */
  caFile?: string;
  /** The longest pause between two tries, in milliseconds; for tests. Default 8 seconds. */
  longestPauseMs?: number;
}

/** What is sent. */
export interface Message {
  route: RouteName;
  /** What stands in the path. */
  id?: number;
  query?: Readonly<Record<string, string | number>>;
  body?: object;
}

/** LockSelf documents no limit; more than this at once is no courtesy. */
const MOST_AT_ONCE = 4;
const MOST_TRIES = 6;
const CONNECT_MS = 10_000;
const ANSWER_MS = 30_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;
/** Longer than this nobody waits: the run ends, and says when to come back. */
const LONGEST_RETRY_AFTER_S = 60;

/** The HTTP of one instance: sends by the table of routes, waits and repeats where that is safe, and says what a failure means. */
export class Http {
  readonly #options: HttpOptions;
  /** Loaded by the first request: a vault in a file needs none of it. */
  #agent: Promise<Agent> | undefined;
  #headers: Record<string, string> | undefined;
  readonly #inTurn = limitConcurrency(MOST_AT_ONCE);
  #requests = 0;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  get origin(): string {
    return this.#options.origin;
  }

  /** How many requests were sent. */
  get requests(): number {
    return this.#requests;
  }

  /**
   * Sends, and parses the answer.
   * @throws Unanswered for a create that may have been done; CoffreError as `refusal` says; BAD_RESPONSE
   */
  async call<T>(message: Message, schema: z.ZodType<T>): Promise<T> {
    const { status, text } = await this.#sendAgain(message);
    if (status >= 300) throw refusal(this.#asked(message), status);
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw badResponse(this.#asked(message), parseJson(text) === undefined ? "no JSON" : shapeOf(parsed.error));
  }

  /** As {@link call}, for an answer that nobody reads. */
  async tell(message: Message): Promise<void> {
    const { status } = await this.#sendAgain(message);
    if (status >= 300) throw refusal(this.#asked(message), status);
  }

  async close(): Promise<void> {
    const agent = await this.#agent?.catch(() => undefined);
    this.#agent = undefined;
    await agent?.close();
  }

  #asked({ route }: Message): Asked {
    const { method, path } = this.#options.routes[route];
    return { origin: this.#options.origin, route, method, path };
  }

  /** A create is repeated only where the server has said that it wasn't done. */
  async #sendAgain(message: Message): Promise<{ status: number; text: string }> {
    const isCreate = this.#options.routes[message.route].method === "POST";
    for (let tries = 1; ; tries++) {
      let waitMs = this.#pauseMs(tries);
      try {
        const answer = await this.#inTurn(() => this.#send(message));
        const passing = PASSING.has(answer.status);
        if (isCreate && passing && answer.status !== 429) throw new Unanswered();
        if (!passing || tries >= MOST_TRIES) return answer;
        const seconds = retryAfterSeconds(answer.retryAfter);
        if (seconds !== undefined && seconds > LONGEST_RETRY_AFTER_S) throw asksToWait(this.#asked(message), seconds);
        waitMs = Math.max(waitMs, (seconds ?? 0) * 1000);
      } catch (error) {
        if (!(error instanceof CoffreError) || error.code !== "UNREACHABLE" || error.details["call"] !== undefined) {
          throw error;
        }
        if (isCreate && !neverSent(error)) throw new Unanswered();
        if (tries >= MOST_TRIES) throw error;
      }
      await pause(waitMs);
    }
  }

  /** Doubling, and drawn between half and all of it, so that those who were refused together don't come back together. */
  #pauseMs(tries: number): number {
    const longest = this.#options.longestPauseMs ?? LONGEST_PAUSE_MS;
    return Math.min(longest, FIRST_PAUSE_MS * 2 ** (tries - 1)) * (0.5 + Math.random() / 2);
  }

  #connect(): Promise<Agent> {
    const { caFile } = this.#options;
    return connectAgent({ most: MOST_AT_ONCE, connectMs: CONNECT_MS, answerMs: ANSWER_MS, caFile });
  }

  async #send(message: Message): Promise<{ status: number; text: string; retryAfter: string | undefined }> {
    const { origin, routes } = this.#options;
    const { method, path } = routes[message.route];
    const agent = await (this.#agent ??= this.#connect());
    const headers = (this.#headers ??= this.#credentials());
    this.#requests += 1;
    let answer: Dispatcher.ResponseData;
    let text: string;
    try {
      answer = await agent.request({
        origin,
        path: fill(path, message),
        method,
        headers: {
          accept: "application/json",
          ...headers,
          ...(message.body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(message.body === undefined ? {} : { body: JSON.stringify(message.body) }),
      });
      text = await answer.body.text();
    } catch (error) {
      throw unreachable({ origin }, error);
    }
    const retryAfter = answer.headers["retry-after"];
    return { status: answer.statusCode, text, retryAfter: typeof retryAfter === "string" ? retryAfter : undefined };
  }

  #credentials(): Record<string, string> {
    const { auth, ls } = this.#options.tokens();
    const own: Record<string, string> =
      this.#options.auth === "bearer"
        ? { authorization: `Bearer ${auth.reveal()}` }
        : { "x-auth-token": auth.reveal() };
    return { ...own, "x-ls-token": ls.reveal() };
  }
}

/** The path of a route with its parameter and query. */
function fill(path: string, { id, query = {} }: Message): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) parameters.set(name, String(value));
  const filled = path.replace("{id}", encodeURIComponent(String(id ?? "")));
  return parameters.size === 0 ? filled : `${filled}?${parameters.toString()}`;
}

/** Seconds, or a date (RFC 9110, 10.2.3); `undefined` for nothing, and for what is neither. */
function retryAfterSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1000);
}

/** No connection was made, so nothing was sent. */
function neverSent(error: CoffreError): boolean {
  const { cause } = error;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"].includes(
    String(code),
  );
}

function parseJson(text: string): unknown {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch {
    return undefined; // what isn't JSON fits no schema
  }
}

/** Where an answer isn't as it should be, without what stands there. */
function shapeOf({ issues }: z.ZodError): string {
  const where = issues[0]?.path.join(".") ?? "";
  return `something that can't be understood${where === "" ? "" : ` (at ${where})`}`;
}
