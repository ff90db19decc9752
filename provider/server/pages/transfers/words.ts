import { fr } from "../../html/french.js";
import type { Language } from "../../html/locale.js";

/** What the pages of a transfer say. */
export interface TransferWords {
  title: string;
  sentBy: (from: string) => string;
  until: string;
  size: string;
  left: string;
  unlimited: string;
  download: string;
  downloadOf: (name: string) => string;
  usedUp: string;
  digestHelp: string;
  password: string;
  passwordHelp: string;
  open: string;
  wrongPassword: (left: number) => string;
  notFound: string;
  notFoundText: string;
  expired: string;
  used: string;
  locked: string;
  archived: string;
  askSender: string;
  failed: string;
  failedText: string;
  /** Of files that are encrypted end to end. */
  sealed: {
    what: string;
    size: string;
    digest: string;
    digestHelp: string;
    withoutScript: string;
    open: string;
    openOf: (name: string) => string;
    running: (name: string, percent: string) => string;
    done: (name: string) => string;
    wrongKey: string;
    failed: (name: string) => string;
    key: string;
    keyHelp: string;
    byHand: string;
    byHandText: string;
    trust: string;
  };
}

const ENGLISH: TransferWords = {
  title: "Files for you",
  sentBy: (from) => `${from} sends you these files.`,
  until: "Until",
  size: "Size",
  left: "Downloads left",
  unlimited: "any number",
  download: "Download",
  downloadOf: (name) => `Download ${name}`,
  usedUp: "The download limit was reached.",
  digestHelp: "The SHA-256 of a file shows that it arrived as it was sent.",
  password: "Password",
  passwordHelp: "The sender protected this transfer with a password, which you get separately from the link.",
  open: "Open",
  wrongPassword: (left) =>
    left > 0 ? `That isn't the password. Tries left: ${left}.` : "That isn't the password. The transfer is locked now.",
  notFound: "There is nothing here",
  notFoundText: "Check that the link is complete, or ask whoever sent it to you.",
  expired: "This transfer has expired",
  used: "The download limit was reached",
  locked: "This transfer is locked",
  archived: "This transfer has ended",
  askSender: "The files can't be downloaded any more. Ask whoever sent them to you.",
  failed: "That didn't work",
  failedText: "Load the page again in a while.",
  sealed: {
    what: "The files are encrypted end to end: this server can't read them. The key is in the link, after the # sign, and never leaves your browser.",
    size: "Size, encrypted",
    digest: "SHA-256, encrypted",
    digestHelp:
      "Size and SHA-256 are those of the encrypted file, whose name ends in .age. Your browser saves the decrypted file, which is smaller and has another SHA-256; it is saved only if no part was altered or is missing.",
    withoutScript:
      "JavaScript is off, so your browser can't decrypt. You can download the files encrypted, as they are; how to open them is described below.",
    open: "Download and decrypt",
    openOf: (name) => `Download and decrypt ${name}`,
    running: (name, percent) => `${name}: ${percent}%`,
    done: (name) => `${name} is decrypted: your browser has saved it.`,
    wrongKey:
      "This key doesn't open the files. Is the link complete? Nothing was downloaded, and no download was counted.",
    failed: (name) => `${name} couldn't be decrypted, or arrived incomplete. Nothing of it was saved: try again.`,
    key: "Key",
    keyHelp:
      "It begins with AGE-SECRET-KEY-1. You get it from the sender; it stays in this page and is sent to nobody.",
    byHand: "Without this page's script",
    byHandText:
      "Save the key, which is everything after the # sign of the link, as key.txt. Download the encrypted file, and open it with the program age (age-encryption.org):",
    trust:
      "The script that decrypts comes from this server: whoever runs it could change that script. With age on your own machine you needn't trust it.",
  },
};

const FRENCH: TransferWords = {
  title: "Des fichiers pour vous",
  sentBy: (from) => `${from} vous envoie ces fichiers.`,
  until: "Jusqu'au",
  size: "Taille",
  left: "Téléchargements restants",
  unlimited: "sans limite",
  download: "Télécharger",
  downloadOf: (name) => `Télécharger ${name}`,
  usedUp: "Le nombre de téléchargements permis est atteint.",
  digestHelp: "Le SHA-256 d'un fichier montre qu'il est arrivé tel qu'il a été envoyé.",
  password: "Mot de passe",
  passwordHelp: "L'expéditeur a protégé ce transfert par un mot de passe, qui vous parvient séparément du lien.",
  open: "Ouvrir",
  wrongPassword: (left) =>
    left > 0
      ? fr`Ce n'est pas le mot de passe. Essais restants : ${left}.`
      : "Ce n'est pas le mot de passe. Le transfert est maintenant verrouillé.",
  notFound: "Il n'y a rien ici",
  notFoundText: "Vérifiez que le lien est complet, ou adressez-vous à la personne qui vous l'a envoyé.",
  expired: "Ce transfert a expiré",
  used: "Le nombre de téléchargements permis est atteint",
  locked: "Ce transfert est verrouillé",
  archived: "Ce transfert est terminé",
  askSender: "Les fichiers ne peuvent plus être téléchargés. Adressez-vous à la personne qui vous les a envoyés.",
  failed: "Cela n'a pas fonctionné",
  failedText: "Rechargez la page dans un moment.",
  sealed: {
    what: fr`Les fichiers sont chiffrés de bout en bout : ce serveur ne peut pas les lire. La clé est dans le lien, après le signe #, et ne quitte jamais votre navigateur.`,
    size: "Taille, chiffré",
    digest: "SHA-256, chiffré",
    digestHelp: fr`La taille et le SHA-256 sont ceux du fichier chiffré, dont le nom se termine par .age. Votre navigateur enregistre le fichier déchiffré, qui est plus petit et a un autre SHA-256 ; il n'est enregistré que si rien n'a été modifié ni ne manque.`,
    withoutScript: fr`JavaScript est désactivé : votre navigateur ne peut pas déchiffrer. Vous pouvez télécharger les fichiers tels quels, chiffrés ; la façon de les ouvrir est décrite plus bas.`,
    open: "Télécharger et déchiffrer",
    openOf: (name) => `Télécharger et déchiffrer ${name}`,
    running: (name, percent) => fr`${name} : ${percent} %`,
    done: (name) => fr`${name} est déchiffré : votre navigateur l'a enregistré.`,
    wrongKey: fr`Cette clé n'ouvre pas les fichiers. Le lien est-il complet ? Rien n'a été téléchargé, et aucun téléchargement n'a été compté.`,
    failed: (name) =>
      fr`${name} n'a pas pu être déchiffré, ou est arrivé incomplet. Rien n'en a été enregistré : réessayez.`,
    key: "Clé",
    keyHelp: fr`Elle commence par AGE-SECRET-KEY-1. Elle vous vient de l'expéditeur ; elle reste dans cette page et n'est envoyée à personne.`,
    byHand: "Sans le script de cette page",
    byHandText: fr`Enregistrez la clé, c'est-à-dire tout ce qui suit le signe # du lien, sous le nom key.txt. Téléchargez le fichier chiffré, puis ouvrez-le avec le programme age (age-encryption.org) :`,
    trust: fr`Le script qui déchiffre vient de ce serveur : qui l'administre pourrait le modifier. Avec age sur votre propre machine, vous n'avez pas à lui faire confiance.`,
  },
};

export function transferWords(language: Language): TransferWords {
  return language === "fr" ? FRENCH : ENGLISH;
}
