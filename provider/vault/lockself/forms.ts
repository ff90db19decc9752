import * as z from "zod";

/**
 * The forms in which LockSelf writes numbers, booleans and dates, and in which its public clients send them. The help
 * page's sample has numbers as strings, its Python example sends `True`; the rest is assumed.
 */
export const LockselfInteger = z.preprocess(
  (given) => (typeof given === "string" && /^-?\d{1,15}$/.test(given.trim()) ? Number(given) : given),
  z.int(),
);

export const LockselfBoolean = z.preprocess((given) => {
  const word = typeof given === "string" ? given.trim().toLowerCase() : given;
  if (word === 1 || word === "1" || word === "true") return true;
  if (word === 0 || word === "0" || word === "false") return false;
  return given;
}, z.boolean());

/** A date in any of LockSelf's forms, as ISO 8601 in UTC; `null` for `0`, an empty text or `null`: no date. */
export const LockselfDate = z.preprocess(
  (given) => (given === 0 || given === undefined ? null : given),
  z
    .string()
    .nullable()
    .transform((text, context) => {
      const date = text === null ? null : parseLockselfDate(text);
      if (date !== undefined) return date;
      context.addIssue({ code: "custom", message: "is no date" });
      return z.NEVER;
    }),
);

const SHAPES = [
  // `2026-12-31 18:00:00.123456+00:00`, `2026-12-31T18:00:00Z`, `2026-12-31 18:00`, `2026-12-31`
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?(Z|[+-]\d\d:?\d\d)?$/i,
  /^(\d{4})(\d\d)(\d\d)$/,
];

/**
 * Reads a date as LockSelf and its clients write it. Without a zone it is UTC: the real one is documented nowhere.
 * @returns ISO 8601 in UTC; `null` for `0` or nothing, which mean none; `undefined` for what is no date
 */
export function parseLockselfDate(text: string): string | null | undefined {
  const trimmed = text.trim();
  if (/^0*$/.test(trimmed) || /^0000-00-00( 00:00:00)?$/.test(trimmed)) return null;
  for (const shape of SHAPES) {
    const [, year = "", month = "", day = "", hour = "00", minute = "00", second = "00", fraction = "", zone = "Z"] =
      shape.exec(trimmed) ?? [];
    if (year === "") continue;
    const milliseconds = fraction.slice(0, 3).padEnd(3, "0");
    const offset = zone.toUpperCase() === "Z" ? "Z" : `${zone.slice(0, 3)}:${zone.slice(-2)}`;
    const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${milliseconds}${offset}`);
    // A 30th of February is the 2nd of March to the language.
    const isRealDay = Number(day) <= new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
    return Number.isNaN(date.getTime()) || !isRealDay ? undefined : date.toISOString();
  }
  return undefined;
}

/** `2026-12-31 18:00:00`, in UTC, as LockSelf's lists have it. */
export function formatLockselfDate(date: Date): string {
  return date.toISOString().slice(0, 19).replace("T", " ");
}
