import { formatInstant, type Locale, oneLine } from "../html/locale.js";
import type { Letter } from "./letter.js";
import { filesOf, type LetterStyle } from "./letters.js";
import type { MailContent } from "./mails.js";

type TransferContent = Extract<MailContent, { template: "transfer-sent" }>;

/** Files are there for whoever gets this. The link stands in it; a password never does. */
export function transferLetter(content: TransferContent, style: LetterStyle, locale: Locale): Letter {
  return locale.language === "fr" ? french(content, style, locale) : english(content, style, locale);
}

function english(content: TransferContent, style: LetterStyle, locale: Locale): Letter {
  const { message, expiresAt, password, maxDownloads, encrypted, files } = content;
  const from = oneLine(content.from);
  const what = files.length === 1 ? "a file" : `${files.length} files`;
  return {
    subject: `${from} sends you ${what}`,
    paragraphs: [
      `${from} sends you ${what} by ${oneLine(style.brand.name)}. Whoever has this link can download: don't pass it on.`,
      ...(message === null ? [] : [message]),
      ...(password ? ["The page asks for a password, which you get from the sender by another way."] : []),
      ...(encrypted
        ? [
            "The files are encrypted. The key that opens them comes from the sender, by another way: no mail of this server has it.",
          ]
        : []),
    ],
    facts: [
      ...filesOf(files, locale),
      ["Until", formatInstant(locale, expiresAt)],
      ...(maxDownloads === null ? [] : [["Downloads of each file", String(maxDownloads)] as const]),
    ],
    ...action(content, style, "Open the transfer"),
    footer: "You receive this mail because the sender entered this address.",
  };
}

function french(content: TransferContent, style: LetterStyle, locale: Locale): Letter {
  const { message, expiresAt, password, maxDownloads, encrypted, files } = content;
  const from = oneLine(content.from);
  const what = files.length === 1 ? "un fichier" : `${files.length} fichiers`;
  return {
    subject: `${from} vous envoie ${what}`,
    paragraphs: [
      `${from} vous envoie ${what} par ${oneLine(style.brand.name)}. Toute personne qui a ce lien peut télécharger : ne le transmettez pas.`,
      ...(message === null ? [] : [message]),
      ...(password ? ["La page demande un mot de passe, que l'expéditeur vous donne par une autre voie."] : []),
      ...(encrypted
        ? [
            "Les fichiers sont chiffrés. La clé qui les ouvre vient de l'expéditeur, par une autre voie : aucun message de ce serveur ne la contient.",
          ]
        : []),
    ],
    facts: [
      ...filesOf(files, locale),
      ["Jusqu'au", formatInstant(locale, expiresAt)],
      ...(maxDownloads === null ? [] : [["Téléchargements par fichier", String(maxDownloads)] as const]),
    ],
    ...action(content, style, "Ouvrir le transfert"),
    footer: "Vous recevez ce message car l'expéditeur a indiqué cette adresse.",
  };
}

function action({ link }: TransferContent, { transferPageOf }: LetterStyle, label: string): Pick<Letter, "action"> {
  return transferPageOf ? { action: { label, url: transferPageOf(link) } } : {};
}
