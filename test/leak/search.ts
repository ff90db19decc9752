import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** A value in one of the forms in which text reaches files, logs and command lines. */
export interface Form {
  name: string;
  text: string;
}

/** What a search found: which secret, in which form, where. Never the secret itself. */
export interface Finding {
  secret: string;
  form: string;
  place: string;
}

const SHORTEST_FORM = 8;

/** All forms of a value that are looked for, without doubles. */
export function formsOf(value: string): Form[] {
  const json = JSON.stringify(value).slice(1, -1);
  const forms: Form[] = [
    { name: "plain", text: value },
    { name: "URL", text: encodeURIComponent(value) },
    { name: "URL form", text: new URLSearchParams({ v: value }).toString().slice(2) },
    { name: "shell, single quotes", text: value.replaceAll("'", "'\\''") },
    { name: "shell, backslashes", text: value.replaceAll(/[^\w@%+=:,./-]/g, "\\$&") },
    { name: "JSON", text: json },
    { name: "Go's JSON", text: goJson(json) },
    { name: "JSON in JSON", text: JSON.stringify(json).slice(1, -1) },
    { name: "Go's JSON in JSON", text: goJson(JSON.stringify(goJson(json)).slice(1, -1)) },
    { name: "hexadecimal", text: Buffer.from(value).toString("hex") },
    ...[0, 1, 2].flatMap((offset) => base64At(value, offset)),
  ];
  const first = forms.filter(({ text }, index) => index === forms.findIndex((other) => other.text === text));
  return first.filter(({ text }) => text.length >= SHORTEST_FORM);
}

/** Go's encoder escapes what could end a script element. */
function goJson(text: string): string {
  return text.replaceAll("<", "\\u003c").replaceAll(">", "\\u003e").replaceAll("&", "\\u0026");
}

/** The characters that are the same whatever stands before and after the value, at one of three places in a group. */
function base64At(value: string, offset: number): Form[] {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor((bytes.length * 8) / 6);
  const text = bytes.toString("base64").slice(first, last);
  return [
    { name: `base64 at ${offset}`, text },
    { name: `base64url at ${offset}`, text: text.replaceAll("+", "-").replaceAll("/", "_") },
  ];
}

/** Looks for secrets, by a name that may be shown, in texts and files. */
export class LeakSearch {
  readonly #forms: { secret: string; form: string; bytes: Buffer }[];
  readonly findings: Finding[] = [];
  /** How many places were searched. */
  places = 0;

  constructor(secrets: Readonly<Record<string, string>>) {
    this.#forms = Object.entries(secrets).flatMap(([secret, value]) =>
      formsOf(value).map(({ name, text }) => ({ secret, form: name, bytes: Buffer.from(text) })),
    );
  }

  in(place: string, content: string | Buffer): void {
    this.places += 1;
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    for (const { secret, form, bytes: wanted } of this.#forms) {
      if (bytes.includes(wanted)) this.findings.push({ secret, form, place });
    }
  }

  /** Every file below a folder, also what is packed by gzip; `except` are paths that may hold a secret. */
  inFolder(folder: string, { except = [] }: { except?: readonly string[] } = {}): void {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || except.includes(path)) continue;
      const bytes = readFileSync(path);
      this.in(path, bytes);
      if (bytes[0] === 0x1f && bytes[1] === 0x8b) this.in(`${path} (unpacked)`, gunzipSync(bytes));
    }
  }

  /** Where a secret of this name was found. */
  placesOf(secret: string): string[] {
    return [...new Set(this.findings.filter((finding) => finding.secret === secret).map(({ place }) => place))];
  }
}
