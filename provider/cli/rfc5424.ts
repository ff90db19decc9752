import type { VaultEvent, VaultIdentity } from "../vault/port.js";
import { printable } from "./terminal.js";

/** Facility "log audit" (RFC 5424, 6.2.1). */
const FACILITY = 13;
const INFORMATIONAL = 6;
const WARNING = 4;
/** What somebody who watches should see among a thousand reads. */
const WARNINGS = ["attention.raised", "login.refused", "vault.restored", "vault.rekeyed", "slot.added", "slot.removed"];
/** The number that RFC 5612 keeps for whoever has none of his own. */
const SD_ID = "coffre@32473";
/** Receivers take 8 KB by default: a batch of more ids is several messages with one number. */
const IDS_A_MESSAGE = 100;
const BYTE_ORDER_MARK = "\ufeff";

/**
 * An event as lines of syslog (RFC 5424), without a line feed in them: one, or several for a batch of very many ids.
 * @param host of the machine that prints them
 */
export function rfc5424Lines(event: VaultEvent, { id: vaultId, name }: VaultIdentity, host: string): string[] {
  const { seq, at, actor, action, ids, version, detail } = event;
  const parts = Math.max(1, Math.ceil(ids.length / IDS_A_MESSAGE));
  return Array.from({ length: parts }, (_, part) => {
    const shown = ids.slice(part * IDS_A_MESSAGE, (part + 1) * IDS_A_MESSAGE);
    const data = [
      ["seq", String(seq)],
      ["vault", name],
      ["vaultId", vaultId],
      ["actor", actor],
      ...shown.map((id) => ["id", id]),
      ...(version === undefined ? [] : [["version", String(version)]]),
      ...(detail === undefined ? [] : [["detail", detail]]),
      ...(parts === 1 ? [] : [["part", `${part + 1}/${parts}`]]),
    ].map(([key = "", value = ""]) => ` ${key}="${escapeValue(value)}"`);
    const priority = FACILITY * 8 + (WARNINGS.includes(action) ? WARNING : INFORMATIONAL);
    const header = `<${priority}>1 ${at} ${word(host, 255)} coffre - ${word(action, 32)}`;
    return `${header} [${SD_ID}${data.join("")}] ${message(event)}`;
  });
}

function message({ action, actor, ids, version, detail }: VaultEvent): string {
  const facts = [`${action} by ${actor}`];
  if (ids.length > 0) facts.push(ids.length === 1 ? (ids[0] ?? "") : `${ids.length} ids`);
  if (version !== undefined) facts.push(`version ${version}`);
  if (detail !== undefined) facts.push(detail);
  const text = printable(facts.join(", "));
  // The mark says that what follows is UTF-8; plain ASCII needs none, and some receivers show it.
  return /^[\x20-\x7e]*$/.test(text) ? text : BYTE_ORDER_MARK + text;
}

/** PARAM-VALUE (6.3.3): quotes, backslashes and closing brackets are escaped; control characters would break the line. */
function escapeValue(value: string): string {
  return printable(value.toWellFormed()).replaceAll(/["\\\]]/g, (character) => `\\${character}`);
}

/** A field of the header: printable ASCII without spaces, or a dash. */
function word(text: string, longest: number): string {
  return text.replaceAll(/[^\x21-\x7e]/g, "_").slice(0, longest) || "-";
}
