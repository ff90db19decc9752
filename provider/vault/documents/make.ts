import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { CoffreError } from "../../core/errors.js";
import { EMPTY } from "./directory.js";
import { FORMAT, type IdentityDocument, unwrapDirectory, wrapDirectory } from "./documents.js";
import { CasConflict } from "./storage.js";
import type { Store } from "./store.js";

const KEY_BYTES = 32;

/** @see makeVault */
export interface NewVault {
  store: Store;
  /** Checked already. */
  name: string;
  clock: Clock;
  /** Done once it is known that there is no vault yet: what has to be there before its documents. */
  prepare: () => Promise<void>;
  /** What to do where one stands already, or half of one. */
  hints: { exists: string; half: string };
}

/**
 * Makes an empty vault: two documents, the one that says who it is last. Nothing else ever does.
 * @returns its id and name
 * @throws CoffreError CONFLICT if there is one; what the server's state means
 */
export async function makeVault({
  store,
  name,
  clock,
  prepare,
  hints,
}: NewVault): Promise<{ id: string; name: string }> {
  const { kv, paths } = store;
  const found = await store.identity().catch((error: unknown) => {
    if (error instanceof CoffreError && error.code === "VAULT_MISSING") return undefined;
    throw error;
  });
  if (found) throw exists(found.name, hints);
  await prepare();
  await makeDirectory();
  const identity: IdentityDocument = {
    format: FORMAT,
    id: randomUUID(),
    name,
    restoreCounter: 0,
    digestKey: randomBytes(KEY_BYTES).toString("base64"),
    createdAt: clock.now().toISOString(),
  };
  await kv.write(paths.identity, identity, 0).catch((error: unknown) => {
    throw error instanceof CasConflict ? exists(name, hints) : error;
  });
  return { id: identity.id, name };

  /** One that is there without a vault was left by a making that was interrupted; it is empty, or it is somebody's. */
  async function makeDirectory(): Promise<void> {
    const { data, version } = await kv.read(paths.directory);
    if (data) {
      const content = unwrapDirectory(kv.pathText(paths.directory), data);
      if (Object.values(content).every((rows: unknown[]) => rows.length === 0)) return;
      throw new CoffreError("CONFLICT", `${kv.pathText(paths.identity)} is gone, but what it belonged to is there`, {
        hint: hints.half,
      });
    }
    await kv.write(paths.directory, wrapDirectory(EMPTY), version);
  }
}

function exists(name: string, hints: NewVault["hints"]): CoffreError {
  return new CoffreError("CONFLICT", `There is a vault already: ${name}`, { hint: hints.exists });
}
