import { CoffreError } from "../core/errors.js";
import type { BookingRow } from "./records/rows.js";

/**
 * How many refused logins an account and a host bear before Coffre stops by itself, so that it never locks anybody out
 * (`protocol.md` 4). Pure: what was booked comes in, what is allowed comes out.
 */
export const BUDGET = {
  /** Counted attempts for one account, over all who ask. */
  account: { attempts: 2, minutes: 30 },
  /** Refused logins for one host, from one source machine, and those with a doubtful value whose outcome isn't known. */
  host: { attempts: 2, minutes: 60 },
} as const;

/** Bookings older than this decide nothing any more. */
export const BOOKING_KEPT_MS = 60 * 60_000;

/** What decides about one more login. */
export interface BudgetQuestion {
  account: string;
  host: string;
  source: string;
  /** All bookings of the account and of the host; others are ignored, and doubles count once. */
  bookings: readonly BookingRow[];
  now: Date;
  /** Leaves one attempt of each budget. */
  sparing?: boolean;
}

/** @throws CoffreError BUDGET_SPENT with `details.account` or `details.host`, and `details.freeAt` */
export function checkBudget(question: BudgetQuestion): void {
  const { account, host, source, now, sparing = false } = question;
  const bookings = [...new Map(question.bookings.map((booking) => [booking.id, booking])).values()];

  const ofAccount = within(bookings, BUDGET.account.minutes, now).filter((booking) => booking.account === account);
  const counted = countedAttempts(ofAccount);
  const accountFree = freeAt(counted, BUDGET.account);
  if (accountFree !== undefined) throw spent("account", account, accountFree);

  // Proofs that are under way count only once they are refused: a hundred accounts of one server rotate at once.
  const ofHost = within(bookings, BUDGET.host.minutes, now).filter(
    (booking) =>
      booking.host === host &&
      booking.source === source &&
      (booking.outcome === "refused" || (booking.kind === "probe" && booking.cleared !== true)),
  );
  const hostFree = freeAt(ofHost.map(bookedAt), BUDGET.host);
  if (hostFree !== undefined) throw spent("host", host, hostFree);

  if (!sparing) return;
  const sparedAccount = freeAt(counted, oneLess(BUDGET.account));
  if (sparedAccount !== undefined) throw spared("account", account, sparedAccount);
  const sparedHost = freeAt(ofHost.map(bookedAt), oneLess(BUDGET.host));
  if (sparedHost !== undefined) throw spared("host", host, sparedHost);
}

function oneLess({ attempts, minutes }: { attempts: number; minutes: number }) {
  return { attempts: attempts - 1, minutes };
}

function spared(what: "account" | "host", name: string, free: Date): CoffreError {
  return new CoffreError(
    "BUDGET_SPENT",
    `A login on ${what} ${name} was refused; the one that is left is for mending it`,
    {
      hint: "Mend it first; `coffre verify <ref>` asks all the same.",
      details: { [what]: name, freeAt: free.toISOString() },
    },
  );
}

/**
 * The times of the attempts that count: each login that was refused or not answered, each probe of unknown outcome, and all proofs of unknown
 * outcome together as one, since a proof carries a value that is known to be right.
 */
function countedAttempts(bookings: readonly BookingRow[]): number[] {
  const refused = bookings.filter(({ outcome }) => outcome !== undefined);
  const unknown = bookings.filter(({ outcome, cleared }) => outcome === undefined && cleared !== true);
  const probes = unknown.filter(({ kind }) => kind === "probe");
  const proofs = unknown.filter(({ kind }) => kind === "proof").map(bookedAt);
  return [...[...refused, ...probes].map(bookedAt), ...(proofs.length === 0 ? [] : [Math.max(...proofs)])];
}

/** When one more attempt is free again; `undefined`: at once. */
function freeAt(times: readonly number[], limit: { attempts: number; minutes: number }): Date | undefined {
  const deciding = times.toSorted((left, right) => right - left)[limit.attempts - 1];
  return deciding === undefined ? undefined : new Date(deciding + limit.minutes * 60_000);
}

function within(bookings: readonly BookingRow[], minutes: number, now: Date): BookingRow[] {
  return bookings.filter((booking) => bookedAt(booking) > now.getTime() - minutes * 60_000);
}

function bookedAt(booking: BookingRow): number {
  return Date.parse(booking.at);
}

function spent(what: "account" | "host", name: string, free: Date): CoffreError {
  const { attempts, minutes } = BUDGET[what];
  return new CoffreError(
    "BUDGET_SPENT",
    `${attempts} logins on ${what} ${name} failed or were cut off within ${minutes} minutes; one more could lock it`,
    {
      hint: `Find out why; then \`coffre resolve <ref> --retry\`, with a credential of this ${what}, goes on at once, or wait until ${free.toISOString()}.`,
      details: { [what]: name, freeAt: free.toISOString() },
    },
  );
}
