import { type FieldType, fileValue } from "../../core/field.js";
import { fitFieldName, freeName } from "../../core/fit-name.js";
import { Secret } from "../../core/secret.js";
import { checkTotpSeed } from "../../core/totp.js";
import { type KdbxEntry, type KdbxState, STANDARD_FIELDS } from "./content.js";

/** Where KeePassXC keeps the seed of one-time codes. */
const OTP = "otp";
/** Coffre's own name for that field. */
const TOTP_FIELD = "totp";
/** Where Coffre notes, with an entry, what a field is whose place in a KeePass file doesn't say it. */
export const FIELD_NOTES = "coffre.fields";

/** A value of one state of an entry, as a field of Coffre's. */
export interface StateValue {
  field: string;
  type: FieldType;
  value: Secret;
}

/** How a credential's field is called in a KeePass file, and what has to be noted so that it comes back as it was. */
export interface PlacedField {
  place: "string" | "file";
  name: string;
  /** For {@link FIELD_NOTES}; missing where reading finds the same by itself. */
  note?: { name: string; type: FieldType };
}

/** Names that fields of an entry have, whatever state they are read from: one name, one field. */
export class FieldNames {
  readonly #notes: ReadonlyMap<string, { name: string; type: FieldType }>;
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();

  constructor({ customData }: Pick<KdbxEntry, "customData">) {
    this.#notes = parseNotes(customData[FIELD_NOTES]);
    for (const { name } of this.#notes.values()) this.#taken.add(name);
  }

  /** Fields that had to be called otherwise than in the file. */
  get renamed(): { from: string; to: string }[] {
    return [...this.#names].flatMap(([key, to]) => {
      const from = key.slice(key.indexOf(":") + 1);
      return from === to || from === OTP || this.#notes.has(key) ? [] : [{ from, to }];
    });
  }

  /** The values of a state besides the password; empty ones are none. */
  valuesOf(state: KdbxState): StateValue[] {
    const strings = withoutOldSeeds(state.strings).filter(({ value }) => value.reveal() !== "");
    const files = state.files.filter(({ bytes }) => bytes.length > 0);
    return [
      ...strings.map(({ name, value, isProtected }) => {
        const noted = this.#notes.get(`string:${name}`);
        const seed = noted === undefined || noted.type === "totp" ? seedOf(name, value) : undefined;
        const type = noted?.type ?? (seed ? "totp" : isProtected ? "secret" : "text");
        return { field: this.#nameOf("string", name), type, value: type === "totp" ? (seed ?? value) : value };
      }),
      ...files.map(({ name, bytes }) => {
        return { field: this.#nameOf("file", name), type: "file" as const, value: fileValue(bytes) };
      }),
    ];
  }

  #nameOf(place: "string" | "file", name: string): string {
    const key = `${place}:${name}`;
    const noted = this.#notes.get(key)?.name;
    if (noted !== undefined) return noted;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const wanted = key === `string:${OTP}` ? TOTP_FIELD : fitFieldName(name).slice(0, 60);
    const free = freeName(wanted, this.#taken, (number) => `-${String(number)}`);
    this.#names.set(key, free);
    return free;
  }
}

/** Where the fields of a credential go. */
export function placeFields(fields: readonly { name: string; type: FieldType }[]): Map<string, PlacedField> {
  const standard = new Set(Object.values(STANDARD_FIELDS).map((name) => name.toLowerCase()));
  const placed = new Map<string, PlacedField>();
  for (const { name, type } of fields) {
    const isOtp = type === "totp" && name === TOTP_FIELD;
    const isTaken = standard.has(name.toLowerCase()) || (name === OTP && !isOtp) || OLD_SEEDS.test(name);
    const there = isOtp ? OTP : isTaken ? `field ${name}` : name;
    const isFile = type === "file";
    const note = isOtp || (isFile && there === name) ? {} : { note: { name, type } };
    placed.set(name, { place: isFile ? "file" : "string", name: there, ...note });
  }
  return placed;
}

/** What {@link FIELD_NOTES} says; empty where there is nothing to say. */
export function formatNotes(placed: Iterable<PlacedField>): string {
  const notes = [...placed].flatMap(({ place, name, note }) =>
    note ? [[`${place}:${name}`, note.name, note.type]] : [],
  );
  return notes.length === 0 ? "" : JSON.stringify(notes);
}

function parseNotes(text: string | undefined): Map<string, { name: string; type: FieldType }> {
  const notes = new Map<string, { name: string; type: FieldType }>();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? "[]");
  } catch {
    return notes; // somebody else's: what stands in the file is read as any other entry's
  }
  for (const note of Array.isArray(parsed) ? (parsed as unknown[]) : []) {
    if (!Array.isArray(note)) continue;
    const [key, name, type] = note as unknown[];
    if (typeof key !== "string" || typeof name !== "string" || fitFieldName(name) !== name) continue;
    if (type === "text" || type === "secret" || type === "totp" || type === "file") notes.set(key, { name, type });
  }
  return notes;
}

