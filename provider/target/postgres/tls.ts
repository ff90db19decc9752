import { readFile } from "node:fs/promises";
import { CoffreError } from "../../core/errors.js";
import type { TargetAddress, TargetSpec } from "../port.js";
import { isLoopback } from "../common/address.js";
import type { PostgresTarget } from "./schema.js";
import type { TlsOptions } from "./wire.js";

/**
 * How to check the certificate at an address; `undefined` means no TLS, which happens only where it was asked for in so
 * many words, or on the machine itself where no setting of TLS was given.
 * @throws CoffreError CONFIGURATION if `tls.caFile` can't be read
 */
export async function tlsFor(
  address: TargetAddress,
  spec: TargetSpec,
  { tls = {} }: PostgresTarget,
): Promise<TlsOptions | undefined> {
  const { ca, caFile, serverName, allowPlainTcp } = tls;
  if (allowPlainTcp === true) return undefined;
  if (isLoopback(address.host) && (ca ?? caFile ?? serverName) === undefined) return undefined;
  const authorities = caFile === undefined ? ca : await readAuthorities(caFile);
  return {
    ...(authorities === undefined ? {} : { ca: authorities }),
    // The name was declared for `host`; replicas answer to their own.
    ...(serverName === undefined || address.host !== spec.address.host ? {} : { serverName }),
  };
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
