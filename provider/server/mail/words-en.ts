/** What mails say in English. Every name comes in one line. */
export const ENGLISH = {
  /** Why this mail came. */
  asRecipient: (box: string) => `You receive this mail because this address was entered for the drop-box “${box}”.`,
  asManager: (box: string) => `You receive this mail because you manage the drop-box “${box}”.`,
  openBox: "Open the drop-box",
  file: "File",

  invitation: {
    subject: (box: string, name: string) => `${name} asks you for files: ${box}`,
    text: (box: string, name: string) =>
      `${name} has opened a drop-box for you, “${box}”. Open it to deposit your files; you sign in with a code that comes by mail.`,
    until: "Open until",
  },
  appointment: {
    subject: (box: string) => `A drop-box for you to manage: ${box}`,
    text: (box: string, name: string) =>
      `${name} has opened the drop-box “${box}”, and you manage it: you see every deposit. You sign in with a code that comes by mail.`,
  },
  code: {
    subject: (box: string) => `Your code for ${box}`,
    text: (box: string, minutes: number) =>
      `Type this code on the page of the drop-box “${box}”. It is valid for ${minutes} minutes, once.`,
    footer: "You didn't ask for a code? Then do nothing: without it nobody gets in.",
  },
  received: {
    subject: (box: string) => `New deposit in ${box}`,
    text: (box: string, by: string, files: number) =>
      `${by} has deposited ${files === 1 ? "a file" : `${files} files`} in “${box}”.`,
    at: "Deposited",
    open: "See the deposits",
  },
  receipt: {
    subject: (box: string) => `Received: your deposit in ${box}`,
    text: "Your deposit has arrived complete. Keep this mail as your receipt.",
    box: "Drop-box",
    deposit: "Deposit",
    open: "See the receipt",
    at: "Received",
  },
  downloaded: {
    subject: (box: string) => `A file of ${box} was downloaded`,
    text: (box: string, by: string) => `${by} has downloaded a file that was deposited in “${box}”.`,
    at: "Downloaded",
  },
  refused: {
    subject: (box: string) => `Refused by the virus scanner: a file of ${box}`,
    textForManagers: (box: string, by: string) =>
      `The virus scanner has refused a file that ${by} has deposited in “${box}”. Nobody can download it: its content is deleted.`,
    text: (box: string) =>
      `The virus scanner has refused a file that you have deposited in “${box}”. It is deleted, and nobody has received it.`,
    advice: "Have the computer that it comes from checked, then deposit a clean copy.",
    finding: "Finding",
    at: "Refused",
  },
  transfer: {
    subject: (from: string, files: number) => `${from} sends you ${files === 1 ? "a file" : `${files} files`}`,
    text: (from: string, files: number, name: string) =>
      `${from} sends you ${files === 1 ? "a file" : `${files} files`} by ${name}. Whoever has this link can download: don't pass it on.`,
    password: "The page asks for a password, which you get from the sender by another way.",
    encrypted:
      "The files are encrypted. The key that opens them comes from the sender, by another way: no mail of this server has it.",
    until: "Until",
    limit: "Downloads of each file",
    open: "Open the transfer",
    footer: "You receive this mail because the sender entered this address.",
  },
};

/** What mails say, in any language. */
export type LetterWords = typeof ENGLISH;
