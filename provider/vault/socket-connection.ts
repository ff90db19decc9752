import type { Agent, IncomingHttpHeaders, IncomingMessage } from "node:http";

/** One request of HTTP, as a connection sends it. */
export interface ConnectionRequest {
  path: string;
  method: "POST";
  headers: Readonly<Record<string, string>>;
  body: string;
}

// An import of the module would load all that hangs on its names, a second HTTP client too, which costs more than the start of Node.
const http = () => process.getBuiltinModule("node:http");

/**
 * For each request over a unix socket: else Node's client asks whether its host's name is an address, by patterns that take
 * a quarter of the time to compile in which Node starts.
 */
export const WITHOUT_HOST = { servername: "" };

/**
 * HTTP over a unix socket by Node's own client. A command that asks an agent once is done before a larger client is loaded.
 * Requests fail with what the socket says.
 */
export class SocketConnection {
  readonly #socketPath: string;
  readonly #answerMs: number;
  readonly #agent: Agent;

  /** @param most connections at once @param answerMs for the head of an answer, and for a pause in its body */
  constructor({ socketPath, most, answerMs }: { socketPath: string; most: number; answerMs: number }) {
    this.#socketPath = socketPath;
    this.#answerMs = answerMs;
    const { Agent } = http();
    this.#agent = new Agent({ keepAlive: true, maxSockets: most });
  }

  /** @returns the answer once its head has come, whatever its status */
  request({ path, method, headers, body }: ConnectionRequest): Promise<{
    statusCode: number;
    headers: IncomingHttpHeaders;
    body: IncomingMessage;
  }> {
    return new Promise((done, fail) => {
      const length = { "content-length": String(Buffer.byteLength(body)) };
      const options = { ...WITHOUT_HOST, socketPath: this.#socketPath, agent: this.#agent, path, method };
      const asked = http().request({ ...options, headers: { ...headers, ...length } });
      asked.setTimeout(this.#answerMs, () => {
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
