// The MariaDB client/server protocol, as far as a login and plain statements need it (mariadb.com/kb/en/clientserver-protocol).

/** Capabilities of client and server, by their bits. */
const CAPABILITY = {
  longPassword: 0x1,
  protocol41: 0x200,
  tls: 0x800,
  transactions: 0x2000,
  secureConnection: 0x8000,
  pluginAuth: 0x8_0000,
} as const;
const NEEDED = CAPABILITY.protocol41 | CAPABILITY.secureConnection | CAPABILITY.pluginAuth;
/** No LOCAL_FILES: no server gets a file of this machine. No MULTI_STATEMENTS: one statement is one. */
const OURS = NEEDED | CAPABILITY.longPassword | CAPABILITY.transactions;
const UTF8MB4 = 45;
const LONGEST_PACKET = 1 << 24;
export const CHALLENGE_BYTES = 20;
export const NATIVE_PASSWORD = "mysql_native_password";

/** What the server says first. */
export interface Greeting {
  /** For example `10.11.19-MariaDB-log`, without the prefix that some versions put before it. */
  version: string;
  offersTls: boolean;
  /** The plugin that {@link challenge} is for. */
  plugin: string;
  challenge: Buffer;
}

/** @returns `undefined` if this is no greeting, or one of a server that lacks what every MariaDB and MySQL of today has */
export function readGreeting(payload: Buffer): Greeting | undefined {
  const versionEnd = payload.indexOf(0, 1);
  const rest = payload.subarray(versionEnd + 1);
  if (payload[0] !== 10 || versionEnd < 0 || rest.length < 44) return undefined;
  const capabilities = rest.readUInt16LE(13) | (rest.readUInt16LE(18) << 16);
  if ((capabilities & NEEDED) !== NEEDED) return undefined;
  return {
    version: payload.toString("latin1", 1, versionEnd).replace(/^5\.5\.5-/, ""),
    offersTls: (capabilities & CAPABILITY.tls) !== 0,
    challenge: Buffer.concat([rest.subarray(4, 12), rest.subarray(31, 43)]),
    plugin: textUntilNul(rest.subarray(44)),
  };
}

/** Asks for TLS, which begins with the next byte. */
export function tlsRequest(): Buffer {
  return clientStart({ tls: true });
}

/** Says who wants in, with the answer to a challenge. */
export function loginRequest(username: string, proof: Buffer, { tls }: { tls: boolean }): Buffer {
  const user = Buffer.from(`${username}\0`);
  return Buffer.concat([
    clientStart({ tls }),
    user,
    Buffer.from([proof.length]),
    proof,
    Buffer.from(`${NATIVE_PASSWORD}\0`),
  ]);
}

function clientStart({ tls }: { tls: boolean }): Buffer {
  const start = Buffer.alloc(32);
  start.writeUInt32LE(tls ? OURS | CAPABILITY.tls : OURS, 0);
  start.writeUInt32LE(LONGEST_PACKET, 4);
  start[8] = UTF8MB4;
  return start;
}

export const QUIT = Buffer.from([1]);

/** A statement. */
export function query(sql: string): Buffer {
  return Buffer.concat([Buffer.from([3]), Buffer.from(sql)]);
}

/** What kind of answer a packet is. `switch`: another plugin is to log in by. */
export type Kind = "ok" | "error" | "end" | "switch" | "local-file" | "other";

const KINDS: Readonly<Record<number, Kind>> = { 0: "ok", 0xff: "error", 0xfb: "local-file" };

export function kindOf(payload: Buffer, phase: "login" | "statement"): Kind {
  const [first = 1] = payload;
  if (first === 0xfe && phase === "login") return "switch";
  if (first === 0xfe && payload.length < 9) return "end";
  return KINDS[first] ?? "other";
}

/** Of an error: its number and its sentence. */
export function readError(payload: Buffer): { code: number; message: string } {
  const code = payload.length < 3 ? 0 : payload.readUInt16LE(1);
  const text = payload.toString("utf8", 3);
  return {
    code,
    message: text
      .replace(/^#.{5}/s, "")
      .replace(/\p{Cc}/gu, " ")
      .slice(0, 300),
  };
}

/** Of a request to log in by another plugin. Without a name it is the one of before 4.1, `mysql_old_password`. */
export function readSwitch(payload: Buffer): { plugin: string; challenge: Buffer } {
  const name = textUntilNul(payload.subarray(1));
  return {
    plugin: payload.length === 1 ? "mysql_old_password" : name,
    challenge: payload.subarray(name.length + 2, name.length + 2 + CHALLENGE_BYTES),
  };
}

/** The first column of a row. @returns `undefined` if it isn't well formed */
export function firstColumn(payload: Buffer): string | null | undefined {
  if (payload[0] === 0xfb) return null;
  const { length, bytes } = readLength(payload);
  return length + bytes > payload.length ? undefined : payload.toString("utf8", bytes, bytes + length);
}

/** A number of variable length, as columns and rows have before them. */
export function readLength(payload: Buffer): { length: number; bytes: number } {
  const [first = 0] = payload;
  if (first < 0xfb) return { length: first, bytes: 1 };
  const size = first === 0xfc ? 2 : first === 0xfd ? 3 : 6;
  return payload.length < 1 + size
    ? { length: Infinity, bytes: 1 }
    : { length: payload.readUIntLE(1, size), bytes: first === 0xfe ? 9 : 1 + size };
}

function textUntilNul(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
}
