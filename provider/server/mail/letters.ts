import type { Brand } from "../html/brand.js";
import { formatBytes, formatInstant, type Language, type Locale, oneLine } from "../html/locale.js";
import { type Letter, writeLetter, type WrittenLetter } from "./letter.js";
import type { MailContent, MailedFile } from "./mails.js";
import { transferLetter } from "./transfer-letter.js";

/** What is about a drop-box. */
type BoxContent = Exclude<MailContent, { template: "transfer-sent" }>;

/** How a server writes its mails. */
export interface LetterStyle {
  brand: Brand;
  /** Of mails to people whose language nobody knows. */
  language: Language;
  /** An IANA name: by whose clock times are written. */
  timeZone: string;
  /** The page of a drop-box, for people; missing where none is shown. */
  pageOf?: (boxId: string) => string;
  /** The page of a transfer, by what stands behind `/transfers/`; missing where none is shown. */
  transferPageOf?: (link: string) => string;
}

/** Writes the mail that says `content`. Names are shown in one line each, whatever is in them. */
export function writeMail(content: MailContent, style: LetterStyle): WrittenLetter {
  const language = content.template === "box-code" ? content.language : style.language;
  const locale = { language, timeZone: style.timeZone };
  if (content.template === "transfer-sent") {
    return writeLetter(transferLetter(content, style, locale), style.brand, language);
  }
  const letter = language === "fr" ? french(content, style, locale) : english(content, style, locale);
  return writeLetter(letter, style.brand, language);
}

function english(content: BoxContent, style: LetterStyle, locale: Locale): Letter {
  const name = oneLine(style.brand.name);
  const box = oneLine(content.box);
  const footer = `You receive this mail because this address was entered for the drop-box “${box}”.`;
  const forManagers = `You receive this mail because you look after the drop-box “${box}”.`;
  switch (content.template) {
    case "box-opened":
      return {
        subject: content.manager ? `A drop-box to look after: ${box}` : `${name} asks you for files: ${box}`,
        paragraphs: [
          content.manager
            ? `${name} has opened the drop-box “${box}”, and you look after it: you see every deposit. A code that comes by mail shows that it is you.`
            : `${name} has opened a drop-box for you, “${box}”. Open it to deposit your files; a code that comes by mail shows that it is you.`,
          ...(content.description === null ? [] : [content.description]),
        ],
        facts: content.expiresAt === null ? [] : [["Open until", formatInstant(locale, content.expiresAt)]],
        ...action(content.boxId, style, "Open the drop-box"),
        footer,
      };
    case "box-code":
      return {
        subject: `Your code for ${box}`,
        paragraphs: [
          `Type this code on the page of the drop-box “${box}”. It holds for ${content.minutes} minutes, once.`,
        ],
        code: content.code,
        footer: "You didn't ask for a code? Then do nothing: without it nobody comes in.",
      };
    case "deposit-received":
      return {
        subject: `New deposit in ${box}`,
        paragraphs: [
          `${oneLine(content.by)} has deposited ${content.files.length === 1 ? "a file" : `${content.files.length} files`} in “${box}”.`,
          ...(content.note === null ? [] : [content.note]),
        ],
        facts: [...filesOf(content.files, locale), ...at("Deposited", content.submittedAt, locale)],
        ...action(content.boxId, style, "See the deposits"),
        footer: forManagers,
      };
    case "deposit-receipt":
      return {
        subject: `Received: your deposit in ${box}`,
        paragraphs: ["Your deposit has arrived whole. Keep this mail as your receipt."],
        facts: [...filesOf(content.files, locale), ...at("Received", content.submittedAt, locale)],
        footer,
      };
    case "file-downloaded":
      return {
        subject: `A file of ${box} was downloaded`,
        paragraphs: [`${oneLine(content.by)} has downloaded a file that was deposited in “${box}”.`],
        facts: [["File", oneLine(content.name)], ...at("Downloaded", content.at, locale)],
        footer: forManagers,
      };
    case "file-refused":
      return {
        subject: `Refused by the virus scanner: a file of ${box}`,
        paragraphs: content.manager
          ? [
              `The virus scanner has refused a file that ${oneLine(content.by)} has deposited in “${box}”. Nobody can download it: its content is deleted.`,
            ]
          : [
              `The virus scanner has refused a file that you have deposited in “${box}”. It is deleted, and nobody has received it.`,
              "Have the machine looked at that it comes from. Then deposit a clean copy.",
            ],
        facts: [
          ["File", oneLine(content.name)],
          ["Finding", oneLine(content.reason)],
          ...at("Refused", content.at, locale),
        ],
        ...action(content.boxId, style, "Open the drop-box"),
        footer: content.manager ? forManagers : footer,
      };
  }
}

