import { describe, jest } from "@jest/globals";
import type { Clock } from "../../provider/core/clock.js";
import type { Capabilities, Vault } from "../../provider/vault/port.js";
import { accountCases } from "./vault-cases/accounts.js";
import { categoryCases } from "./vault-cases/categories.js";
import { credentialCases } from "./vault-cases/credentials.js";
import { comparingCases } from "./vault-cases/comparing.js";
import { boxCases } from "./vault-cases/boxes.js";
import { fileCases } from "./vault-cases/files.js";
import { eventCases, identityCases, serverLogCases } from "./vault-cases/events.js";
import { fieldCases } from "./vault-cases/fields.js";
import { leaseCases } from "./vault-cases/leases.js";
import { loginCases } from "./vault-cases/logins.js";
import { noticeCases } from "./vault-cases/notices.js";
import { outboxCases } from "./vault-cases/outbox.js";
import { overlapCases } from "./vault-cases/overlap.js";
import { ownerCases } from "./vault-cases/owners.js";
import { grantCases, membershipCases, peopleOwnerCases, principalCases } from "./vault-cases/people.js";
import { readingCases } from "./vault-cases/reading.js";
import { linkCases, transferCases } from "./vault-cases/transfers.js";
import { treeCases } from "./vault-cases/trees.js";

/** A storage under test: a fresh, empty vault for each case, on a clock that the case moves. */
export interface VaultUnderTest {
  /** Several vaults over the same rows, where the storage has them: another process, as far as the vault knows. */
  open(options: { clock: Clock; actor: string; source: string }): Promise<Vault>;
  /** Closes all that was opened, and takes the storage away. */
  dispose(): Promise<void>;
}

/**
 * Every promise of `provider/vault/port.ts`, as cases that any vault must pass.
 * @param declares what of its capabilities is another than most vaults have; `outbox`: the case has the rows, and so the outbox
 */
export function vaultContract(
  name: string,
  create: () => Promise<VaultUnderTest>,
  { events = "own", dropBoxes = false, outbox = false }: Partial<Capabilities> & { outbox?: boolean } = {},
): void {
  jest.setTimeout(30_000); // for a busy machine: a case takes a tenth of a second
  describe(`the contract of a vault: ${name}`, () => {
    for (const cases of [
      categoryCases,
      credentialCases,
      fieldCases,
      accountCases,
      ownerCases,
      readingCases,
      leaseCases,
      loginCases,
      identityCases,
      events === "own" ? eventCases : serverLogCases,
      ...(events === "own" ? [comparingCases] : []),
      noticeCases,
      overlapCases,
      principalCases,
      membershipCases,
      grantCases,
      peopleOwnerCases,
      treeCases,
      ...(dropBoxes ? [boxCases, fileCases, transferCases] : []),
      ...(outbox ? [outboxCases] : []),
      ...(outbox && dropBoxes ? [linkCases] : []),
    ]) {
      cases(create);
    }
  });
}
