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
  usedUp: "Downloaded as often as was allowed",
  digestHelp: "The SHA-256 of a file shows that it arrived as it was sent.",
  password: "Password",
  passwordHelp: "The sender has given this transfer a password, and tells it to you by another way than the link.",
  open: "Open",
  wrongPassword: (left) =>
    left > 0 ? `That isn't the password. Tries left: ${left}.` : "That isn't the password. The transfer is locked now.",
  notFound: "There is nothing here",
  notFoundText: "Is the link whole? Ask whoever sent it to you.",
  expired: "This transfer has expired",
  used: "Everything was downloaded as often as was allowed",
  locked: "This transfer is locked",
  archived: "This transfer has ended",
  askSender: "The files can't be downloaded any more. Ask whoever sent them to you.",
  failed: "That didn't work",
  failedText: "Load the page again in a while.",
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
  usedUp: "Téléchargé autant de fois que permis",
  digestHelp: "Le SHA-256 d'un fichier montre qu'il est arrivé tel qu'il a été envoyé.",
  password: "Mot de passe",
  passwordHelp:
    "L'expéditeur a protégé ce transfert par un mot de passe, qu'il vous donne par une autre voie que le lien.",
  open: "Ouvrir",
  wrongPassword: (left) =>
    left > 0
      ? `Ce n'est pas le mot de passe. Essais restants : ${left}.`
      : "Ce n'est pas le mot de passe. Le transfert est maintenant verrouillé.",
  notFound: "Il n'y a rien ici",
  notFoundText: "Le lien est-il complet ? Demandez à la personne qui vous l'a envoyé.",
  expired: "Ce transfert a expiré",
  used: "Tout a été téléchargé autant de fois que permis",
  locked: "Ce transfert est verrouillé",
  archived: "Ce transfert est terminé",
  askSender: "Les fichiers ne peuvent plus être téléchargés. Demandez à la personne qui vous les a envoyés.",
  failed: "Cela n'a pas fonctionné",
  failedText: "Rechargez la page dans un moment.",
};

export function transferWords(language: Language): TransferWords {
  return language === "fr" ? FRENCH : ENGLISH;
}
