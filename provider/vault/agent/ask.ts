import { dirname, isAbsolute } from "node:path";
import { CoffreError, type ErrorCode } from "../../core/errors.js";
import { Pieces } from "../remote/pieces.js";
import { SocketConnection } from "../socket-connection.js";
import { AGENT_ROUTE, type AgentAnswer, readAgentAnswer } from "./messages.js";
import { wayProblem } from "./safe-way.js";
import { lookAt, type SocketState, stateByFailure } from "./socket-file.js";

const ANSWER_MS = 10_000;
/** More than an agent says of itself. */
const LONGEST_ANSWER = 64 * 1024;
const START = "Start one (`coffre agent`) and set COFFRE_AGENT to the path that it prints";

/** What to say of a path where no agent of this user listens. */
const PROBLEMS: Record<Exclude<SocketState, "live">, { code: ErrorCode; problem: string; hint: string }> = {
  absent: { code: "UNREACHABLE", problem: "and nothing is there", hint: `${START}, or unset COFFRE_AGENT.` },
  stale: {
    code: "UNREACHABLE",
    problem: "and the agent that listened there has ended",
    hint: `${START}, or unset COFFRE_AGENT.`,
  },
  "no-socket": { code: "CONFIGURATION", problem: "which is no socket", hint: `${START}, or unset COFFRE_AGENT.` },
  foreign: {
    code: "FORBIDDEN",
    problem: "which belongs to another user",
    hint: "It is neither asked nor told anything. Start an agent of your own (`coffre agent`), or unset COFFRE_AGENT.",
  },
  "open-to-others": {
    code: "FORBIDDEN",
    problem: "a socket that others may open, as no agent makes one",
    hint: "It is neither asked nor told anything. Start an agent of your own (`coffre agent`), or unset COFFRE_AGENT.",
  },
};

/**
 * Asks an agent what it stands for.
 * @param socket what `COFFRE_AGENT` says
 * @param connection to it, if more is to be asked over the same one; left open
 * @throws CoffreError UNREACHABLE if nobody listens there; FORBIDDEN for a socket that isn't this user's alone; CONFIGURATION
 * for what is no path of a socket; BAD_RESPONSE if something else than an agent answers
 */
export async function askAgent(socket: string, connection?: SocketConnection): Promise<AgentAnswer> {
  if (!isAbsolute(socket)) {
    throw new CoffreError("CONFIGURATION", "COFFRE_AGENT isn't an absolute path", {
      hint: "Set it to the path of the socket that `coffre agent` prints, or unset it.",
    });
  }
  const state = lookAt(socket);
  if (state !== undefined) throw refusal(socket, state);
  // What is this user's socket now must still be it when it is connected to, now or later.
  const problem = wayProblem(dirname(socket));
  if (problem !== undefined) {
    throw new CoffreError("FORBIDDEN", `COFFRE_AGENT names a socket in ${dirname(socket)}, which ${problem}`, {
      hint: "It is neither asked nor told anything. Start an agent in a folder of your own (`coffre agent`), or unset COFFRE_AGENT.",
    });
  }
  const { status, text } = await ask(socket, connection);
  const parsed = status === 200 ? readAgentAnswer(parseJson(text)) : undefined;
  if (parsed) return parsed;
  throw new CoffreError("BAD_RESPONSE", `What listens on ${socket} (COFFRE_AGENT) doesn't answer as an agent`, {
    hint: `${START}, or unset COFFRE_AGENT.`,
  });
}

function refusal(socket: string, state: Exclude<SocketState, "live">): CoffreError {
  const { code, problem, hint } = PROBLEMS[state];
  return new CoffreError(code, `COFFRE_AGENT names ${socket}, ${problem}`, { hint });
}

async function ask(socketPath: string, shared?: SocketConnection): Promise<{ status: number; text: string }> {
  const connection = shared ?? new SocketConnection(socketPath);
  try {
    const { statusCode, body } = await connection.request({
      path: AGENT_ROUTE,
      method: "GET",
      headers: {},
      body: "",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = new Pieces(LONGEST_ANSWER);
    for await (const part of body.setEncoding("utf8")) if (!text.add(String(part))) break;
    return { status: statusCode, text: text.take() };
  } catch (cause) {
    const state = stateByFailure(cause);
    if (state !== undefined) throw refusal(socketPath, state);
    throw new CoffreError("UNREACHABLE", `The agent on ${socketPath} (COFFRE_AGENT) doesn't answer`, {
      hint: "Does it hang? End it and start another, or unset COFFRE_AGENT.",
      cause,
    });
  } finally {
    if (!shared) await connection.close();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused as what it isn't
  }
}
