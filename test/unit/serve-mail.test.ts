import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { readMailServer, readStyle } from "../../provider/cli/commands/serve-mail.js";

let folder: string;
let password: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "coffre-serve-mail-"));
  password = join(folder, "password");
  writeFileSync(password, "hunter2\n");
  writeFileSync(join(folder, "two-lines"), "hunter2\nhunter3\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const good = { mailHost: "mail.example.com", mailFrom: "Example Ltd <drop@example.com>" };

test("a mail server needs a name and a sender; its login is in a file, and shown nowhere", async () => {
  expect(await readMailServer({})).toBeUndefined();
  expect(await readMailServer(good)).toMatchObject({ domain: "example.com" });
  const withLogin = await readMailServer({ ...good, mailUser: "drop", mailPasswordFile: password });
  expect(JSON.stringify(withLogin)).not.toContain("hunter2");
});

test.each([
  [{ mailFrom: "drop@example.com" }, "--mail-from belongs to --mail-host"],
  [{ mailHost: "mail.example.com" }, "--mail-from is missing"],
  [{ ...good, mailFrom: "drop" }, "--mail-from isn't an e-mail address"],
  [{ ...good, mailUser: "drop" }, "--mail-user and --mail-password-file belong together"],
  [{ ...good, mailTls: "ssl" }, "--mail-tls isn't a way to protect the connection"],
  [{ ...good, mailTls: "none" }, "Without TLS the mails would go to mail.example.com in clear text"],
  [{ ...good, mailPort: "smtp" }, "--mail-port takes a whole number of 1 or more"],
  [{ ...good, mailCa: "/nowhere/ca.pem" }, "The file of --mail-ca can't be read"],
  [
    { ...good, mailUser: "drop", mailPasswordFile: "/nowhere/password" },
    "The file of --mail-password-file can't be read",
  ],
])("%j: %s", async (options, problem) => {
  await expect(readMailServer(options)).rejects.toMatchObject({ problem });
});

test("a password file of two lines is refused, without its text", async () => {
  const mailPasswordFile = join(folder, "two-lines");
  const refused = await readMailServer({ ...good, mailUser: "drop", mailPasswordFile }).catch(
    (error: unknown) => error,
  );
  expect(String(refused)).toContain("--mail-password-file isn't one line");
  expect(String(refused)).not.toContain("hunter");
});

test("name, colour, language and time zone are read, or have defaults", async () => {
  expect(await readStyle({})).toMatchObject({ brand: { name: "Coffre", colour: "#1f5f8b" }, language: "en" });
  const given = { brandName: " Example\nLtd ", brandColour: "#AA0000", language: "fr", timeZone: "Europe/Paris" };
  expect(await readStyle(given)).toEqual({
    brand: { name: "Example Ltd", colour: "#aa0000" },
    language: "fr",
    timeZone: "Europe/Paris",
  });
});

test.each([
  [{ brandColour: "red;}" }, "--brand-colour isn't a colour"],
  [{ language: "de" }, "--language isn't one that mails are written in"],
  [{ timeZone: "Moon/Sea" }, "--time-zone isn't the name of a time zone"],
])("%j: %s", async (options, problem) => {
  await expect(readStyle(options)).rejects.toMatchObject({ problem });
});
