import type { Agent, IncomingHttpHeaders, IncomingMessage } from "node:http";

/** One request of HTTP, as a connection sends it. */
export interface ConnectionRequest {
  path: string;
  method: "GET" | "POST";
  headers: Readonly<Record<string, string>>;
  body: string;
  /** Ends it, whatever has come by then. */
  signal?: AbortSignal;
}

// An import of the module would load all that hangs on its names, a second HTTP client too, which costs more than the start of Node.
const http = () => process.getBuiltinModule("node:http");

/** Connections at once to one server. */
export const MOST_CONNECTIONS = 32;
/** For the head of an answer, and for a pause in its body: longer than a server waits for its vault's write lock. */
export const ANSWER_MS = 60_000;

/**
 * For each request over a unix socket: else Node's client asks whether its host's name is an address, by patterns that take
 * a quarter of the time to compile in which Node starts.
 */
const WITHOUT_HOST = { servername: "" };

/**
 * HTTP over a unix socket by Node's own client. A command that asks an agent once is done before a larger client is loaded.
 * Requests fail with what the socket says.
 */
export class SocketConnection {
  readonly #socketPath: string;
  readonly #agent: Agent;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
    const { Agent } = http();
    this.#agent = new Agent({ keepAlive: true, maxSockets: MOST_CONNECTIONS });
  }

  /** @returns the answer once its head has come, whatever its status */
  request({ path, method, headers, body, signal }: ConnectionRequest): Promise<{
    statusCode: number;
    headers: IncomingHttpHeaders;
    body: IncomingMessage;
  }> {
    return new Promise((done, fail) => {
      const length = { "content-length": String(Buffer.byteLength(body)) };
      const options = { ...WITHOUT_HOST, socketPath: this.#socketPath, agent: this.#agent, path, method, signal };
      const asked = http().request({ ...options, headers: { ...headers, ...length } });
      asked.setTimeout(ANSWER_MS, () => {
        asked.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" }));
      });
      asked.on("error", fail);
      asked.on("response", (answer) => {
        done({ statusCode: answer.statusCode ?? 0, headers: answer.headers, body: answer });
      });
      asked.end(body);
    });
  }

  close(): Promise<void> {
    this.#agent.destroy();
    return Promise.resolve();
  }
}
