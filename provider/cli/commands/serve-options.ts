import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { parseCertificates } from "../../core/cms.js";
import { CoffreError } from "../../core/errors.js";
import { checkPublicUrl } from "../../core/public-url.js";
import type { Limits } from "../../server/app.js";
import type { LockselfStyle } from "../../server/lockself/front.js";
import { parseCount } from "../reference.js";

export const DEFAULT_LISTEN = "127.0.0.1:8730";

/** What `coffre serve` was told, with the files that it was pointed to. */
export interface ServeOptions {
  place: { host: string; port: number };
  limits: Partial<Limits>;
  /** PEM texts. */
  tls: { cert: string; key: string } | undefined;
  lockself: LockselfStyle;
}

type Given = Readonly<Record<string, unknown>>;

/** Reads all options at once. @throws CoffreError INVALID_INPUT, CONFIGURATION that name the option or its file */
export async function readServeOptions(options: Given, now: Date): Promise<ServeOptions> {
  return {
    place: placeOf(options["listen"] ?? DEFAULT_LISTEN),
    limits: limitsOf(options),
    tls: tlsOf(options),
    lockself: await lockselfOf(options, now),
  };
}

async function lockselfOf(options: Given, now: Date): Promise<LockselfStyle> {
  const [lists, publicUrl, certificate] = [
    options["lockselfLists"],
    options["publicUrl"],
    options["exportCertificate"],
  ];
  return {
    ...(lists === undefined ? {} : { lists: await listStyleOf(lists) }),
    ...(typeof publicUrl === "string" ? { publicUrl: checkPublicUrl("--public-url", publicUrl) } : {}),
    ...(typeof certificate === "string"
      ? { exportCertificates: parseCertificates(read(certificate), certificate, now) }
      : {}),
  };
}

async function listStyleOf(word: unknown) {
  const { LIST_STYLES } = await import("../../server/lockself/lists.js");
  const style = LIST_STYLES.find((one) => one === word);
  if (style) return style;
  throw new CoffreError("INVALID_INPUT", `--lockself-lists takes ${LIST_STYLES.join(", ")}`, {
    hint: "`sample` writes lists as the vendor's one documented sample has them.",
  });
}

function placeOf(text: unknown): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:]+)\]|([^:\s]+)):(\d{1,5})$/i.exec(String(text)) ?? [];
  const host = bracketed ?? plain;
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new CoffreError("INVALID_INPUT", "--listen isn't host:port", { hint: "Write 127.0.0.1:8730 or [::1]:8730." });
}

function limitsOf(options: Given): Partial<Limits> {
  const [requests, bytes] = [options["requestsPerMinute"], options["largestRequest"]];
  return {
    ...(requests === undefined ? {} : { requestsPerMinute: parseCount("--requests-per-minute", requests) }),
    ...(bytes === undefined ? {} : { largestRequest: parseCount("--largest-request", bytes) }),
  };
}

function tlsOf(options: Given): { cert: string; key: string } | undefined {
  const [cert, key] = [options["tlsCert"], options["tlsKey"]];
  if (cert === undefined && key === undefined) return undefined;
  if (typeof cert === "string" && typeof key === "string") return usable({ cert: read(cert), key: read(key) });
  throw new CoffreError("INVALID_INPUT", "--tls-cert and --tls-key belong together", { hint: "Give both." });
}

/** @throws CoffreError CONFIGURATION for what no connection could be made with */
function usable(pair: { cert: string; key: string }): { cert: string; key: string } {
  try {
    createSecureContext(pair);
    return pair;
  } catch (cause) {
    throw new CoffreError("CONFIGURATION", "--tls-cert and --tls-key aren't a certificate and its key in PEM", {
      hint: "Name the certificate's file and the file of its own key, without a passphrase.",
      cause,
    });
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new CoffreError("CONFIGURATION", `The file ${path} can't be read`, {
      hint: "Name a PEM file that this user may read.",
      cause,
    });
  }
}
