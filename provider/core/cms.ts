import { X509Certificate } from "node:crypto";
import { CoffreError } from "./errors.js";

const ENVELOPED_DATA = "1.2.840.113549.1.7.3"; // RFC 5652, section 6
const LEAST_RSA_BITS = 2048;

/** A certificate that may be a recipient. */
export interface CmsRecipient {
  /** Its subject, for people. */
  subject: string;
  /** DER. */
  raw: Uint8Array<ArrayBuffer>;
}

/**
 * The certificates of a PEM file.
 * @param what for messages: its path
 * @throws CoffreError INVALID_INPUT for what is none, has expired, or has a key that isn't for this
 */
export function parseCertificates(pem: string, what: string, now: Date): CmsRecipient[] {
  if (pem.includes("PRIVATE KEY-----")) {
    throw new CoffreError("INVALID_INPUT", `The file ${what} holds a private key`, {
      hint: "Give the certificate alone: its key stays with whoever opens the export.",
    });
  }
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw refused(what, "holds no certificate in PEM");
  return found.map((text) => {
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(text);
    } catch {
      throw refused(what, "holds a certificate that can't be read");
    }
    const { publicKey, subject, validToDate, raw } = certificate;
    if (validToDate <= now) throw refused(what, `holds a certificate that expired at ${validToDate.toISOString()}`);
    const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? LEAST_RSA_BITS;
    if ((publicKey.asymmetricKeyType !== "rsa" && publicKey.asymmetricKeyType !== "ec") || bits < LEAST_RSA_BITS) {
      throw refused(
        what,
        `holds a certificate whose key isn't RSA of ${String(LEAST_RSA_BITS)} bits or an elliptic curve's`,
      );
    }
    return { subject: subject.replaceAll("\n", ", "), raw: new Uint8Array(raw) };
  });
}

/**
 * Encrypts for the keys of certificates: CMS EnvelopedData (RFC 5652) in DER, AES-256-CBC, its key by RSA-OAEP or ECDH for
 * each recipient. `openssl cms -decrypt -inform DER` opens it.
 */
export async function sealForCertificates(bytes: Uint8Array, recipients: readonly CmsRecipient[]): Promise<Buffer> {
  const { Certificate, ContentInfo, EnvelopedData } = await import("pkijs");
  const enveloped = new EnvelopedData();
  for (const { raw } of recipients)
    enveloped.addRecipientByCertificate(Certificate.fromBER(raw), { oaepHashAlgorithm: "SHA-256" });
  await enveloped.encrypt(
    { name: "AES-CBC", length: 256 } as Parameters<typeof enveloped.encrypt>[0],
    new Uint8Array(bytes).buffer,
  );
  const content = new ContentInfo({ contentType: ENVELOPED_DATA, content: enveloped.toSchema() });
  return Buffer.from(content.toSchema().toBER());
}

function refused(what: string, problem: string): CoffreError {
  return new CoffreError("INVALID_INPUT", `The file ${what} ${problem}`, {
    hint: "Give a certificate in PEM that is valid now. Nothing was written.",
  });
}
