import { execFile, spawn } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { chmod, cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { FieldType } from "../../provider/core/field.js";
import { Secret } from "../../provider/core/secret.js";
import { createAuthority } from "../../tools/postgres/certificates.ts";
import { deposit } from "../contract/vault-cases/boxes.ts";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

const ROOT = resolve(import.meta.dirname, "../..");
const EXAMPLES = globSync("examples/*", { cwd: ROOT });
const PAGES = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md"],
  ...globSync("docs/**/*.md", { cwd: ROOT }),
  ...EXAMPLES.map((example) => `${example}/README.md`),
].sort();

interface Block {
  page: string;
  language: string;
  text: string;
}

function blocksOf(page: string): Block[] {
  const found = readFileSync(join(ROOT, page), "utf8").matchAll(/^```(\w+)\n(.*?)^```$/gms);
  return [...found].map(([, language = "", text = ""]) => ({ page, language, text }));
}

const BLOCKS = PAGES.flatMap(blocksOf);

test.each(EXAMPLES)("%s has a page that says how to run it and how to undo it", (example) => {
  const page = readFileSync(join(ROOT, example, "README.md"), "utf8");
  expect(page.match(/^#+ .*$/gm)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^# /), "## Run it", "## Undo it"]),
  );
});

test("every link between the pages leads somewhere", () => {
  const broken = PAGES.flatMap((page) => {
    const links = readFileSync(join(ROOT, page), "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g);
    return [...links].map(([, link = ""]) => link).filter((link) => !existsSync(join(ROOT, dirname(page), link)));
  });
  expect(broken).toEqual([]);
});

test("every program in the pages is taken by the compiler", async () => {
  const folder = join(ROOT, "test/.work/docs");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const programs = BLOCKS.filter(({ language }) => language === "ts");
  expect(programs.length).toBeGreaterThan(4);
  for (const [index, { page, text }] of programs.entries()) {
    await writeFile(join(folder, `${index}-${page.replaceAll(/\W/g, "-")}.ts`), text);
  }
  const settings = { extends: "../../../tsconfig.json", compilerOptions: { noEmit: true, rootDir: "../../.." } };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ ...settings, include: ["*.ts"] }));
  const compiled = promisify(execFile)(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", folder]);
  await expect(compiled).resolves.toMatchObject({ stdout: "" });
});

