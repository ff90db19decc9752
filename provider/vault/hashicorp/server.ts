import { setTimeout as pause } from "node:timers/promises";
import type { Agent, Dispatcher } from "undici";
import * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import { connectAgent, unreachable } from "../network.js";
import { type Asked, badResponse, refusal, standby } from "./failures.js";

/** Where a server is, and how it is spoken to. */
export interface ServerOptions {
  /** `https://vault.example.com:8200`; plain http only where the configuration allows it. */
  origin: string;
  namespace?: string;
  /** Absolute path of a PEM file: the authority that signed the server's certificate. Default: those that Node knows. */
  caFile?: string;
}

const CONNECT_MS = 10_000;
const ANSWER_MS = 30_000;
/** Pauses before a question that changes nothing is asked again. */
const ASK_AGAIN_MS = [100, 500];
const MOST_CONNECTIONS = 32;

const Errors = z.object({ errors: z.array(z.string()) });
const Health = z.object({ initialized: z.boolean(), sealed: z.boolean(), version: z.string().optional() });
const Leader = z.object({ leader_address: z.string().optional() });

/** What is sent. */
export interface Message {
  method: "GET" | "LIST" | "POST" | "PATCH" | "DELETE";
  /** Below `/v1/`, encoded. */
  path: string;
  body?: object;
  token?: Secret;
  /** About the server as a whole: no namespace answers it. */
  ofTheServer?: true;
}

/** The HTTP of one server: sends, follows to the active node, and says what a failure means. Knows no secret engine. */
export class Server {
  readonly #options: ServerOptions;
  /** Loaded by the first request: a vault in a file needs none of it. */
  #agent: Promise<Agent> | undefined;
  #origin: string;
  /** The newest state of the storage that was seen: a read-enabled standby waits for it. */
  #index: string | undefined;
  #requests = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#origin = options.origin;
  }

  get origin(): string {
    return this.#origin;
  }

  get namespace(): string | undefined {
    return this.#options.namespace;
  }

  /** How many requests were sent. */
  get requests(): number {
    return this.#requests;
  }

  /**
   * Finds the node that is asked from now on: the active one, since a standby may answer what was true before.
   * @throws CoffreError UNREACHABLE for a sealed server, a standby whose active node isn't known, no answer;
   * VAULT_MISSING for one that was never initialised
   */
  async findActive(): Promise<void> {
    const asked = { method: "GET", path: "sys/health", ofTheServer: true } as const;
    const { status, text } = await this.#sendAgain(asked);
    if (status === 200) return;
    const health = Health.safeParse(parseJson(text)).data;
    if (health?.initialized === false || status === 501) {
      throw new CoffreError("VAULT_MISSING", `${this.#origin} was never initialised`, {
        hint: "Initialise and unseal it first, by its own `operator init`.",
      });
    }
    if (health?.sealed === true || status === 503) {
      throw refusal({ origin: this.#origin, ...asked }, { status: 503, errors: ["sealed"] });
    }
    if (status !== 429 && status !== 473) {
      throw status === 472 ? standby({ origin: this.#origin }) : badResponse(this.#asked(asked), `${status}`);
    }
    const leader = await this.#sendAgain({ method: "GET", path: "sys/leader", ofTheServer: true });
    const address = Leader.safeParse(parseJson(leader.text)).data?.leader_address ?? "";
    // Never from https to a plain connection, whatever a standby says.
    const active = URL.canParse(address) ? new URL(address) : undefined;
    if (active === undefined || active.protocol !== new URL(this.#options.origin).protocol) {
      throw standby({ origin: this.#origin });
    }
    this.#origin = active.origin;
    const { status: now } = await this.#sendAgain(asked);
    if (now !== 200) throw standby({ origin: this.#origin });
  }

  /**
   * Sends, and parses the answer; `undefined` for 204 and, if `absent` is given, for 404.
   * @throws CoffreError, CasConflict as {@link refusal} says; BAD_RESPONSE
   */
  async call<T>(message: Message, schema: z.ZodType<T>): Promise<T>;
  async call<T>(message: Message, schema: z.ZodType<T>, absent: (body: unknown) => T): Promise<T>;
  async call<T>(message: Message, schema: z.ZodType<T>, absent?: (body: unknown) => T): Promise<T> {
    const changesNothing = message.method === "GET" || message.method === "LIST";
    const { status, text } = await (changesNothing ? this.#sendAgain(message) : this.#send(message));
    const body = parseJson(text);
    if (status === 404 && absent) return absent(body);
    if (status >= 300) {
      const errors = Errors.safeParse(body).data?.errors ?? [];
      throw refusal(this.#asked(message), { status, errors });
    }
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw badResponse(this.#asked(message), "something that can't be understood");
  }

  async close(): Promise<void> {
    const agent = await this.#agent?.catch(() => undefined);
    this.#agent = undefined;
    await agent?.close();
  }

  #asked({ method, path }: Message): Asked {
    return { origin: this.#origin, method, path: decodeURI(path) };
  }

  /** For what may be asked twice. */
  async #sendAgain(message: Message): Promise<{ status: number; text: string }> {
    for (const pauseMs of ASK_AGAIN_MS) {
      try {
        const answer = await this.#send(message);
        if (answer.status !== 500 && answer.status !== 502 && answer.status !== 504) return answer;
      } catch (error) {
        if (!(error instanceof CoffreError) || error.code !== "UNREACHABLE") throw error;
      }
      await pause(pauseMs);
    }
    return this.#send(message);
  }

  #connect(): Promise<Agent> {
    const { caFile } = this.#options;
    return connectAgent({ most: MOST_CONNECTIONS, connectMs: CONNECT_MS, answerMs: ANSWER_MS, caFile });
  }

  async #send(
    { method, path, body, token, ofTheServer }: Message,
    redirected = false,
  ): Promise<{ status: number; text: string }> {
    const { namespace } = this.#options;
    const agent = await (this.#agent ??= this.#connect());
    this.#requests += 1;
    let answer: Dispatcher.ResponseData;
    let text: string;
    try {
      answer = await agent.request({
        origin: this.#origin,
        path: `/v1/${path}${method === "LIST" ? "?list=true" : ""}`,
        method: method === "LIST" ? "GET" : method,
        headers: {
          "x-vault-request": "true",
          // For servers whose standbys answer reads: they wait for what this process has seen, or ask the active node.
          "x-vault-inconsistent": "forward-active-node",
          ...(this.#index === undefined ? {} : { "x-vault-index": this.#index }),
          ...(namespace === undefined || ofTheServer ? {} : { "x-vault-namespace": namespace }),
          ...(token === undefined ? {} : { "x-vault-token": token.reveal() }),
          ...(body === undefined
            ? {}
            : { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await answer.body.text();
    } catch (error) {
      throw unreachable({ origin: this.#origin }, error);
    }
    const index = answer.headers["x-vault-index"];
    if (typeof index === "string") this.#index = index;
    if (answer.statusCode === 307 && !redirected) {
      this.#follow(answer.headers["location"]);
      return this.#send({ method, path, ...(body ? { body } : {}), ...(token ? { token } : {}) }, true);
    }
    return { status: answer.statusCode, text };
  }

  /** A standby that doesn't forward names the active node. */
  #follow(location: string | string[] | undefined): void {
    const target = typeof location === "string" && URL.canParse(location) ? new URL(location) : undefined;
    if (target === undefined || target.protocol !== new URL(this.#options.origin).protocol) {
      throw standby({ origin: this.#origin });
    }
    this.#origin = target.origin;
  }
}

function parseJson(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined; // what isn't JSON fits no schema
  }
}
