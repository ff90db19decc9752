import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import type { TargetAddress, TargetSpec } from "../port.js";
import { isLoopback } from "./address.js";
import type { TlsOptions } from "./wire.js";

const NO_FINGERPRINT = "must be 64 hexadecimal digits, with or without colons, or a list of such";

/** SHA-256 of a certificate, with or without colons as `openssl x509 -fingerprint -sha256` prints it. */
const Fingerprint = z.string().transform((text, context) => {
  const digits = text.replaceAll(":", "").toUpperCase();
  if (!/^[0-9A-F]{64}$/.test(digits)) context.addIssue({ code: "custom", message: NO_FINGERPRINT });
  return digits;
});

const TlsFields = z.strictObject({
  /** Certificates of the authorities to trust, PEM, in place of the system's. */
  ca: z.string().refine(isPem, "must be one or more certificates in PEM form").optional(),
  /** File with such certificates, read where Coffre runs. `ca` travels with the entry, a file doesn't. */
  caFile: z.string().min(1).optional(),
  /** Name in the certificate of `host`, if it is another. */
  serverName: z.string().min(1).optional(),
  /**
   * SHA-256 of the certificate, or of each of several servers' certificates: one of these is trusted and no other, whoever
   * signed it and for what name.
   */
  fingerprint256: z.union([Fingerprint, z.array(Fingerprint).min(1)], { error: NO_FINGERPRINT }).optional(),
  /**
   * Do without TLS. Whoever can read the traffic of a rotation can then log in as the account: the stored keys
   * that are set, with one login that is overheard, replace the password.
   */
  allowPlainTcp: z.boolean().optional(),
});
type TlsFields = z.output<typeof TlsFields>;

/** How a server's certificate is checked, or that TLS is done without. */
export const Tls = TlsFields.refine(
  (tls) => tls.ca === undefined || tls.caFile === undefined,
  "has ca and caFile; give one of them",
)
  .refine((tls) => tls.fingerprint256 === undefined || (tls.ca ?? tls.caFile ?? tls.serverName) === undefined, {
    message: "has fingerprint256, by which alone a certificate is known, beside ca, caFile or serverName",
  })
  .refine((tls) => tls.allowPlainTcp !== true || !asksForTls(tls), {
    message: "has allowPlainTcp, which does without TLS, beside settings of TLS",
  });

/**
 * How to check the certificate at an address; `undefined` means no TLS, which happens only where it was asked for in so
 * many words, or on the machine itself where no setting of TLS was given.
 * @throws CoffreError CONFIGURATION if `tls.caFile` can't be read
 */
export async function tlsFor(
  address: TargetAddress,
  spec: TargetSpec,
  { tls = {} }: { tls?: TlsFields | undefined },
): Promise<TlsOptions | undefined> {
  if (!usesTls(address, { tls })) return undefined;
  const { ca, caFile, serverName, fingerprint256 } = tls;
  if (fingerprint256 !== undefined) return { fingerprints256: [fingerprint256].flat() };
  const authorities = caFile === undefined ? ca : await readAuthorities(caFile);
  return {
    ...(authorities === undefined ? {} : { ca: authorities }),
    // The name was declared for `host`; replicas answer to their own.
    ...(serverName === undefined || address.host !== spec.address.host ? {} : { serverName }),
  };
}

/** Whether {@link tlsFor} asks for TLS there. */
export function usesTls(address: TargetAddress, { tls = {} }: { tls?: TlsFields | undefined }): boolean {
  return tls.allowPlainTcp !== true && (!isLoopback(address.host) || asksForTls(tls));
}

function asksForTls({ ca, caFile, serverName, fingerprint256 }: TlsFields): boolean {
  return (ca ?? caFile ?? serverName ?? fingerprint256) !== undefined;
}

async function readAuthorities(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new CoffreError("CONFIGURATION", `The file that tls.caFile names, ${path}, can't be read`, {
      hint: "Put the authority's certificate there, or give its text in tls.ca, which travels with the entry.",
      details: { field: "tls.caFile", path },
      cause: error,
    });
  }
}

function isPem(text: string): boolean {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.length > 0 && blocks.every((block) => new X509Certificate(block).raw.length > 0);
  } catch {
    return false;
  }
}
