import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { CoffreError } from "../../core/errors.js";
import { checkVaultName } from "../../core/name.js";
import { EMPTY } from "../documents/directory.js";
import { FORMAT, type IdentityDocument, unwrapDirectory, wrapDirectory } from "../documents/documents.js";
import { CasConflict } from "./failures.js";
import { connect, type HashicorpPlace } from "./hashicorp-vault.js";

const KEY_BYTES = 32;

/**
 * Makes an empty vault in a mount that is there: two documents, the one that says who it is last. Nothing else ever does.
 * @returns its id and name
 * @throws CoffreError CONFLICT if there is one; INVALID_INPUT for the name; what the server's state means
 */
export async function createHashicorpVault(
  options: HashicorpPlace & { name: string; clock: Clock },
): Promise<{ id: string; name: string }> {
  const name = checkVaultName(options.name);
  const { server, kv, store } = connect(options);
  try {
    const found = await store.identity().catch((error: unknown) => {
      if (error instanceof CoffreError && error.code === "VAULT_MISSING") return undefined;
      throw error;
    });
    if (found) throw exists(found.name);
    await kv.checkEngine();
    await makeDirectory();
    const identity: IdentityDocument = {
      format: FORMAT,
      id: randomUUID(),
      name,
      restoreCounter: 0,
      digestKey: randomBytes(KEY_BYTES).toString("base64"),
      createdAt: options.clock.now().toISOString(),
    };
    await kv.write(store.paths.identity, identity, 0).catch((error: unknown) => {
      throw error instanceof CasConflict ? exists(name) : error;
    });
    return { id: identity.id, name };
  } finally {
    await server.close();
  }

  /** One that is there without a vault was left by a making that was interrupted; it is empty, or it is somebody's. */
  async function makeDirectory(): Promise<void> {
    const path = store.paths.directory;
    const { data, version } = await kv.read(path);
    if (data) {
      const content = unwrapDirectory(kv.pathText(path), data);
      if (Object.values(content).every((rows: unknown[]) => rows.length === 0)) return;
      throw new CoffreError(
        "CONFLICT",
        `${kv.pathText(store.paths.identity)} is gone, but what it belonged to is there`,
        {
          hint: "Bring its newest version back (`kv undelete`), or name another root.",
        },
      );
    }
    await kv.write(path, wrapDirectory(EMPTY), version);
  }
}

function exists(name: string): CoffreError {
  return new CoffreError("CONFLICT", `There is a vault already: ${name}`, {
    hint: "A vault is never overwritten. Name another mount, or another root in coffre:url.",
  });
}
