import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
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
