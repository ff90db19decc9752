import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { readServeOptions } from "../../provider/cli/commands/serve-options.js";
import { Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

let shell: Shell;
let token: string;
beforeAll(async () => {
  shell = await Shell.open();
  await (await shell.makeVault("prod")).close();
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=technician"],
      ...["-keyout", join(shell.home, "ana.key"), "-out", join(shell.home, "ana.pem")],
    ],
    { stdio: "ignore" },
  );
  writeFileSync(join(shell.home, "text.pem"), "a text");
});
afterAll(() => shell.close());

test.each([
  ["--public-url isn't the server's address alone", { publicUrl: "vault.example.com" }],
  ["--public-url isn't the server's address alone", { publicUrl: "https://vault.example.com/coffre" }],
  ["--public-url isn't the server's address alone", { publicUrl: "https://vault.example.com?a=b" }],
  ["--public-url isn't the server's address alone", { publicUrl: "http://vault.example.com" }],
  ["--public-url isn't the server's address alone", { publicUrl: "https://ana@vault.example.com" }],
  ["--lockself-lists takes sample, plain, embedded", { lockselfLists: "short" }],
  ["The file text.pem holds no certificate in PEM", { exportCertificate: "text.pem" }],
  ["The file ana.key holds a private key", { exportCertificate: "ana.key" }],
  ["The file none.pem can't be read", { exportCertificate: "none.pem" }],
  ["--listen isn't host:port", { listen: "8730" }],
  ["--tls-cert and --tls-key belong together", { tlsCert: "ana.pem" }],
  ["--tls-cert and --tls-key aren't a certificate and its key", { tlsCert: "text.pem", tlsKey: "text.pem" }],
  ["--tls-cert and --tls-key aren't a certificate and its key", { tlsCert: "ana.pem", tlsKey: "text.pem" }],
  ["--tls-cert and --tls-key aren't a certificate and its key", { tlsCert: "ana.key", tlsKey: "ana.pem" }],
])("%s: %j", async (problem, options) => {
  const files = Object.entries<string>(options).map(([name, word]): [string, string] => [
    name,
    word.replace(/^(?=\w+\.(pem|key)$)/, `${shell.home}/`),
  ]);
  const refused = readServeOptions(Object.fromEntries(files), new Date());
  await expect(refused.catch((error: Error) => error.message.replace(`${shell.home}/`, ""))).resolves.toContain(
    problem,
  );
});

test("http is taken for this machine, and a port with it", async () => {
  for (const publicUrl of ["http://127.0.0.1:8730", "http://[::1]:8730/", "http://localhost"]) {
    const { lockself } = await readServeOptions({ publicUrl }, new Date());
    expect(lockself).toEqual({ publicUrl: new URL(publicUrl).origin });
  }
});

test("what is wrong is told before the vault is opened and anything made", async () => {
  const wrong = ["serve", "--export-certificate", "text.pem"];
  const { exitCode, stderr } = await shell.coffre(wrong, { env: { COFFRE_KEY_FILE: "there-is-none.key" } });
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining("holds no certificate in PEM") });
  expect(existsSync(`${shell.vaultFile}.serve`)).toBe(false);
});

test("lists, links and exports on LockSelf's routes are as the options say", async () => {
  token = (await shell.coffre(["token", "create", "root", "--role", "administrator"])).stdout.trim();
  const style = ["--public-url", "https://vault.example.com:8443/", "--lockself-lists", "embedded"];
  const child = shell.start([
    ...["serve", "--listen", "127.0.0.1:0", "--no-access-log", ...style],
    ...["--export-certificate", "ana.pem"],
  ]);
  try {
    const origin = await listening(child);
    expect(await ask(origin, "/api-key/categories")).toEqual({
      ...{ page: 1, limit: 50, pages: 1, total: 0 },
      _embedded: { items: [] },
    });
    const order = { method: "downloadGlobalExport", organizationId: 1 };
    const { link } = (await ask(origin, "/api-key/download/generate/token", order)) as { link: string };
    expect(new URL(link).origin).toBe("https://vault.example.com:8443");
    const file = await fetch(`${origin}${new URL(link).pathname}`);
    writeFileSync(join(shell.home, "export.p7m"), Buffer.from(await file.arrayBuffer()));
    const opened = execFileSync(
      "openssl",
      ["cms", "-decrypt", "-inform", "DER", "-in", "export.p7m", "-inkey", "ana.key", "-recip", "ana.pem"],
      { cwd: shell.home, encoding: "utf8" },
    );
    expect(opened).toMatch(/^Name;URL;/);
  } finally {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  }
});

async function ask(origin: string, path: string, sent?: object): Promise<unknown> {
  const answer = await fetch(`${origin}${path}`, {
    headers: { "x-auth-token": token, "x-ls-token": token, "content-type": "application/json" },
    ...(sent ? { method: "POST", body: JSON.stringify(sent) } : {}),
  });
  return answer.json();
}

async function listening(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("the server has no output");
  for await (const line of createInterface({ input: child.stdout })) {
    return (JSON.parse(line) as { listening: string }).listening; // the command's own line
  }
  throw new Error("the server never listened");
}
