import { fr } from "../html/french.js";
import type { LetterWords } from "./words-en.js";

/** What mails say in French. */
export const FRENCH: LetterWords = {
  asRecipient: (box) => fr`Vous recevez ce message car cette adresse a été indiquée pour la boîte de dépôt « ${box} ».`,
  asManager: (box) => fr`Vous recevez ce message car vous gérez la boîte de dépôt « ${box} ».`,
  openBox: "Ouvrir la boîte de dépôt",
  file: "Fichier",

  invitation: {
    subject: (box, name) => fr`${name} vous demande des fichiers : ${box}`,
    text: (box, name) =>
      fr`${name} a ouvert une boîte de dépôt pour vous, « ${box} ». Ouvrez-la pour y déposer vos fichiers ; vous vous y connectez avec un code reçu par courriel.`,
    until: "Ouverte jusqu'au",
  },
  appointment: {
    subject: (box) => fr`Une boîte de dépôt à gérer : ${box}`,
    text: (box, name) =>
      fr`${name} a ouvert la boîte de dépôt « ${box} », et vous la gérez : vous voyez tous les dépôts. Vous vous y connectez avec un code reçu par courriel.`,
  },
  code: {
    subject: (box) => `Votre code pour ${box}`,
    text: (box, minutes) =>
      fr`Saisissez ce code sur la page de la boîte de dépôt « ${box} ». Il est valable ${minutes} minutes, une seule fois.`,
    footer: fr`Vous n'avez pas demandé de code ? Ne faites rien : sans lui, personne n'entre.`,
  },
  received: {
    subject: (box) => `Nouveau dépôt dans ${box}`,
    text: (box, by, files) => fr`${by} a déposé ${files === 1 ? "un fichier" : `${files} fichiers`} dans « ${box} ».`,
    at: "Déposé le",
    open: "Voir les dépôts",
  },
  receipt: {
    subject: (box) => fr`Bien reçu : votre dépôt dans ${box}`,
    text: fr`Votre dépôt est arrivé en entier. Gardez ce message : c'est votre reçu.`,
    box: "Boîte de dépôt",
    deposit: "Dépôt",
    open: "Voir le reçu",
    at: "Reçu le",
  },
  downloaded: {
    subject: (box) => `Un fichier de ${box} a été téléchargé`,
    text: (box, by) => fr`${by} a téléchargé un fichier déposé dans « ${box} ».`,
    at: "Téléchargé le",
  },
  refused: {
    subject: (box) => fr`Refusé par l'antivirus : un fichier de ${box}`,
    textForManagers: (box, by) =>
      fr`L'antivirus a refusé un fichier que ${by} a déposé dans « ${box} ». Personne ne peut le télécharger : son contenu est supprimé.`,
    text: (box) =>
      fr`L'antivirus a refusé un fichier que vous avez déposé dans « ${box} ». Il est supprimé, et personne ne l'a reçu.`,
    advice: "Faites vérifier l'ordinateur d'où il vient, puis déposez une copie saine.",
    finding: "Résultat",
    at: "Refusé le",
  },
  transfer: {
    subject: (from, files) => `${from} vous envoie ${files === 1 ? "un fichier" : `${files} fichiers`}`,
    text: (from, files, name) =>
      fr`${from} vous envoie ${files === 1 ? "un fichier" : `${files} fichiers`} par ${name}. Toute personne qui a ce lien peut télécharger : ne le transmettez pas.`,
    password: "La page demande un mot de passe, que l'expéditeur vous donne par une autre voie.",
    encrypted: fr`Les fichiers sont chiffrés. La clé qui les ouvre vient de l'expéditeur, par une autre voie : aucun message de ce serveur ne la contient.`,
    until: "Jusqu'au",
    limit: "Téléchargements par fichier",
    open: "Ouvrir le transfert",
    footer: "Vous recevez ce message car l'expéditeur a indiqué cette adresse.",
  },
};
