import { type Document as YamlDocument, LineCounter, parseDocument, stringify } from "yaml";
import * as z from "zod";
import { CoffreError } from "../core/errors.js";
import { describeFieldNameProblem } from "../core/field.js";
import type { Credential } from "../vault/port.js";
import { pathText } from "./describe.js";

/** What people may change of a credential by hand: everything that is no secret and that no rotation depends on. */
export interface Metadata {
  username: string | null;
  url: string | null;
  description: string | null;
  tags: string[];
  /** Its text fields. */
  fields: Record<string, string>;
}

const Word = z
  .string({ error: "must be text" })
  .refine((text) => !text.includes("\0") && text.isWellFormed(), { error: "isn't text" });
const Line = Word.nullish().transform((text) => (text === "" ? null : (text ?? null)));

const Document = z.strictObject({
  username: Line,
  url: Line,
  description: Line,
  tags: z
    .array(Word.min(1, { error: "is empty" }))
    .nullish()
    .transform((tags) => tags ?? []),
  fields: z
    .record(z.string(), Word.min(1, { error: "is empty: remove its line to remove the field" }))
    .nullish()
    .superRefine((fields, context) => {
      for (const name of Object.keys(fields ?? {})) {
        const problem = describeFieldNameProblem(name);
        if (problem !== undefined) context.addIssue({ code: "custom", path: [name], message: `its name ${problem}` });
      }
    })
    .transform((fields) => fields ?? {}),
});

/** What a credential has now. */
export function metadataOf({ username, url, description, tags, fields }: Credential): Metadata {
  const texts = fields.flatMap(({ name, text }): [string, string][] => (text === undefined ? [] : [[name, text]]));
  return {
    username: username ?? null,
    url: url ?? null,
    description: description ?? null,
    tags: [...tags],
    fields: Object.fromEntries(texts),
  };
}

/** The text that an editor shows: YAML without any secret. */
export function formatMetadata(credential: Pick<Credential, "path">, metadata: Metadata): string {
  const head =
    `# ${pathText(credential)}: what is no secret of it. Save and close to change it; an unchanged text changes nothing.\n` +
    "# fields are texts that anybody may see who sees the credential; secrets are given by `coffre put`.\n";
  return head + stringify(metadata, { lineWidth: 0 });
}

/** @throws CoffreError INVALID_INPUT that names the line or the key */
export function parseMetadata(text: string): Metadata {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [wrong] = document.errors;
  if (wrong !== undefined) {
    throw invalid(`it isn't YAML: line ${String(lineCounter.linePos(wrong.pos[0]).line)}, ${wrong.code}`);
  }
  const parsed = Document.safeParse(contentOf(document));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const keys = issue?.code === "unrecognized_keys" ? `there is no ${issue.keys.join(", ")}` : undefined;
  throw invalid(keys ?? `${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "not understood"}`);
}

/** A text of ours has no aliases: one that was written in could name a part that isn't there, or itself. */
function contentOf(document: YamlDocument.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw invalid("it names another part of itself by *");
  }
}

function invalid(problem: string): CoffreError {
  return new CoffreError("INVALID_INPUT", `The text can't be taken: ${problem}`, { hint: "Nothing was changed." });
}
