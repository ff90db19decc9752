import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { CoffreError } from "../core/errors.js";
import { errorShape } from "../vault/remote/wire-error.js";
import { asCoffreError, HttpFailure, statusOf } from "./failures.js";

/** What a request is answered with that no route could be looked for: its URL is none. */
export function answerFrameworkError(error: Error, _request: FastifyRequest, reply: FastifyReply): void {
  const failure = asCoffreError(error);
  void reply.status(statusOf(failure)).send({ error: errorShape(failure) });
}

/** What Node's own parser refuses, by its code. */
const REFUSALS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "The request's head is larger than this server takes"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "The request took too long to arrive"],
};

/** Answers what isn't a request of HTTP, in the shape of all errors, and ends the connection. Nothing of what was sent is repeated. */
export function answerClientError({ code = "" }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === "ECONNRESET" || socket.destroyed) return;
  if (!socket.writable) return void socket.destroy();
  const [status, problem] = REFUSALS[code] ?? [400, "What came isn't a request of HTTP"];
  const failure: CoffreError = new HttpFailure(
    status,
    "INVALID_INPUT",
    problem,
    "`/v1/openapi.json` describes every request.",
  );
  const body = JSON.stringify({ error: errorShape(failure) });
  const head = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
