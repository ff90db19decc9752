import { describe, expect, test } from "@jest/globals";
import { DEFAULT_BRAND, inkOn } from "../../../provider/server/html/brand.js";
import { html } from "../../../provider/server/html/html.js";
import { fr } from "../../../provider/server/html/french.js";
import { formatBytes, formatInstant, LANGUAGES, oneLine, prose } from "../../../provider/server/html/locale.js";
import { writeMail } from "../../../provider/server/mail/letters.js";
import type { MailContent, MailedFile } from "../../../provider/server/mail/mails.js";
import { FRENCH } from "../../../provider/server/mail/words-fr.js";
import { wordsIn } from "../../../provider/server/pages/boxes/words.js";
import { transferWords } from "../../../provider/server/pages/transfers/words.js";

const EVIL = `<script>alert("x")</script>' onload=1 &amp;\r\nBcc: all@example.org \u202Egpj.exe\u2067\u001b[8m\u0085`;
/** What no text of people brings into a mail. */
const UNSEEN = /(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u;
const AT = "2026-03-03T17:00:00Z";
const files: MailedFile[] = [[EVIL, 1_234_567, "ab".repeat(32)]];
const deposit = { boxId: "bx_1", depositId: "dp_1", box: EVIL, by: EVIL, submittedAt: AT, note: EVIL, files };
const transfer = {
  link: "tr_1.abc",
  from: EVIL,
  message: EVIL,
  expiresAt: AT,
  password: true,
  maxDownloads: 2,
  encrypted: true,
  files,
};
const hostile: MailContent[] = [
  { template: "box-opened", boxId: "bx_1", box: EVIL, description: EVIL, expiresAt: AT, manager: false },
  { template: "box-opened", boxId: "bx_1", box: EVIL, description: EVIL, expiresAt: AT, manager: true },
  { template: "deposit-received", ...deposit },
  { template: "deposit-receipt", ...deposit },
  { template: "file-downloaded", boxId: "bx_1", box: EVIL, by: EVIL, at: AT, name: EVIL },
  { template: "file-refused", boxId: "bx_1", box: EVIL, by: EVIL, at: AT, name: EVIL, reason: EVIL, manager: false },
  { template: "file-refused", boxId: "bx_1", box: EVIL, by: EVIL, at: AT, name: EVIL, reason: EVIL, manager: true },
  { template: "transfer-sent", ...transfer },
];
const LINKED = ["box-opened", "deposit-receipt", "deposit-received", "file-refused", "transfer-sent"];
const transferPageOf = (link: string) => `https://drop.example.com/transfers/${link}`;
const pageOf = (boxId: string) => `https://drop.example.com/box/${boxId}?a=1&b=2`;

describe("script in every field of a mail stays text:", () => {
  const codes = LANGUAGES.map((language) => ({
    language,
    content: { template: "box-code", boxId: "bx_1", box: EVIL, code: "123456", minutes: 15, language } as const,
  }));
  const cases = LANGUAGES.flatMap((language) => hostile.map((content) => ({ language, content })));
  test.each([...codes, ...cases])("$content.template, $language", ({ content, language }) => {
    const style = {
      brand: { name: EVIL, colour: "#123456" },
      language,
      timeZone: "Europe/Paris",
      pageOf,
      transferPageOf,
    };
    const written = writeMail(content, style);
    expect(written.subject).not.toMatch(/\p{Cc}/u);
    for (const part of Object.values(written)) expect(part).not.toMatch(UNSEEN);
    expect(written.html).not.toMatch(/<script|' onload/);
    expect(written.html).toContain("&lt;script&gt;alert(&quot;x&quot;)");
    expect(written.html.match(/<a\s|<img|<link|src=/g) ?? []).toHaveLength(LINKED.includes(content.template) ? 1 : 0);
  });
});

test("an invitation says in both languages what is wanted, until when, and where", () => {
  const content: MailContent = {
    template: "box-opened",
    boxId: "bx_1",
    box: "March statements",
    description: "The signed statement,\nas a PDF.",
    expiresAt: AT,
    manager: false,
  };
  const brand = { ...DEFAULT_BRAND, name: "Example Ltd" };
  const [english, french] = LANGUAGES.map((language) =>
    writeMail(content, { brand, language, timeZone: "Europe/Paris", pageOf }),
  );
  expect(english?.subject).toBe("Example Ltd asks you for files: March statements");
  expect(english?.text).toContain("Open until: 3 March 2026 at 18:00 CET");
  expect(english?.text).toContain("Open the drop-box:\nhttps://drop.example.com/box/bx_1?a=1&b=2\n");
  expect(french?.text).toContain("Ouverte jusqu'au\u00a0: 3 mars 2026 à 18:00 UTC+1");
  expect(french?.html).toContain('<html lang="fr">');
  for (const one of [english, french]) expect(one?.text).toContain("The signed statement,\nas a PDF.");
});

test("a code is written in the language of the page that asked for it", () => {
  const content: MailContent = {
    template: "box-code",
    boxId: "bx_1",
    box: "b",
    code: "271828",
    minutes: 15,
    language: "fr",
  };
  const { subject, text } = writeMail(content, { brand: DEFAULT_BRAND, language: "en", timeZone: "UTC" });
  expect([subject, text]).toEqual(["Votre code pour b", expect.stringContaining("    271828\n")]);
});

test("a receipt names drop-box and deposit, with a link, and each file with its size and digest", () => {
  const receipt: MailContent = {
    template: "deposit-receipt",
    ...deposit,
    box: "March",
    files: [["a.pdf", 1_500, "cd"]],
  };
  const style = { brand: DEFAULT_BRAND, timeZone: "UTC" };
  const { text } = writeMail(receipt, { ...style, language: "en" });
  expect(text).toContain(
    "Drop-box: March\nDeposit: dp_1\nFile: a.pdf (1.5 kB)\nSHA-256: cd\nReceived: 3 March 2026 at 17:00 UTC",
  );
  expect(text).not.toContain("http"); // where no page is shown
  const pageOf = (boxId: string, depositId = "") => `https://drop.example.com/boxes/${boxId}/deposits/${depositId}`;
  const french = writeMail(receipt, { ...style, language: "fr", pageOf });
  expect(french.text).toContain("Voir le reçu\u00a0:\nhttps://drop.example.com/boxes/bx_1/deposits/dp_1\n");
  expect(french.text).toContain("Dépôt\u00a0: dp_1");
});

test.each([
  ["Arabic", "كشف"],
  ["Hebrew", "דוח"],
  ["Syriac", "ܟܬܒܐ"],
  ["Thaana", "ފައިލް"],
  ["N'Ko", "ߞߊߡߊ"],
  ["Adlam", "𞤀𞤣𞤤𞤢𞤥"],
  ["Hanifi Rohingya", "𐴌𐴟𐴇𐴥𐴝𐴚𐴒𐴙𐴝"],
])("a name that is written from right to left, in %s, turns nothing round but itself", (_script, name) => {
  const write = (content: MailContent, brand = DEFAULT_BRAND) =>
    writeMail(content, { brand, language: "en", timeZone: "UTC" });
  const apart = `\u2068${name}\u2069`;
  const files: MailedFile[] = [[`${name}.txt`, 1_500, "cd"]];
  const receipt = write({ template: "deposit-receipt", ...deposit, files });
  expect(receipt.text).toContain(`File: \u2068${name}.txt\u2069 (1.5 kB)\n`);
  // A browser takes the direction of a `bdi` from a name in it, though that is set apart: the size would be before it.
  expect(receipt.html).toMatch(new RegExp(`<div[^>]*>\u2068${name}.txt\u2069 \\(1.5 kB\\)</div>`, "u"));
  const received = write({ template: "deposit-received", ...deposit, box: name, by: name, files });
  expect(received.text).toContain(`${apart} has deposited a file in “${apart}”.`);
  expect(received.html).toContain(`${apart} has deposited a file in “${apart}”.`);
  const sent = write({ template: "transfer-sent", ...transfer, from: name, files }, { ...DEFAULT_BRAND, name });
  expect(sent.text).toContain(`${apart} sends you a file by ${apart}.`);
  // Programs that show a list of subjects may show the marks, too.
  for (const { subject } of [received, sent]) expect(subject).not.toMatch(/[\u2066-\u2069]/);
});

test("a name that is written from left to right has no mark that nobody sees", () => {
  const facts = {
    ...deposit,
    box: "Été 漢字",
    by: "Ana",
    note: null,
    files: [["Größe.pdf", 1_500, "cd"]] satisfies MailedFile[],
  };
  const content: MailContent = { template: "deposit-received", ...facts };
  const written = writeMail(content, { brand: DEFAULT_BRAND, language: "fr", timeZone: "UTC" });
  expect(Object.values(written).join("")).not.toMatch(/\p{Cf}/u);
});

test("a refusal says in both languages which file, what was found, and what to do", () => {
  const facts = { boxId: "bx_1", box: "March", name: "a.pdf", by: "ana@acme.example", at: AT, reason: "Eicar FOUND" };
  const write = (language: "en" | "fr", manager: boolean) =>
    writeMail({ template: "file-refused", ...facts, manager }, { brand: DEFAULT_BRAND, language, timeZone: "UTC" })
      .text;
  expect(write("en", false)).toContain("File: a.pdf\nFinding: Eicar FOUND\nRefused: 3 March 2026 at 17:00 UTC");
  expect(write("en", false)).toContain("deposit a clean copy");
  expect(write("en", true)).toContain("ana@acme.example has deposited");
  expect(write("fr", false)).toContain("Résultat\u00a0: Eicar FOUND");
  expect(write("fr", true)).toContain("ana@acme.example a déposé");
});

describe("what pages and mails are made of:", () => {
  test("a text is escaped, markup of ours isn't, what is missing leaves nothing", () => {
    const part = html`<b>${"<&>\"'"}</b>`;
    expect(String(part)).toBe("<b>&lt;&amp;&gt;&quot;&#39;</b>");
    expect(String(html`<i>${[part, 1, undefined, false, "é"]}</i>`)).toBe("<i><b>&lt;&amp;&gt;&quot;&#39;</b>1é</i>");
  });

  test.each([
    [0, "0 bytes", "0 octet"],
    [1, "1 byte", "1 octet"],
    [999, "999 bytes", "999 octets"],
    [999_950, "1 MB", "1 Mo"],
    [1_234_567, "1.2 MB", "1,2 Mo"],
    [5_000_000_000, "5 GB", "5 Go"],
  ])("%d bytes are %s", (bytes, english, french) => {
    expect(formatBytes({ language: "en" }, bytes).replaceAll("\u00a0", " ")).toBe(english);
    expect(formatBytes({ language: "fr" }, bytes).replaceAll(/[\u00a0\u202f]/g, " ")).toBe(french);
  });

  test("an instant is written by the clock of the reader's place", () => {
    expect(formatInstant({ language: "en", timeZone: "America/New_York" }, AT)).toContain("12:00");
  });

  test("a French text has spaces that hold a mark at its word, and its values stay as they are", () => {
    expect(fr`Dans « ${"a : b"} » : ${3} % ?`).toBe("Dans «\u00a0a : b\u00a0»\u00a0: 3\u00a0%\u00a0?");
  });

  test("every French text of pages and mails is set so", () => {
    const texts = [wordsIn("fr"), transferWords("fr"), FRENCH].flatMap(textsIn);
    expect(texts.length).toBeGreaterThan(200);
    expect(texts.filter((text) => / [:;?!»%]|« /.test(text))).toEqual([]);
  });

  test("one line is one line", () => {
    expect(oneLine(" a\r\n\tb\u2028c\u202Ed\u0000 ")).toBe("a b c d");
  });

  test("prose keeps its lines and tabs, and what needs no mark to be read from right to left", () => {
    expect(prose("a\r\n\tb\rc\u2028d\u0085e\n\n")).toBe("a\n\tb\nc\nd\ne\n\n");
    expect(prose("a\u0000\u001b[8mb\u007f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069c\u200f")).toBe(
      "a[8mbc\u200f",
    );
    expect(prose("تحية 👩‍💻")).toBe("تحية 👩‍💻");
  });

  test.each([
    ["#ffffff", "#000000"],
    ["#ffee00", "#000000"],
    ["#1f5f8b", "#ffffff"],
    ["#000000", "#ffffff"],
  ])("on %s one writes in %s", (colour, ink) => expect(inkOn(colour)).toBe(ink));
});

test("the mail of a transfer has its link, how long and how often it opens, and never a password", () => {
  const content: MailContent = { template: "transfer-sent", ...transfer, from: "Ana", files: [["a.pdf", 1_500, "cd"]] };
  const style = { brand: DEFAULT_BRAND, timeZone: "Europe/Paris", transferPageOf };
  const english = writeMail(content, { ...style, language: "en" });
  expect(english.subject).toBe("Ana sends you a file");
  for (const part of [
    "https://drop.example.com/transfers/tr_1.abc",
    "3 March 2026",
    "a.pdf (1.5 kB)",
    "by another way",
  ])
    expect(english.text).toContain(part);
  const french = writeMail(content, { ...style, language: "fr" });
  expect(french.subject).toBe("Ana vous envoie un fichier");
  for (const part of ["3 mars 2026", "Téléchargements par fichier\u00a0: 2", "par une autre voie"])
    expect(french.text).toContain(part);
});

/** Every text among these words; those that take values with `x` for each. */
function textsIn(words: object): string[] {
  return Object.values(words).flatMap((word: unknown) => {
    if (typeof word === "function") return [String((word as (...values: string[]) => string)("x", "x", "x"))];
    return typeof word === "object" && word !== null ? textsIn(word) : [String(word)];
  });
}