function french(content: BoxContent, style: LetterStyle, locale: Locale): Letter {
  const name = oneLine(style.brand.name);
  const box = oneLine(content.box);
  const footer = `Vous recevez ce message car cette adresse a été indiquée pour la boîte de dépôt « ${box} ».`;
  const forManagers = `Vous recevez ce message car vous gérez la boîte de dépôt « ${box} ».`;
  switch (content.template) {
    case "box-opened":
      return {
        subject: content.manager ? `Une boîte de dépôt à gérer : ${box}` : `${name} vous demande des fichiers : ${box}`,
        paragraphs: [
          content.manager
            ? `${name} a ouvert la boîte de dépôt « ${box} », et vous la gérez : vous voyez tous les dépôts. Un code reçu par courriel montre que c'est bien vous.`
            : `${name} a ouvert une boîte de dépôt pour vous, « ${box} ». Ouvrez-la pour y déposer vos fichiers ; un code reçu par courriel montre que c'est bien vous.`,
          ...(content.description === null ? [] : [content.description]),
        ],
        facts: content.expiresAt === null ? [] : [["Ouverte jusqu'au", formatInstant(locale, content.expiresAt)]],
        ...action(content.boxId, style, "Ouvrir la boîte de dépôt"),
        footer,
      };
    case "box-code":
      return {
        subject: `Votre code pour ${box}`,
        paragraphs: [
          `Saisissez ce code sur la page de la boîte de dépôt « ${box} ». Il est valable ${content.minutes} minutes, une seule fois.`,
        ],
        code: content.code,
        footer: "Vous n'avez pas demandé de code ? Ne faites rien : sans lui, personne n'entre.",
      };
    case "deposit-received":
      return {
        subject: `Nouveau dépôt dans ${box}`,
        paragraphs: [
          `${oneLine(content.by)} a déposé ${content.files.length === 1 ? "un fichier" : `${content.files.length} fichiers`} dans « ${box} ».`,
          ...(content.note === null ? [] : [content.note]),
        ],
        facts: [...filesOf(content.files, locale), ...at("Déposé le", content.submittedAt, locale)],
        ...action(content.boxId, style, "Voir les dépôts"),
        footer: forManagers,
      };
    case "deposit-receipt":
      return {
        subject: `Bien reçu : votre dépôt dans ${box}`,
        paragraphs: ["Votre dépôt est arrivé en entier. Gardez ce message : c'est votre reçu."],
        facts: [...filesOf(content.files, locale), ...at("Reçu le", content.submittedAt, locale)],
        footer,
      };
    case "file-downloaded":
      return {
        subject: `Un fichier de ${box} a été téléchargé`,
        paragraphs: [`${oneLine(content.by)} a téléchargé un fichier déposé dans « ${box} ».`],
        facts: [["Fichier", oneLine(content.name)], ...at("Téléchargé le", content.at, locale)],
        footer: forManagers,
      };
    case "file-refused":
      return {
        subject: `Refusé par l'antivirus : un fichier de ${box}`,
        paragraphs: content.manager
          ? [
              `L'antivirus a refusé un fichier que ${oneLine(content.by)} a déposé dans « ${box} ». Personne ne peut le télécharger : son contenu est supprimé.`,
            ]
          : [
              `L'antivirus a refusé un fichier que vous avez déposé dans « ${box} ». Il est supprimé, et personne ne l'a reçu.`,
              "Faites vérifier l'ordinateur d'où il vient, puis déposez une copie saine.",
            ],
        facts: [
          ["Fichier", oneLine(content.name)],
          ["Résultat", oneLine(content.reason)],
          ...at("Refusé le", content.at, locale),
        ],
        ...action(content.boxId, style, "Ouvrir la boîte de dépôt"),
        footer: content.manager ? forManagers : footer,
      };
  }
}

type Fact = [string, string];

/** A line for each file, and one for its digest. */
export function filesOf(files: readonly MailedFile[], locale: Locale): Fact[] {
  const label = locale.language === "fr" ? "Fichier" : "File";
  return files.flatMap(([name, bytes, sha256]): Fact[] => [
    [label, `${oneLine(name)} (${formatBytes(locale, bytes)})`],
    ["SHA-256", sha256],
  ]);
}

function at(label: string, instant: string | null, locale: Locale): Fact[] {
  return instant === null ? [] : [[label, formatInstant(locale, instant)]];
}

function action(boxId: string, { pageOf }: LetterStyle, label: string): Pick<Letter, "action"> {
  return pageOf ? { action: { label, url: pageOf(boxId) } } : {};
}
