import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { Secret } from "../../../core/secret.js";
import { formatLockselfDate } from "../../../vault/lockself/forms.js";
import { statusOf } from "../../failures.js";
import { isCoffreError } from "../../../core/errors.js";
import type { LockselfFront } from "../front.js";
import { DOWNLOAD_PATH, REPORT_PATH } from "./transfer-upload.js";

/**
 * The two links of a transfer, without any token. The password comes as HTTP's own (RFC 7617, any name): a browser asks for
 * it by itself, and `curl -u :` does.
 */
export function addTransferLinks(app: FastifyInstance, { transfers }: LockselfFront): void {
  app.get<{ Params: { secret: string } }>(
    `${DOWNLOAD_PATH}:secret`,
    { exposeHeadRoute: false }, // it would count as a download
    async (request, reply) => {
      const password = passwordOf(request.headers.authorization);
      const found = await transfers.download(request.params.secret, password, request.ip).catch((error: unknown) => {
        if (isCoffreError(error) && statusOf(error) === 401) {
          reply.header("www-authenticate", 'Basic realm="The password of this transfer", charset="UTF-8"');
        }
        throw error;
      });
      return reply
        .header("content-type", "application/octet-stream")
        .header("content-length", found.row.totalSize)
        .header("content-disposition", `attachment; filename*=UTF-8''${headerText(found.row.name)}`)
        .header("cache-control", "no-store")
        .send(Readable.from(found.pieces));
    },
  );
  app.get<{ Params: { secret: string } }>(`${REPORT_PATH}:secret`, async (request, reply) => {
    const { name, description, totalSize, maxDl, expiresAt, createdAt, downloads } = transfers.report(
      request.params.secret,
    );
    return reply.header("cache-control", "no-store").send({
      ...{ name, description, totalSize, maxDl },
      creationDate: formatLockselfDate(new Date(createdAt)),
      expirationDate: expiresAt === undefined ? null : formatLockselfDate(new Date(expiresAt)),
      downloads: downloads.map(({ at, address }) => ({ date: formatLockselfDate(new Date(at)), ip: address })),
    });
  });
}

/** As RFC 5987 writes what isn't ASCII in a header. */
function headerText(text: string): string {
  return encodeURIComponent(text).replaceAll(/['()*]/g, (found) => `%${found.charCodeAt(0).toString(16)}`);
}

function passwordOf(header: string | undefined): Secret | undefined {
  const [, encoded = ""] = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? "") ?? [];
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const password = text.slice(text.indexOf(":") + 1);
  return encoded === "" || password === "" ? undefined : new Secret(password);
}