/** KeePass 2 and older KeePassXC keep a seed in several fields. Sources: keepass.info/help/base/placeholders.html#otp */
const OLD_SEEDS = /^(TOTP Seed|TOTP Settings|TimeOtp-.+)$/;

function withoutOldSeeds(strings: KdbxState["strings"]): KdbxState["strings"] {
  const of = (name: string) => strings.find((one) => one.name === name)?.value.reveal() ?? "";
  const [period = "", digits = ""] = of("TOTP Settings").split(";");
  const seed =
    of("TOTP Seed") !== ""
      ? { secret: of("TOTP Seed"), period, digits: /^\d+$/.test(digits) ? digits : "", algorithm: "" }
      : {
          secret: of("TimeOtp-Secret-Base32"),
          period: of("TimeOtp-Period"),
          digits: of("TimeOtp-Length"),
          algorithm: of("TimeOtp-Algorithm").replace(/^HMAC-SHA-?/, "SHA"),
        };
  if (seed.secret === "" || of(OTP) !== "") return strings;
  const parts = { period: seed.period, digits: seed.digits, algorithm: seed.algorithm };
  const address = otpAddress(
    seed.secret,
    Object.entries(parts).filter(([, value]) => value !== ""),
  );
  if (seedOf(OTP, address) === undefined) return strings;
  const others = strings.filter(({ name }) => !OLD_SEEDS.test(name));
  return [...others, { name: OTP, value: address, isProtected: true }];
}

const DEFAULTS: [string, string][] = [
  ["period", "30"],
  ["digits", "6"],
];

/** The seed of one-time codes as other programs read it. */
export function seedForKeePass(seed: Secret): Secret {
  return /^otpauth:/i.test(seed.reveal()) ? seed : otpAddress(seed.reveal(), []);
}

function otpAddress(secret: string, parts: [string, string][]): Secret {
  const all = new URLSearchParams([["secret", secret.replaceAll(/[\s=-]/g, "").toUpperCase()], ...DEFAULTS]);
  for (const [name, value] of parts) all.set(name, value);
  return new Secret(`otpauth://totp/coffre?${all.toString()}`);
}

/** The seed that a field holds, in the shortest form that says the same; `undefined` if it holds none. */
function seedOf(name: string, value: Secret): Secret | undefined {
  const text = value.reveal();
  if (name !== OTP && !/^otpauth:\/\/totp\//i.test(text)) return undefined;
  try {
    const seed = checkTotpSeed("The seed", value);
    const plain = /^otpauth:\/\/totp\/coffre\?secret=([A-Z2-7]+)&period=30&digits=6$/.exec(text)?.[1];
    return plain === undefined ? seed : new Secret(plain);
  } catch {
    return undefined; // of another kind, such as counted codes: it stays what it is, a secret
  }
}
