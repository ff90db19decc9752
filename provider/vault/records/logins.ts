import { BOOKING_KEPT_MS, checkBudget } from "../budget.js";
import type { LoginBooking, LoginOutcome } from "../port.js";
import { logEvent, type VaultContext } from "./context.js";
import type { WriteRows } from "./rows.js";

/** The rules of `Vault.bookLogin`, and of the step `book-login`. */
export function bookLogin(tx: WriteRows, context: VaultContext, { sparing, ...booking }: LoginBooking): void {
  if (tx.booking(booking.id)) return;
  const now = context.clock.now();
  const ofAccount = tx.bookingsOf({ account: booking.account });
  const bookings = [...ofAccount, ...tx.bookingsOf({ host: booking.host })];
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
  const bookings = tx.bookingsOf({ account });
  if (bookings.length === 0) return;
  for (const { id } of bookings) tx.removeBooking(id);
  logEvent(tx, context, "login.cleared", [], { detail: account });
}
