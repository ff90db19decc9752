import { hookName } from "../../core/hook.js";
import { newId } from "../../core/id.js";
import type { Hook, NoticeOutcome } from "../port.js";
import type { CredentialRow } from "./rows.js";

/** However long a receiver is gone: of older news only the newest so many are kept. */
const MOST_NOTICES = 50;

/**
 * Books what hooks are to be told, in the row that is about to be written: the write that makes a version current is also
 * the one that remembers who doesn't know it yet. A hook that is declared anew is told of the version in force; what an
 * earlier one wasn't told goes with it.
 */
export function bookNotices(before: CredentialRow | undefined, row: CredentialRow): CredentialRow {
  const { notify = [], notices = [], ...rest } = row;
  const declared = new Set(notify.map(hookName));
  const current = row.versions.find(({ state }) => state === "current");
  const isNew = before?.versions.find(({ state }) => state === "current")?.number !== current?.number;
  const knowing = new Set(isNew ? [] : before?.notify?.map(hookName));
  const kept = notices.filter(({ hook }) => declared.has(hook));
  const told = current ? notify.map(hookName).filter((hook) => !knowing.has(hook)) : [];
  const all = [
    ...kept,
    ...told.map((hook) => ({
      id: newId("msg_"),
      hook,
      version: current?.number ?? 0, // there is one where somebody is told
      at: current?.promotedAt ?? current?.createdAt ?? row.createdAt,
      tries: 0,
    })),
  ].slice(-MOST_NOTICES);
  return {
    ...rest,
    ...(notify.length === 0 ? {} : { notify }),
    ...(all.length === 0 ? {} : { notices: all }),
  };
}

export interface NoticeEvent {
  action: "notice.delivered" | "notice.failed" | "notice.forgotten";
  version: number;
  detail: string;
}

/** Writes down what became of notices. One that somebody else has settled by now is a success. */
export function settleNotices(
  row: CredentialRow,
  outcomes: readonly NoticeOutcome[],
  triedAt: string,
): { row: CredentialRow; events: NoticeEvent[] } {
  const events: NoticeEvent[] = [];
  const byId = new Map(outcomes.map((outcome) => [outcome.id, outcome]));
  const notices = (row.notices ?? []).flatMap((notice) => {
    const outcome = byId.get(notice.id);
    if (!outcome) return [notice];
    const { version, hook } = notice;
    events.push({ action: `notice.${outcome.outcome}`, version, detail: hook });
    if (outcome.outcome !== "failed") return [];
    return [{ ...notice, tries: notice.tries + outcome.tries, triedAt, problem: outcome.problem }];
  });
  return { row: { ...row, notices }, events };
}

/** As a declaration has them, without what it doesn't. */
export function plainHooks(hooks: readonly Hook[]): Hook[] {
  return hooks.map((hook) =>
    "url" in hook ? { url: hook.url, secretRef: hook.secretRef } : { command: [...hook.command] },
  );
}
