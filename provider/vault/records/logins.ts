import { CoffreError } from "../../core/errors.js";
import { BOOKING_KEPT_MS, checkBudget } from "../budget.js";
import type { LoginBooking, LoginOutcome } from "../port.js";
import { logEvent, type VaultContext } from "./context.js";
import type { ReadRows, WriteRows } from "./rows.js";

/** The rules of `Vault.bookLogin`, and of the step `book-login`. */
export function bookLogin(tx: WriteRows, context: VaultContext, { sparing, ...booking }: LoginBooking): void {
  if (tx.booking(booking.id)) return;
  refuseOthers(tx, context, booking.account);
  const now = context.clock.now();
  const ofAccount = tx.bookingsOf({ account: booking.account });
  // Where this was begun before and not finished, the host's count has it already.
  const bookings = [...ofAccount, ...tx.bookingsOf({ host: booking.host })].filter(({ id }) => id !== booking.id);
  checkBudget({
    account: booking.account,
    host: booking.host,
    source: context.source,
    bookings,
    now,
    sparing: sparing === true,
  });
  for (const old of ofAccount) {
    if (Date.parse(old.at) <= now.getTime() - BOOKING_KEPT_MS) tx.removeBooking(old.id);
  }
  tx.putBooking({ ...booking, source: context.source, at: now.toISOString() });
}

/** The rules of `Vault.settleLogin`, and of the step `settle-login`; a booking that is gone was cleared by a person. */
export function settleLogin(tx: WriteRows, bookingId: string, outcome: LoginOutcome): void {
  const booking = tx.booking(bookingId);
  if (!booking) return;
  if (outcome === "refused" || outcome === "unanswered") {
    tx.putBooking({ ...booking, outcome });
    return;
  }
  tx.removeBooking(bookingId);
  if (outcome === "not-made") return;
  for (const other of tx.bookingsOf({ account: booking.account })) {
    if (other.id === bookingId || other.cleared) continue;
    // One that is still under way keeps its row: should it be refused, it counts.
    if (other.outcome === undefined) tx.putBooking({ ...other, cleared: true });
    else tx.removeBooking(other.id);
  }
}

/** The rules of `Vault.clearLogins`. */
export function clearLogins(tx: WriteRows, context: VaultContext, account: string): void {
  refuseOthers(tx, context, account);
  const bookings = tx.bookingsOf({ account });
  if (bookings.length === 0) return;
  for (const { id } of bookings) tx.removeBooking(id);
  logEvent(tx, context, "login.cleared", [], { detail: account });
}

/**
 * Whoever logs in to an account reads its password first; others could only use its attempts up, or let more be made than its
 * owner wants.
 * @throws CoffreError FORBIDDEN if a credential has the account that who asks may not read
 */
function refuseOthers(tx: ReadRows, { mayRead, actor }: VaultContext, account: string): void {
  if (!mayRead) return;
  const owner = tx.accountOwner(account);
  const row = owner === undefined ? undefined : tx.credential(owner);
  if (!row || mayRead(row.categoryId)) return;
  throw new CoffreError("FORBIDDEN", `${actor} may not book logins of an account of credential ${row.id}`, {
    hint: "A manager of its category, or an administrator, can give the right by a grant.",
    details: { credentialId: row.id },
  });
}
