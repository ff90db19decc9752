import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { CoffreError } from "../../core/errors.js";
import type { TargetAddress, TargetSpec } from "../port.js";
import type { LinuxTarget } from "./schema.js";

const KEY_LINE = /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) ([A-Za-z0-9+/]+={0,3})(?: .*)?$/;
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;
/** What a pin looks like: the key's type and its fingerprint. */
const PIN = /^(\S+) (SHA256:\S+)$/;

/** The key that a machine showed, in the form in which SSH sends it. */
export interface ShownKey {
  type: string;
  fingerprint: string;
}

/** Whether a machine is the one that is meant. `pin`: what to hold it to from now on. */
export type Verdict = { trusted: true; pin?: string } | { trusted: false; known: boolean; why: string };

/** What a key must be to be believed. */
export interface Trust {
  /** The kinds of key to ask for, in the words of SSH's negotiation; `undefined`: any. */
  algorithms: string[] | undefined;
  judge(shown: ShownKey): Verdict;
}

/** A public key without a name before it, or a fingerprint. */
export function isHostKey(text: string): boolean {
  return FINGERPRINT.test(text) || readKeyLine(text) !== undefined;
}

/** @param blob the public key as SSH sends it, which begins with its type */
export function shownKey(blob: Buffer): ShownKey {
  const type = blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1");
  return { type, fingerprint: `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}` };
}

/** @throws CoffreError CONFIGURATION if `knownHostsFile` can't be read; HOST_KEY_NOT_TRUSTED if it doesn't name the machine */
export async function trustFor(spec: TargetSpec, target: LinuxTarget): Promise<Trust> {
  if (target.knownHostsFile !== undefined) return trustKnownHosts(spec.address, target.knownHostsFile);
  if (target.hostKey !== undefined) return trustOnly(keysOf(target.hostKey), "declared in hostKey");
  const [, type, fingerprint] = PIN.exec(spec.pin ?? "") ?? [];
  if (type !== undefined && fingerprint !== undefined) {
    const whose = spec.pinFrom === undefined ? "" : ` by ${spec.pinFrom}`;
    return trustOnly([{ type, fingerprint }], `learned at the first use${whose}`);
  }
  const learn = (shown: ShownKey): Verdict => ({ trusted: true, pin: `${shown.type} ${shown.fingerprint}` });
  return { algorithms: undefined, judge: learn };
}

/** A machine whose first key isn't known yet can be looked at, but gets no password to prove. */
export function isUnpinned(spec: TargetSpec, target: LinuxTarget): boolean {
  return target.trustOnFirstUse === true && spec.pin === undefined;
}

type KnownKey = { type: string | undefined; fingerprint: string };

function trustOnly(keys: readonly KnownKey[], origin: string): Trust {
  const judge = ({ type, fingerprint }: ShownKey): Verdict => {
    if (keys.some((key) => key.fingerprint === fingerprint)) return { trusted: true };
    const expected = keys.map((key) => [key.type, key.fingerprint].join(" ").trim()).join(", ");
    return { trusted: false, known: true, why: `it showed ${type} ${fingerprint}, and not ${expected}, ${origin}` };
  };
  const types = keys.map(({ type }) => type);
  return {
    algorithms: types.includes(undefined) ? undefined : types.flatMap((type) => ALGORITHMS[type ?? ""] ?? [type ?? ""]),
    judge,
  };
}

/** A key of RSA signs by newer algorithms than the one that it is named for. */
const ALGORITHMS: Record<string, string[]> = { "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"] };

function keysOf(hostKey: string | string[]): KnownKey[] {
  return [hostKey].flat().map((text) => readKeyLine(text) ?? { type: undefined, fingerprint: text });
}

function readKeyLine(text: string): ShownKey | undefined {
  const [, type, base64] = KEY_LINE.exec(text) ?? [];
  if (type === undefined || base64 === undefined) return undefined;
  const blob = Buffer.from(base64, "base64");
  const begins = blob.length > 8 + type.length && blob.readUInt32BE(0) === type.length;
  if (!begins) return undefined;
  const key = shownKey(blob);
  return key.type === type ? key : undefined;
}

async function trustKnownHosts(address: TargetAddress, path: string): Promise<Trust> {
  const { keys, revoked } = findInKnownHosts(await readKnownHosts(path), address);
  if (keys.length === 0) {
    throw new CoffreError("HOST_KEY_NOT_TRUSTED", `${nameOf(address)} isn't in the known hosts of ${path}`, {
      hint: "Add its key, checked by another way, for example from the machine's console; or declare hostKey.",
      details: { host: address.host, port: address.port, path },
    });
  }
  const listed = trustOnly(keys, `which ${path} names`);
  const judge = (shown: ShownKey): Verdict => {
    const isRevoked = revoked.some(({ fingerprint }) => fingerprint === shown.fingerprint);
    if (!isRevoked) return listed.judge(shown);
    return { trusted: false, known: true, why: `its key ${shown.fingerprint} is revoked in ${path}` };
  };
  return { algorithms: listed.algorithms, judge };
}

async function readKnownHosts(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new CoffreError("CONFIGURATION", `The file that knownHostsFile names, ${path}, can't be read`, {
      hint: "Check the path, or give the key's text in hostKey, which travels with the entry.",
      details: { field: "knownHostsFile", path },
      cause: error,
    });
  }
}

/** The keys that a file of known hosts has for an address. Lines of authorities aren't taken: hosts show plain keys here. */
export function findInKnownHosts(text: string, address: TargetAddress): { keys: ShownKey[]; revoked: ShownKey[] } {
  const found = { keys: new Array<ShownKey>(), revoked: new Array<ShownKey>() };
  for (const line of text.split("\n")) {
    const [, mark, names, keyText] = /^\s*(@\S+\s+)?([^#\s]\S*)\s+(.*?)\s*$/.exec(line) ?? [];
    const key = keyText === undefined ? undefined : readKeyLine(keyText.replace(/\s+/g, " "));
    if (key === undefined || names === undefined || !namesHost(names, address)) continue;
    if (mark === undefined) found.keys.push(key);
    if (mark?.trim() === "@revoked") found.revoked.push(key);
  }
  return found;
}

function nameOf({ host, port }: TargetAddress): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

function namesHost(names: string, address: TargetAddress): boolean {
  const name = nameOf(address);
  if (names.startsWith("|1|")) return matchesHash(names, name);
  const patterns = names.split(",");
  const matches = (pattern: string) => toExpression(pattern).test(name);
  if (patterns.some((pattern) => pattern.startsWith("!") && matches(pattern.slice(1)))) return false;
  return patterns.some((pattern) => !pattern.startsWith("!") && matches(pattern));
}

function toExpression(pattern: string): RegExp {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${escaped}$`, "i");
}

/** `|1|salt|HMAC-SHA-1 of the name under the salt|`, as `ssh-keygen -H` writes it. */
function matchesHash(field: string, name: string): boolean {
  const [salt, hash] = field.slice(3).split("|");
  if (salt === undefined || hash === undefined) return false;
  const computed = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest();
  const expected = Buffer.from(hash, "base64");
  return expected.length === computed.length && timingSafeEqual(expected, computed);
}
