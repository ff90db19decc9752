import { formatInstant, prose } from "../html/locale.js";
import type { Fact, Letter } from "./letter.js";
import { fileFacts, inSentence, type LetterScope } from "./letter-scope.js";
import type { MailContent } from "./mails.js";

/** What is about a drop-box. */
type BoxContent = Exclude<MailContent, { template: "transfer-sent" }>;

/** A mail about a drop-box. */
export function boxLetter(content: BoxContent, scope: LetterScope): Letter {
  const { words, locale, name } = scope;
  const box = inSentence(content.box);
  const at = (label: string, instant: string | null): Fact[] =>
    instant === null ? [] : [[label, formatInstant(locale, instant)]];
  const open = (label: string) => action(scope, label, content.boxId);
  switch (content.template) {
    case "box-opened": {
      const said = content.manager ? words.appointment : words.invitation;
      return {
        subject: said.subject(box, name),
        paragraphs: [said.text(box, name), ...(content.description === null ? [] : [prose(content.description)])],
        facts: at(words.invitation.until, content.expiresAt),
        ...open(words.openBox),
        footer: words.asRecipient(box),
      };
    }
    case "box-code":
      return {
        subject: words.code.subject(box),
        paragraphs: [words.code.text(box, content.minutes)],
        code: content.code,
        footer: words.code.footer,
      };
    case "deposit-received":
      return {
        subject: words.received.subject(box),
        paragraphs: [
          words.received.text(box, inSentence(content.by), content.files.length),
          ...(content.note === null ? [] : [prose(content.note)]),
        ],
        facts: [...fileFacts(content.files, scope), ...at(words.received.at, content.submittedAt)],
        ...open(words.received.open),
        footer: words.asManager(box),
      };
    case "deposit-receipt":
      return {
        subject: words.receipt.subject(box),
        paragraphs: [words.receipt.text],
        facts: [
          [words.receipt.box, box],
          [words.receipt.deposit, content.depositId],
          ...fileFacts(content.files, scope),
          ...at(words.receipt.at, content.submittedAt),
        ],
        ...action(scope, words.receipt.open, content.boxId, content.depositId),
        footer: words.asRecipient(box),
      };
    case "file-downloaded":
      return {
        subject: words.downloaded.subject(box),
        paragraphs: [words.downloaded.text(box, inSentence(content.by))],
        facts: [[words.file, inSentence(content.name)], ...at(words.downloaded.at, content.at)],
        footer: words.asManager(box),
      };
    case "file-refused": {
      const { refused } = words;
      return {
        subject: refused.subject(box),
        paragraphs: content.manager
          ? [refused.textForManagers(box, inSentence(content.by))]
          : [refused.text(box), refused.advice],
        facts: [
          [words.file, inSentence(content.name)],
          [refused.finding, inSentence(content.reason)],
          ...at(refused.at, content.at),
        ],
        ...open(words.openBox),
        footer: content.manager ? words.asManager(box) : words.asRecipient(box),
      };
    }
  }
}

function action(
  { style: { pageOf } }: LetterScope,
  label: string,
  ...place: [boxId: string, depositId?: string]
): Pick<Letter, "action"> {
  return pageOf ? { action: { label, url: pageOf(...place) } } : {};
}