/** Lines with coffre in them that a shell runs: no synopsis, which has `[options]` or `<ref>` in it. */
const COMMANDS = BLOCKS.filter(({ language }) => language === "sh")
  .flatMap(({ page, text }) => text.split("\n").map((line) => ({ page, line: line.replace(/ +#.*/, "").trim() })))
  .filter(({ line }, index, all) => index === all.findIndex((other) => other.line === line))
  .filter(
    ({ line }) =>
      /(^|\W)coffre /.test(line) &&
      !line.startsWith("git ") &&
      !/\[options\]|[[<]ref|\[category\]|<\w+>( |$)/.test(line),
  );

/** Where a line is right to end otherwise: the vault of this test has nothing to decide, and no such head and token. */
const OTHER_EXITS: { line: RegExp; exitCode: number }[] = [
  { line: /vault check --head/, exitCode: 1 },
  // None of its keys is in a transit engine.
  { line: /vault key rewrap/, exitCode: 4 },
  { line: /token (revoke|expire) tk_/, exitCode: 3 },
  { line: /mail retry ml_/, exitCode: 3 },
  // Another version is current.
  { line: /acknowledge .* --if-version 7/, exitCode: 5 },
  // Nobody reaches a vault in a file without --public-url.
  { line: /^coffre send report\.pdf --to/, exitCode: 2 },
  { line: /\bnotify-ops$/, exitCode: 0 },
  // This vault is a file, and there is no such server.
  { line: /vault policies/, exitCode: 2 },
  { line: /vault\+https:/, exitCode: 1 },
];

/** What runs until it is told to end: it is, once it has said that it listens. */
const SERVES = /^coffre serve\b/;
const ENDED = 143;

describe("every command in the pages runs as it stands", () => {
  let shell: Shell;

  beforeAll(async () => {
    shell = await Shell.open();
    const bin = join(shell.home, "bin");
    await mkdir(bin);
    // What the lines have beside coffre: here only its reading or writing end is wanted.
    for (const name of ["jq", "logger", "wl-copy", "psql", "notify-ops", "bao", "pulumi", "kubectl"]) {
      await writeFile(join(bin, name), "#!/bin/sh\n[ -t 0 ] || head -c 1 >/dev/null\n");
    }
    const pass =
      "#!/bin/sh\ncase $2 in *-seed) echo jbsw y3dp ehpk 3pxp ;; *) echo a-value-that-a-partner-gave ;; esac\n";
    await writeFile(join(bin, "pass"), pass);
    shell.env["EDITOR"] = "true";
    shell.env["XDG_RUNTIME_DIR"] = join(shell.home, "run");
    await mkdir(shell.env["XDG_RUNTIME_DIR"], { mode: 0o700 });
    await writeFile(
      join(bin, "coffre"),
      `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, "bin/coffre.js")}' "$@"\n`,
    );
    for (const name of [
      "jq",
      "logger",
      "wl-copy",
      "psql",
      "notify-ops",
      "bao",
      "pulumi",
      "kubectl",
      "pass",
      "coffre",
    ]) {
      await chmod(join(bin, name), 0o755);
    }
    shell.env["PATH"] = `${bin}:${shell.env["PATH"] ?? ""}`;
    await prepare();
    await keep();
    for (const folder of FOLDERS) await rename(join(shell.home, folder), join(shell.home, "as-prepared", folder));
  });

  afterAll(() => shell.close());

  /** What a line may find or write: made once, and copied anew for each line. */
  const FOLDERS = [".config", ".local", "srv", "etc", "media"];

  async function anew(): Promise<void> {
    for (const folder of FOLDERS) {
      await rm(join(shell.home, folder), { recursive: true, force: true });
      await cp(join(shell.home, "as-prepared", folder), join(shell.home, folder), { recursive: true });
    }
  }

  async function prepare(): Promise<void> {
    for (const folder of ["media/safe", "etc/coffre", "as-prepared"]) {
      await mkdir(join(shell.home, folder), { recursive: true });
    }
    const vault = await shell.makeVault("prod");
    const id = await entry(vault, "Databases/orders-app", { username: "orders_app" });
    await entry(vault, "Production/Databases/other", {});
    const secret = (name: string, type: FieldType, value: string) =>
      ({ change: "put", name, type, value: new Secret(value), cause: "test" }) as const;
    const key = Buffer.from("a server's key\n");
    await writeFile(join(shell.home, "server.key"), key);
    await entry(vault, "Partners/mail-api", {
      value: null,
      valueManagedBy: "external",
      fields: [secret("totp", "totp", "JBSWY3DPEHPK3PXP"), secret("tls.key", "file", key.toString("base64"))],
    });
    await vault.people.createPrincipal({ kind: "user", name: "ana" });
    const partners = await vault.findCategory(["Partners"]);
    await vault.createCategory({ name: "Audit", parentId: partners?.id ?? null });
    const recipients = ["ana@acme.example"];
    const box = await vault.boxes.createBox({ name: "acme", categoryId: partners?.id ?? null, recipients });
    await deposit(vault, box, { "tls.crt": "a certificate\n" });
    for (const version of [2, 3]) {
      const { lease } = await vault.acquireLease(id, { holder: "a test", ttlSeconds: 60 });
      const stage = { step: "stage" as const, value: new Secret(`value ${version}`), causes: [], accounts: [] };
      await vault.record(lease, [stage, { step: "promote", version, verified: false }, { step: "release" }]);
    }
    await vault.close();
    await exchange();
    await deliver();
    const { exitCode, stderr } = await shell.coffre([
      "vault",
      "key",
      "add",
      "runner-3",
      "--new-key-file",
      "runner.key",
    ]);
    if (exitCode !== 0) throw new Error(stderr);
  }

  /** A backup where the pages have it, with the identity that opens it. */
  async function keep(): Promise<void> {
    const identity = await generateX25519Identity();
    const recipient = await identityToRecipient(identity);
    await writeFile(join(shell.home, "media/safe/backup.identity"), `${identity}\n`, { mode: 0o600 });
    await writeFile(join(shell.home, "etc/coffre/recipients"), `${recipient}\n`);
    const { certificate, key } = createAuthority().issue({ commonName: "coffre", hosts: ["localhost"] });
    await writeFile(join(shell.home, "etc/coffre/tls.pem"), certificate);
    await writeFile(join(shell.home, "etc/coffre/tls.key"), key);
    await writeFile(join(shell.home, "etc/coffre/mail.password"), "a password of the mail server's\n");
    await writeFile(join(shell.home, "etc/coffre/scan"), "#!/bin/sh\nexec cat >/dev/null\n", { mode: 0o755 });
    const made = await shell.json(["vault", "backup", "--to", "srv/backups", "--recipient", recipient]);
    await rename((made as { file: string }).file, join(shell.home, "srv/backups/prod.coffre.age"));
  }

  /** Files of other programs, and whoever is to have an export. */
  async function exchange(): Promise<void> {
    const passphrase = "a passphrase of eight words, as it were\n";
    for (const folder of ["srv/import", "srv/drop"]) await mkdir(join(shell.home, folder), { recursive: true });
    const header = "Name;URL;Username;Password;Category/SubCategory;Tags;Description;Opt1;Opt2;Opt3;Totp";
    await writeFile(join(shell.home, "srv/import/lockself.csv"), `${header}\nrelay;;mail;a value;Mail;;;;;;\n`);
    for (const name of ["srv/import/team.passphrase", "etc/coffre/kdbx.passphrase"]) {
      await writeFile(join(shell.home, name), passphrase, { mode: 0o600 });
    }
    const certificate = [
      "-keyout",
      "/dev/null",
      "-out",
      join(shell.home, "etc/coffre/technician.pem"),
      "-subj",
      "/CN=technician",
    ];
    await promisify(execFile)("openssl", [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      ...certificate,
    ]);
    const team = ["export", "--format", "kdbx", "--to", "srv/import/team.kdbx", "--category", "Partners"];
    const made = await shell.coffre([...team, "--to-passphrase-file", "srv/import/team.passphrase"]);
    if (made.exitCode !== 0) throw new Error(made.stderr);
  }

  /** References, templates and files to send where the pages have them. */
  async function deliver(): Promise<void> {
    await mkdir(join(shell.home, "srv/app"), { recursive: true });
    await writeFile(join(shell.home, "refs.env"), "PGPASSWORD=coffre://prod/Databases/orders-app\n");
    const template = "password: {{ coffre://prod/Databases/orders-app | yaml }}\n";
    for (const name of ["app.conf.tpl", "secret.yaml.tpl"]) await writeFile(join(shell.home, name), template);
    for (const name of ["report.pdf", "march.csv"]) await writeFile(join(shell.home, name), "what is sent\n");
    await writeFile(join(shell.home, "migrate.sh"), '#!/bin/sh\n[ -n "$PGPASSWORD" ]\n', { mode: 0o755 });
    // A repository of its own, that keeps what has references.
    await writeFile(join(shell.home, ".gitignore"), "/*\n!/*.env\n!/deploy\n");
    await mkdir(join(shell.home, "deploy"));
    await promisify(execFile)("git", ["init", "-q", shell.home]);
  }

  /** A second vault where the pages have one. */
  async function makeRobots(): Promise<void> {
    const init = ["--vault", "file://~/srv/coffre/robots.db", "--key-file", "robots.key", "vault", "init"];
    const { exitCode, stderr } = await shell.coffre([...init, "--name", "robots"]);
    if (exitCode !== 0) throw new Error(stderr);
  }

  /** Runs a line in a real shell, with folders of the system moved below the test's home, and input where it is asked for. */
  function runLine(line: string): Promise<{ exitCode: number | null; said: string }> {
    const moved = line
      .replaceAll(/(file:\/\/)?\/(srv|etc|media)\//g, (_all, scheme: string | undefined, top: string) => {
        return `${scheme ?? ""}${shell.home}/${top}/`;
      })
      .replaceAll("events --follow", "events");
    if (SERVES.test(line)) return runServer(moved);
    const asks = moved.includes("--ask-passphrase");
    const [program, args] = asks
      ? ["script", ["-qec", moved, "/dev/null"]]
      : ["bash", ["-c", `set -o pipefail; ${moved}`]];
    return new Promise((done, fail) => {
      const child = spawn(program, args, { cwd: shell.home, env: { ...shell.env, SHELL: "/bin/bash" } });
      let said = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (asks && /: $/.test(text)) child.stdin.write("a passphrase of eight words, as it were\r");
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
      child.stdin.on("error", () => undefined);
      if (!asks) child.stdin.end("a-value-that-a-person-typed\n");
      child.on("error", fail);
      child.on("close", (exitCode) => done({ exitCode, said }));
    });
  }

  /** On a free port of loopback, whatever the line says. */
  function runServer(line: string): Promise<{ exitCode: number | null; said: string }> {
    const here = line.includes("--listen")
      ? line.replace(/--listen \S+/, "--listen 127.0.0.1:0")
      : `${line} --listen 127.0.0.1:0`;
    return new Promise((done, fail) => {
      const child = spawn("bash", ["-c", `exec ${here}`], { cwd: shell.home, env: shell.env });
      let said = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
      child.stdout
        .setEncoding("utf8")
        .on("data", (text: string) => text.includes('"listening"') && child.kill("SIGTERM"));
      child.on("error", fail);
      child.on("close", (exitCode) => done({ exitCode, said }));
    });
  }

  test.each(COMMANDS)("$page: $line", async ({ line }) => {
    await anew();
    if (line.includes("vault init")) {
      for (const folder of [".config", ".local"]) await rm(join(shell.home, folder), { recursive: true });
    }
    if (/^coffre (sync|move) --to file:/.test(line)) await makeRobots();
    if (/^coffre (serve )?--vault file:\/\/\/srv\//.test(line)) {
      await mkdir(join(shell.home, "srv/coffre"), { recursive: true });
      await rename(shell.vaultFile, join(shell.home, "srv/coffre/prod.db"));
    }
    if (line.includes("completions/")) await mkdir(join(shell.home, ".config/fish/completions"), { recursive: true });
    const { exitCode, said } = await runLine(line);
    const expected = SERVES.test(line) ? ENDED : (OTHER_EXITS.find((other) => other.line.test(line))?.exitCode ?? 0);
    expect({ exitCode, said: exitCode === expected ? "" : said }).toEqual({ exitCode: expected, said: "" });
  });
});
