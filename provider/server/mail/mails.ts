import * as z from "zod";
import type { Mail, MailInput } from "../../vault/port.js";
import { LANGUAGES } from "../html/locale.js";

const text = z.string();
/** ISO 8601. */
const instant = z.string();
/** A file's name, its bytes, and their SHA-256 in hex. */
const file = z.tuple([text, z.number().int().nonnegative(), text]);
export type MailedFile = z.infer<typeof file>;

const boxId = text;
const box = text;
const deposit = {
  boxId,
  box,
  depositId: text,
  by: text,
  submittedAt: instant.nullable(),
  note: text.nullable(),
  files: z.array(file),
};

/** What a mail is filled with, by its template: names and numbers, so that what waits is written when it is sent. */
const TEMPLATES = {
  /** To a recipient or a manager: there is a drop-box for you. */
  "box-opened": z.object({
    boxId,
    box,
    description: text.nullable(),
    expiresAt: instant.nullable(),
    manager: z.boolean(),
  }),
  /** To whoever wants to come in by a box's page, in the language of that page. */
  "box-code": z.object({ boxId, box, code: text, minutes: z.number().int().positive(), language: z.enum(LANGUAGES) }),
  /** To the depositor: what arrived. */
  "deposit-receipt": z.object(deposit),
  /** To a manager: something was deposited. */
  "deposit-received": z.object(deposit),
  /** To a manager: something was fetched. */
  "file-downloaded": z.object({ boxId, box, name: text, by: text, at: instant }),
  /** To who deposited it, or to a manager: the scanner refused a file, and why. */
  "file-refused": z.object({ boxId, box, name: text, by: text, at: instant, reason: text, manager: z.boolean() }),
  /** To a receiver: files are there for you. */
  "transfer-sent": z.object({
    link: text,
    from: text,
    message: text.nullable(),
    expiresAt: instant,
    password: z.boolean(),
    maxDownloads: z.number().int().nullable(),
    /** The page asks for a key that no mail has. Missing in mail of an earlier version. */
    encrypted: z.boolean().default(false),
    files: z.array(file),
  }),
};

export type MailTemplate = keyof typeof TEMPLATES;
type Parameters = { [Template in MailTemplate]: z.infer<(typeof TEMPLATES)[Template]> };
/** A template with what it is filled with. */
export type MailContent = { [Template in MailTemplate]: { template: Template } & Parameters[Template] }[MailTemplate];

/** One mail for the outbox. */
export function mailInput(
  { template, ...parameters }: MailContent,
  options: Pick<MailInput, "to" | "about" | "notAfter">,
): MailInput {
  return { ...options, template, parameters };
}

/** Reads what the outbox gives. @returns `undefined` for a template, or parameters, of another version of Coffre */
export function readContent({ template, parameters }: Pick<Mail, "template" | "parameters">): MailContent | undefined {
  if (!isTemplate(template)) return undefined;
  const { data } = TEMPLATES[template].safeParse(parameters);
  // The schema of each template answers the parameters of just that one.
  return data && ({ template, ...data } as MailContent);
}

function isTemplate(name: string): name is MailTemplate {
  return Object.hasOwn(TEMPLATES, name);
}
