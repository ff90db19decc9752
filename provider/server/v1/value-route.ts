import type { FastifyInstance, FastifyReply } from "fastify";
import * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import { PASSWORD_FIELD } from "../../core/field.js";
import { issueText } from "../../core/issue-text.js";
import { formatReference, parseReference, type Reference } from "../../core/reference.js";
import type { Credential, ValueAnswer, ValueRequest, VaultIdentity } from "../../vault/port.js";
import { pickVersion } from "../../vault/records/reading.js";
import { type Caller, callerOf } from "../app.js";
import { readableCredential } from "./guard.js";

/** Where one value is asked for by a URL. */
export const VALUE_ROUTE = "/v1/value";

const Query = z.strictObject({ ref: z.string() });

/**
 * `GET /v1/value?ref=coffre://…`: one value as JSON, for machines that ask by a URL and read one key of the answer, such as the
 * webhook provider of External Secrets Operator. Its ETag stands for the version: whoever has it already gets 304, and nothing is
 * read.
 */
export function addValueRoute(scope: FastifyInstance): void {
  scope.get(VALUE_ROUTE, { exposeHeadRoute: false }, async (request, reply) => {
    const caller = callerOf(request);
    const reference = referenceIn(request.query);
    const identity = await caller.vault.identity();
    if (reference.vault !== identity.name) throw wrongVault(identity.name);
    const known = request.headers["if-none-match"];
    if (known !== undefined && (await isKnown(caller, identity, reference, known, reply)))
      return reply.status(304).send();
    const [answer] = await caller.vault.readMany([requestOf(reference)]);
    if (answer === undefined) throw new CoffreError("BAD_RESPONSE", "The vault answered no value");
    if (answer instanceof Error) throw answer;
    return reply.header("etag", etagOf(identity, answer)).send(shapeOf(identity, answer));
  });
}

function referenceIn(query: unknown): Reference {
  const { data, error } = Query.safeParse(query, { error: issueText });
  if (data) return parseReference(data.ref);
  throw new CoffreError("INVALID_INPUT", `The query ${error.issues[0]?.message ?? "is wrong"}`, {
    hint: `Ask for one value: ${VALUE_ROUTE}?ref=<a reference, percent-encoded>.`,
  });
}

function wrongVault(name: string): CoffreError {
  return new CoffreError("WRONG_VAULT", `The reference names another vault than ${JSON.stringify(name)}`, {
    hint: "Ask the server of the vault that it names, or use a reference of this one.",
  });
}

function requestOf(reference: Reference): ValueRequest {
  const { field, version } = reference;
  return {
    ...(reference.by === "id" ? { id: reference.id } : { path: reference.path }),
    ...(field === undefined ? {} : { field }),
    ...(version === undefined ? {} : { version }),
  };
}

/** Whether the caller, who must be allowed to read it, has the version that would be answered. */
async function isKnown(
  caller: Caller,
  identity: VaultIdentity,
  reference: Reference,
  known: string,
  reply: FastifyReply,
): Promise<boolean> {
  const id = reference.by === "id" ? reference.id : (await caller.vault.findCredential(reference.path))?.id;
  if (id === undefined) return false; // the read says that there is none
  const field = reference.field ?? PASSWORD_FIELD;
  const version = versionNumber(await readableCredential(caller, id), field, reference.version ?? "current");
  if (version === undefined) return false;
  const etag = etagOf(identity, { id, field, version });
  if (!known.split(",").some((each) => each.trim().replace(/^W\//, "") === etag)) return false;
  reply.header("etag", etag);
  return true;
}

function versionNumber(
  { versions, fields }: Credential,
  field: string,
  wanted: NonNullable<Reference["version"]>,
): number | undefined {
  if (field === PASSWORD_FIELD) return pickVersion(versions, wanted)?.number;
  return pickVersion(fields.find(({ name }) => name === field)?.versions ?? [], wanted)?.number;
}

/** A restored vault may give a number to another value than before: its counter tells the two apart. */
function etagOf(
  { restoreCounter }: Pick<VaultIdentity, "restoreCounter">,
  { id, field, version }: Pick<ValueAnswer, "id" | "field" | "version">,
): string {
  return `"${id}.${field}.${String(version)}.${String(restoreCounter)}"`;
}

function shapeOf({ name }: Pick<VaultIdentity, "name">, answer: ValueAnswer): object {
  const { id, path, field, type, version, username, value } = answer;
  if (type === "totp") {
    throw new CoffreError("NOT_SUPPORTED", "One-time codes aren't handed out here", {
      hint: "A code is good for half a minute: `coffre read` prints the one of the moment.",
    });
  }
  return {
    ref: formatReference({ vault: name, by: "path", path }),
    id,
    version,
    field,
    type,
    encoding: type === "file" ? "base64" : "utf8",
    username: username ?? null,
    value: value.reveal(),
  };
}
