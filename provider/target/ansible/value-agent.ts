import { mkdtemp, rm, chmod } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import type { Secret } from "../../core/secret.js";

const Asked = z.object({ requests: z.array(z.looseObject({ path: z.array(z.string()).optional() })).max(100) });
const LARGEST_REQUEST = 64 * 1024;

/**
 * An agent for one run, which knows what that run needs and nothing else: it answers `read-many` of `/v1` by the names of `values`, on
 * a socket that only this user may open, until it is closed.
 */
export class ValueAgent {
  readonly socket: string;
  readonly #server: Server;
  readonly #folder: string;

  private constructor(server: Server, folder: string) {
    this.#server = server;
    this.#folder = folder;
    this.socket = join(folder, "agent.sock");
  }

  static async start(values: Readonly<Record<string, Secret>>): Promise<ValueAgent> {
    const folder = await mkdtemp(join(tmpdir(), "cfv-")); // mode 0700
    const server = createServer((request, response) => {
      void answer(request, values).then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    });
    const agent = new ValueAgent(server, folder);
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(agent.socket, resolve));
    await chmod(agent.socket, 0o600);
    return agent;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function answer(
  request: IncomingMessage,
  values: Readonly<Record<string, Secret>>,
): Promise<{ status: number; body: object }> {
  const text = await bodyOf(request);
  const asked =
    request.method === "POST" && request.url === "/v1/read-many" ? Asked.safeParse(parseJson(text)).data : undefined;
  if (!asked)
    return {
      status: 404,
      body: { error: errorShape("NOT_SUPPORTED", "The agent of one run answers nothing but read-many") },
    };
  const value = asked.requests.map(({ path = [], ...more }) => {
    const [name = "", second] = path;
    const found = second === undefined && Object.hasOwn(values, name) ? values[name] : undefined;
    if (found === undefined || "version" in more || ("field" in more && more["field"] !== "password")) {
      const names = Object.keys(values).join(" and ");
      return { error: errorShape("NOT_FOUND", `The agent of one run has no such value; it has ${names}`) };
    }
    const facts = { id: name, path, field: "password", type: "secret", version: 1, status: "current" };
    return { answer: { ...facts, value: found.reveal() } };
  });
  return { status: 200, body: { value } };
}

function errorShape(code: string, problem: string): object {
  return { code, problem, hint: null, details: {} };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  try {
    for await (const part of request.setEncoding("utf8")) {
      text += String(part);
      if (text.length > LARGEST_REQUEST) return "";
    }
  } catch {
    return ""; // the run was ended
  }
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
