import { webcrypto, type X509Certificate } from "node:crypto";
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import * as pkijs from "pkijs";
import { CoffreError } from "../../../core/errors.js";
import type { Secret } from "../../../core/secret.js";

/** The one file in the archive. */
const FILE_NAME = "export.csv";

/**
 * A zip that is encrypted in the old way ("ZipCrypto", PKWARE's APPNOTE 6.1), the only one that the known client can open:
 * Python's standard library. **It protects little**: who knows a dozen bytes of the content, and the header line is
 * known, can compute the keys without the password. So it is to be encrypted again as soon as it arrives.
 * @param password in UTF-8
 */
export async function zipExport(csv: Uint8Array, password: Secret, now: Date): Promise<Uint8Array> {
  const writer = new ZipWriter(new Uint8ArrayWriter(), {
    rawPassword: Buffer.from(password.reveal(), "utf8"),
    zipCrypto: true,
    useWebWorkers: false,
  });
  await writer.add(FILE_NAME, new Uint8ArrayReader(csv), { lastModDate: now });
  return writer.close();
}

/** A CMS message (RFC 5652, EnvelopedData) with AES-256-CBC to the certificate's key: `openssl cms -decrypt` opens it. */
export async function envelopExport(csv: Uint8Array, recipient: X509Certificate): Promise<Uint8Array> {
  const engine = new pkijs.CryptoEngine({ name: "node", crypto: webcrypto });
  const envelope = new pkijs.EnvelopedData();
  const certificate = pkijs.Certificate.fromBER(recipient.raw);
  if (!envelope.addRecipientByCertificate(certificate, { oaepHashAlgorithm: "SHA-256" }, undefined, engine)) {
    throw new CoffreError("CONFIGURATION", "Nothing can be encrypted to the certificate for exports", {
      hint: "Take one with an RSA key or an elliptic curve's.",
    });
  }
  await envelope.encrypt({ name: "AES-CBC", length: 256 }, Uint8Array.from(csv).buffer, engine);
  const content = new pkijs.ContentInfo({
    contentType: pkijs.ContentInfo.ENVELOPED_DATA,
    content: envelope.toSchema(),
  });
  return new Uint8Array(content.toSchema().toBER(false));
}
