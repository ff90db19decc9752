import { formatInstant, prose } from "../html/locale.js";
import type { Fact, Letter } from "./letter.js";
import { fileFacts, inSentence, type LetterScope } from "./letter-scope.js";
import type { MailContent } from "./mails.js";

type TransferContent = Extract<MailContent, { template: "transfer-sent" }>;

/** Files are there for whoever gets this. The link stands in it; a password never does. */
export function transferLetter(content: TransferContent, scope: LetterScope): Letter {
  const { message, expiresAt, password, maxDownloads, encrypted, files, link } = content;
  const { locale, name, style } = scope;
  const { transfer: words } = scope.words;
  const from = inSentence(content.from);
  return {
    subject: words.subject(from, files.length),
    paragraphs: [
      words.text(from, files.length, name),
      ...(message === null ? [] : [prose(message)]),
      ...(password ? [words.password] : []),
      ...(encrypted ? [words.encrypted] : []),
    ],
    facts: [
      ...fileFacts(files, scope),
      [words.until, formatInstant(locale, expiresAt)],
      ...(maxDownloads === null ? [] : [[words.limit, String(maxDownloads)] satisfies Fact]),
    ],
    ...(style.transferPageOf ? { action: { label: words.open, url: style.transferPageOf(link) } } : {}),
    footer: words.footer,
  };
}
