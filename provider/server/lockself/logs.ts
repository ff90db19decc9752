import * as z from "zod";
import { formatLockselfDate, LockselfDate, LockselfInteger } from "../../vault/lockself/forms.js";
import type { VaultEvent } from "../../vault/port.js";
import { parseSent } from "./bodies.js";
import type { EntryNumbers } from "./entry-numbers.js";
import { type Answer, type Call, checkOrganization, notAllowed, ORGANIZATION_ID } from "./front.js";
import { readSlice } from "./log-slice.js";

const LogsQuery = z.object({
  dateIn: LockselfDate.optional(),
  dateOut: LockselfDate.optional(),
  organizationId: LockselfInteger.optional(),
  limit: LockselfInteger.pipe(z.int().min(1)).optional(),
  /** The first record that is wanted, counted from 1: the one client that is known sends 100001 after 100000. */
  offset: LockselfInteger.pipe(z.int().min(1)).optional(),
});

const DEFAULT_LIMIT = 50;
/** What that client asks for. */
const LARGEST_LIMIT = 100_000;

/**
 * What happened between two dates, both included, oldest first, in slices. `total` counts all of them. The log has
 * milliseconds and LockSelf's clients think in seconds: a `dateOut` without a fraction takes its whole second in.
 */
export async function listLogs(call: Call): Promise<Answer> {
  const { front, query, vault, rights } = call;
  if (!rights.isAdministrator) throw notAllowed(call, "read the log");
  const { dateIn, dateOut, organizationId, limit = DEFAULT_LIMIT, offset = 1 } = parseSent(LogsQuery, query);
  checkOrganization(organizationId);
  const between = {
    from: dateIn == null ? -Infinity : Date.parse(dateIn),
    to: dateOut == null ? Infinity : Date.parse(dateOut) + (dateOut.endsWith(".000Z") ? 999 : 0),
  };
  await front.numbers.catchUp();
  const slice = { skip: offset - 1, limit: Math.min(limit, LARGEST_LIMIT) };
  const { found, total } = await readSlice(vault, front.numbers.spans(), between, slice);
  const items = found.map((event) => recordOf(front.numbers, event));
  return { status: 200, body: { offset, limit, total, _embedded: { items } } };
}

/** LockSelf's word for what an action is about. */
const TYPES: Readonly<Record<string, string>> = {
  category: "category",
  user: "user",
  group: "group",
  membership: "group",
  grant: "category",
  slot: "organization",
  vault: "organization",
  login: "connection",
  transfer: "transfer",
};

/** `ana@runner-3`, perhaps with a word in brackets about the way. */
const ACTOR = /^(.*)@([^@\s]*)(?: \((.*)\))?$/;

/** The keys are our proposal: the vendor's are unknown. `action` is the vault's own word. */
function recordOf(numbers: EntryNumbers, { seq, at, actor, action, ids, detail }: VaultEvent): Record<string, unknown> {
  const [, user = actor, machine = "", front = ""] = ACTOR.exec(actor) ?? [];
  const targetIds = ids.flatMap((id) => numbers.peek(id) ?? []);
  return {
    id: seq,
    date: formatLockselfDate(new Date(at)),
    type: TYPES[action.split(".")[0] ?? ""] ?? "password",
    action,
    userEmail: user,
    ip: machine,
    machine,
    browser: front,
    organizationId: ORGANIZATION_ID,
    targetId: targetIds[0] ?? null,
    targetIds,
    detail: detail ?? "",
  };
}
