import type { FastifyRequest } from "fastify";
import * as z from "zod";
import { CoffreError } from "../../../core/errors.js";
import { hasPassed } from "../../../core/instant.js";
import { Secret } from "../../../core/secret.js";
import { LockselfBoolean, LockselfDate, LockselfInteger } from "../../../vault/lockself/forms.js";
import { parseSent } from "../bodies.js";
import { type Answer, type Call, notAllowed } from "../front.js";
import { linkTo } from "../links.js";
import { LARGEST_TRANSFER } from "./transfer-row.js";

/** Where a recipient fetches the file, and where the sender sees who did. */
export const DOWNLOAD_PATH = "/api/transfers/download/";
export const REPORT_PATH = "/api/transfers/report/";

/** Each part is a text. */
const Parts = z.strictObject({
  uuid: z.uuid(),
  totalSize: LockselfInteger.pipe(z.int().min(1).max(LARGEST_TRANSFER)),
  totalChunkCount: LockselfInteger.pipe(z.int().min(1).max(100)),
  chunkIndex: LockselfInteger.pipe(z.int().min(0)),
  maxDl: LockselfInteger.pipe(z.int().min(0)).default(0),
  password: z.string().min(1).max(1_000),
  phones: z.string().optional(),
  expirationDate: LockselfDate.optional(),
  ackReceipt: LockselfBoolean.optional(),
  isOutlook: LockselfBoolean.optional(),
  description: z.string().max(2_000).default(""),
});

/** Takes one chunk; the answer to the last one has the links, which are told this once. */
export async function uploadTransfer(call: Call): Promise<Answer> {
  const { principal, front, request } = call;
  if (principal.role === "reader") throw notAllowed(call, "send files");
  const { parts, file } = await readParts(request);
  const {
    phones = "",
    expirationDate,
    password,
    ackReceipt: _ackReceipt,
    isOutlook: _isOutlook,
    ...whole
  } = parseSent(Parts, parts);
  if (phones.trim() !== "") {
    throw new CoffreError("POLICY", "This server sends no SMS, so nobody would get the password", {
      hint: "Leave phones out, and tell the recipients the password in another way.",
      details: { field: "phones" },
    });
  }
  if (whole.chunkIndex >= whole.totalChunkCount) {
    throw new CoffreError("INVALID_INPUT", "chunkIndex isn't below totalChunkCount", {
      details: { field: "chunkIndex" },
    });
  }
  const expiresAt = expirationDate == null ? undefined : endOf(expirationDate);
  if (hasPassed(expiresAt, front.clock.now())) {
    throw new CoffreError("INVALID_INPUT", "expirationDate has passed already", {
      details: { field: "expirationDate" },
    });
  }
  const { id, row, links } = await front.transfers.add({
    ...whole,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    sender: principal.name,
    name: file.name,
    password: new Secret(password),
    bytes: file.bytes,
  });
  const told = links && {
    downloadLink: linkTo(call, `${DOWNLOAD_PATH}${links.download}`),
    reportLink: linkTo(call, `${REPORT_PATH}${links.report}`),
  };
  return { status: 200, body: { id, name: row.name, ...told } };
}

async function readParts(
  request: FastifyRequest,
): Promise<{ parts: Record<string, unknown>; file: { name: string; bytes: Buffer } }> {
  const parts: [string, unknown][] = [];
  let file: { name: string; bytes: Buffer } | undefined;
  for await (const part of request.parts()) {
    if (part.type === "field") parts.push([part.fieldname, part.value]);
    else if (part.fieldname === "file" && !file)
      file = { name: plainName(part.filename), bytes: await part.toBuffer() };
    else throw new CoffreError("INVALID_INPUT", "The request has another file than the one named file");
  }
  if (!file) throw new CoffreError("INVALID_INPUT", "file is missing", { details: { field: "file" } });
  if (new Set(parts.map(([name]) => name)).size < parts.length) {
    throw new CoffreError("INVALID_INPUT", "The request has a part twice", { hint: "Name each once." });
  }
  return { parts: Object.fromEntries(parts), file };
}

/** A name that is nothing but a name, whatever the client's system. */
function plainName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  return last.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, "").slice(0, 200) || "file";
}

/** A day without a time is good until it ends, in UTC. */
function endOf(date: string): string {
  if (!date.endsWith("T00:00:00.000Z")) return date;
  return new Date(Date.parse(date) + 86_400_000).toISOString();
}
