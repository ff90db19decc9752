import * as z from "zod";
import type { FastifyInstance } from "fastify";
import type { LockselfCsvRow } from "../../../core/lockself-csv.js";
import { Secret } from "../../../core/secret.js";
import { LockselfInteger } from "../../../vault/lockself/forms.js";
import { type Credential, usernameOf, type ValueAnswer, type ValueRequest } from "../../../vault/port.js";
import { parseSent } from "../bodies.js";
import { DECRYPTED } from "../credential-entry.js";
import { type Answer, type Call, checkOrganization, type LockselfFront, notAllowed, notThere } from "../front.js";
import { linkTo } from "../links.js";
import type { ExportFile } from "./exports.js";

/** The one method that is known. */
const Body = z.strictObject({
  method: z.literal("downloadGlobalExport"),
  organizationId: LockselfInteger,
  zipPassword: z.string().min(1).max(1_000).optional(),
});

const DOWNLOAD = "/api/download/";

/**
 * Exports what the caller may read, once: `link` needs no token, is good for one download within 15 minutes, and is forgotten
 * when the server stops.
 */
export async function createExport(call: Call): Promise<Answer> {
  const { principal, front } = call;
  const { organizationId, zipPassword } = parseSent(Body, call.body);
  if (principal.role !== "administrator" && principal.role !== "moderator") throw notAllowed(call, "export");
  checkOrganization(organizationId);
  const { exportCertificates } = front.style;
  // Asked for before anything is read.
  const password = exportCertificates ? undefined : parseSent(z.object({ zipPassword: z.string() }), { zipPassword });
  // Their libraries are large, and few servers ever need them.
  const [{ writeLockselfCsv }, { sealForCertificates }, { zipExport }] = await Promise.all([
    import("../../../core/lockself-csv.js"),
    import("../../../core/cms.js"),
    import("./zip-export.js"),
  ]);
  const csv = writeLockselfCsv(await rowsOf(call));
  try {
    const now = front.clock.now();
    const file: ExportFile = exportCertificates
      ? {
          name: "export.csv.p7m",
          type: "application/pkcs7-mime",
          bytes: await sealForCertificates(csv, exportCertificates),
        }
      : {
          name: "export.zip",
          type: "application/zip",
          bytes: await zipExport(csv, new Secret(password?.zipPassword ?? ""), now),
        };
    return { status: 200, body: { link: linkTo(call, `${DOWNLOAD}${front.exports.add(file)}`) } };
  } finally {
    csv.fill(0);
  }
}

/** The link of an export. It is itself the secret, so it asks for nothing more. */
export function addDownload(app: FastifyInstance, front: LockselfFront): void {
  // Without its twin for HEAD, which would use the link up.
  app.get<{ Params: { secret: string } }>(`${DOWNLOAD}:secret`, { exposeHeadRoute: false }, async (request, reply) => {
    const file = front.exports.take(request.params.secret);
    if (!file) throw notThere("export: its link was used already, or is older than 15 minutes");
    return reply
      .header("content-type", file.type)
      .header("content-disposition", `attachment; filename="${file.name}"`)
      .header("cache-control", "no-store")
      .send(Buffer.from(file.bytes));
  });
}

async function rowsOf({ vault, rights }: Call): Promise<LockselfCsvRow[]> {
  const credentials: Credential[] = [];
  for await (const one of vault.listCredentials()) if (rights.mayRead(one.categoryId)) credentials.push(one);
  const requests: ValueRequest[] = credentials.flatMap(({ id, versions, fields }) => [
    ...(isCurrent(versions) ? [{ id }] : []),
    ...DECRYPTED.filter((name) => fields.some((field) => field.name === name && isCurrent(field.versions))).map(
      (field) => ({ id, field }),
    ),
  ]);
  const values = new Map<string, Secret>();
  for (const answer of requests.length === 0 ? [] : await vault.readMany(requests)) {
    if (answer instanceof Error) throw answer; // an export that lacks something would be taken for a whole one
    values.set(keyOf(answer), answer.value);
  }
  return credentials.map((credential) => rowOf(credential, (field) => values.get(keyOf({ id: credential.id, field }))));
}

function rowOf(credential: Credential, valueOf: (field: string) => Secret | undefined): LockselfCsvRow {
  const { name, url = "", path, tags, description = "" } = credential;
  const text = (field: string) => valueOf(field)?.reveal() ?? "";
  return {
    Name: name,
    URL: url,
    Username: usernameOf(credential) ?? "",
    Password: text("password"),
    "Category/SubCategory": path.slice(0, -1).join("/"),
    Tags: tags.join(","),
    Description: description,
    Opt1: text("opt1"),
    Opt2: text("opt2"),
    Opt3: text("opt3"),
    Totp: text("totp"),
  };
}

function isCurrent(versions: readonly { state: string }[]): boolean {
  return versions.some(({ state }) => state === "current");
}

function keyOf({ id, field }: Pick<ValueAnswer, "id" | "field">): string {
  return `${id} ${field}`;
}
