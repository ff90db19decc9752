import type { VaultEvent } from "../../vault/port.js";
import { comparesNothing } from "../../vault/port-compare.js";
import { isTransferId } from "../../vault/records/transfer-rows.js";
import { errorShape } from "../../vault/remote/wire-error.js";
import { asCoffreError, forbidden } from "../failures.js";
import { refuseReserved } from "../identities/keys.js";
import { readableBox } from "./boxes.js";
import { readableCredential, requireEditor } from "./guard.js";
import type { Handlers } from "./handler.js";
import { readableTransfer } from "./transfers.js";

/** What concerns the vault as a whole: who it is, values in bulk, logins, events. */
export const VAULT_HANDLERS: Handlers<
  | "identity"
  | "has-heads"
  | "digest"
  | "find-owned"
  | "read-many"
  | "find-values"
  | "book-login"
  | "settle-login"
  | "clear-logins"
  | "list-events"
> = {
  identity: ({ vault }) => vault.identity(),
  "has-heads": ({ vault }, { proofs }) => vault.hasHeads(proofs),
  async digest({ vault }, { text }) {
    refuseReserved(text);
    return vault.digest(text);
  },
  "find-owned": ({ vault }, { kind, ownerKey }) => vault.findOwned(kind, ownerKey),

  // The vault itself looks at the caller's rights, entry by entry.
  async "read-many"({ vault }, { requests }) {
    const answers = await vault.readMany(requests);
    return answers.map((answer) =>
      answer instanceof Error ? { error: errorShape(asCoffreError(answer)) } : { answer },
    );
  },

  // The vault itself leaves out what the caller may not read: nobody tests guesses at what isn't theirs.
  async "find-values"({ vault }, query) {
    if (vault.findValues === undefined) throw comparesNothing();
    return vault.findValues(query);
  },

  async "book-login"(caller, { booking }) {
    requireEditor(caller);
    await caller.vault.bookLogin(booking);
    return undefined;
  },
  async "settle-login"(caller, { bookingId, outcome }) {
    requireEditor(caller);
    await caller.vault.settleLogin(bookingId, outcome);
    return undefined;
  },
  async "clear-logins"(caller, { account }) {
    requireEditor(caller);
    await caller.vault.clearLogins(account);
    return undefined;
  },

  async *"list-events"(caller, filter) {
    const { vault, rights, principal } = caller;
    const { credentialId } = filter;
    if (!rights.isAdministrator) {
      if (credentialId === undefined) throw forbidden(principal.name, "see the events of all entries");
      if (isBoxId(credentialId)) await readableBox(caller, credentialId);
      else if (isTransferId(credentialId)) await readableTransfer(caller, credentialId);
      else await readableCredential(caller, credentialId);
    }
    for await (const event of vault.listEvents(filter)) {
      // A drop-box's event, or a transfer's, is of that one, its category and what was deposited there: whoever reads there may know all of it.
      const whole = rights.isAdministrator || credentialId === undefined || holdsFiles(credentialId);
      yield whole ? event : onlyOf(credentialId, event);
    }
  },
};

function holdsFiles(id: string): boolean {
  return isBoxId(id) || isTransferId(id);
}

function isBoxId(id: string): boolean {
  return id.startsWith("bx_");
}

/** The event as it concerns this entry: what happened to others with it, such as reads in bulk, is theirs to know. */
function onlyOf(credentialId: string, event: VaultEvent): VaultEvent {
  if (event.ids.length === 1) return event;
  const { detail: _detail, ...shown } = event;
  return { ...shown, ids: [credentialId] };
}
