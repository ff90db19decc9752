import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

const DAY_MS = 86_400_000;

/** A certificate and its private key, both PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority for tests and the quickstart; its key is nowhere but in this process. */
export interface Authority {
  /** The authority's own certificate, PEM: what a client must trust. */
  readonly certificate: string;
  /** Signs a certificate for a server (`hosts`: names or IPv4 addresses) or a client (its name as `commonName`). */
  issue(options: { commonName: string; hosts?: readonly string[]; days?: number }): Certificate;
}

/** Makes an authority. Node signs but writes no certificates, and openssl's command isn't everywhere: hence the DER below. */
export function createAuthority(commonName = "Coffre test authority"): Authority {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const certificate = build({
    subject: commonName,
    issuer: commonName,
    publicKey: privateKey,
    signer: privateKey,
    isAuthority: true,
  });
  return {
    certificate,
    issue: (options) => {
      const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
      const { commonName: subject, hosts = [], days = 365 } = options;
      return {
        certificate: build({ subject, issuer: commonName, publicKey: key, signer: privateKey, hosts, days }),
        key: key.export({ type: "pkcs8", format: "pem" }).toString(),
      };
    },
  };
}

interface Contents {
  subject: string;
  issuer: string;
  publicKey: KeyObject;
  signer: KeyObject;
  hosts?: readonly string[];
  days?: number;
  isAuthority?: boolean;
}

/** An X.509 v3 certificate (RFC 5280, section 4.1), signed with ECDSA and SHA-256. Negative `days` make an expired one. */
function build({ subject, issuer, publicKey, signer, hosts = [], days = 365, isAuthority = false }: Contents): string {
  const algorithm = sequence(oid("1.2.840.10045.4.3.2")); // ecdsa-with-SHA256
  const spki = createPublicKey(publicKey).export({ type: "spki", format: "der" });
  const [from, until] = [Date.now() - Math.max(1, 1 - days) * DAY_MS, Date.now() + days * DAY_MS].sort((a, b) => a - b);
  const extensions = [
    extension("2.5.29.19", sequence(...(isAuthority ? [tlv(0x01, Buffer.of(0xff))] : [])), true), // basic constraints
    ...(isAuthority ? [extension("2.5.29.15", tlv(0x03, Buffer.of(0x01, 0x06)), true)] : []), // may sign certificates
    ...(hosts.length > 0 ? [extension("2.5.29.17", sequence(...hosts.map(generalName)))] : []), // alternative names
  ];
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.of(2))), // version 3
    tlv(0x02, Buffer.concat([Buffer.of(0x01), randomBytes(15)])), // serial number, positive
    algorithm,
    name(issuer),
    sequence(time(from ?? 0), time(until ?? 0)),
    name(subject),
    spki,
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", body, signer);
  const der = sequence(body, algorithm, tlv(0x03, Buffer.concat([Buffer.of(0), signature])));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

const sequence = (...parts: readonly Buffer[]) => tlv(0x30, Buffer.concat(parts));

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tlv(0x06, Buffer.from(bytes));
}

/** A distinguished name that is a common name only. */
const name = (text: string) => sequence(tlv(0x31, sequence(oid("2.5.4.3"), tlv(0x0c, Buffer.from(text)))));

const time = (ms: number) => tlv(0x18, Buffer.from(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "")));

const extension = (id: string, value: Buffer, critical = false) =>
  sequence(oid(id), ...(critical ? [tlv(0x01, Buffer.of(0xff))] : []), tlv(0x04, value));

/** A host name, or an IPv4 address as its four bytes. */
const generalName = (host: string) =>
  /^\d+(\.\d+){3}$/.test(host) ? tlv(0x87, Buffer.from(host.split(".").map(Number))) : tlv(0x82, Buffer.from(host));
