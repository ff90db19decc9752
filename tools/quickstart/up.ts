import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheFolder } from "../engine/version.ts";
import { missingPackages } from "../linux-hosts/packages.ts";
import type { LinuxHost } from "../linux-hosts/hosts.ts";
import { findPsql } from "../postgres/binaries.ts";
import type { PostgresServer } from "../postgres/server.ts";
import { cleanEnvironment, coffre, Interrupted, run } from "./children.ts";
import { countInState, findRegistered, type Registered, type RegisteredAccounts, readValue } from "./credential.ts";
import { DATABASE, logsIn, refuseOrphan, startDatabase } from "./database.ts";
import { Stack } from "./engine.ts";
import { logsInBySsh, loginLine, MACHINE_ADMIN, remakeMachine, startMachine, whyNoMachine } from "./machine.ts";
import { findPlaces, NAME, type Places, shortPath } from "./places.ts";
import { done, print, rows, style, Trouble } from "./screen.ts";

/** First line of the configuration that the quickstart writes: it removes and rewrites no other. */
const OURS = "# Written by the quickstart; `npm run quickstart -- --destroy` removes it.";

/** Makes everything, or finds it made, and shows what a person can do with it. */
export async function bringUp(): Promise<void> {
  const places = findPlaces();
  sayWhatIsOutside(places);
  await prepareVault(places);
  const server = await prepareDatabase(places);
  const machine = await prepareMachine(places);
  const stack = await Stack.open(places);
  await stack.configure({
    host: server.host,
    port: String(server.port),
    database: DATABASE,
    adminUsername: server.user,
    adminPasswordFile: places.adminPassword,
    ...(machine ? machineSettings(places, machine) : {}),
  });
  const began = performance.now();
  const changes = await stack.up();
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const counts = Object.entries(changes).map(([what, count]) => `${String(count)} ${what}`);
  done("pulumi up", counts.length === 0 ? "nothing to change" : `${counts.join(", ")} in ${seconds} s`);
  await warmNpx();
  await showResult(places, server, machine, counts.length === 0);
}

/** A machine that is gone and made anew under its name: the next up gives its account a password again. */
export async function replaceMachine(): Promise<void> {
  await remakeMachine(findPlaces());
  done("machine", "replaced by a new one, which has no such account yet");
  await bringUp();
}

/** What the stack's program learns of the machine; its host key says which machine it is. */
function machineSettings({ machineKey }: Places, { address, port, hostKey }: LinuxHost): Record<string, string> {
  return {
    vmHost: address,
    vmPort: String(port),
    vmHostKey: hostKey,
    vmId: hostKey.split(" ")[1] ?? "",
    vmAdmin: MACHINE_ADMIN,
    vmAdminKeyFile: machineKey,
  };
}

/** Before anything is made: what of it lies outside the checkout. */
function sayWhatIsOutside(places: Places): void {
  print("What the quickstart installs or starts outside this checkout:");
  const isApart = !places.postgres.startsWith(`${places.data}/`);
  rows([
    [shortPath(cacheFolder()), "the Pulumi engine, if the machine has none; other checkouts share it"],
    ["npm's cache", "what was fetched for node_modules, and a link for `npx coffre`"],
    [shortPath(places.data), `the quickstart's vault${isApart ? "" : ", database"} and Pulumi state`],
    [shortPath(places.key), "the key of that vault"],
    ...(isApart
      ? [[places.postgres, "its database: PostgreSQL doesn't run as root, and can't enter the folder above"] as const]
      : []),
    ["a PostgreSQL server", "on 127.0.0.1 only; it runs until `npm run quickstart -- --destroy`"],
    ...machineRows(),
  ]);
  print("In it: coffre.yaml, Pulumi.quickstart.yaml and node_modules, which Git ignores.");
  print();
}

function machineRows(): [string, string][] {
  const because = whyNoMachine();
  if (because !== undefined) return [["no machine", `real SSH hosts can't be made here: ${because}`]];
  const packages = missingPackages();
  return [
    ["a Linux machine", "in namespaces, with OpenSSH on an address of 127.64.0.0/10 only; until `--destroy` too"],
    [shortPath(join(dirname(cacheFolder()), "hosts")), "the file system of such machines, about 170 MB"],
    ...packages.map((name): [string, string] => [`package ${name}`, "by apt-get, for that machine; it starts nothing"]),
  ];
}

async function prepareVault({ vault, key, configuration }: Places): Promise<void> {
  const present = existsSync(configuration) ? await readFile(configuration, "utf8") : undefined;
  if (present !== undefined && !present.startsWith(OURS)) {
    throw new Trouble(
      "There is a coffre.yaml in this checkout that isn't the quickstart's",
      "Move it away: the quickstart uses a vault of its own, and says so in that file.",
    );
  }
  if (existsSync(vault) && !existsSync(key)) {
    throw new Trouble(
      `The quickstart's vault is there, but its key ${shortPath(key)} is gone`,
      "Bring the key back, or begin again: `npm run quickstart -- --destroy`.",
    );
  }
  const isNew = !existsSync(vault);
  if (isNew) {
    const flags = ["--name", NAME, "--vault", fileUrl(vault), "--key-file", key, "--no-set-default"];
    await coffre("vault", "init", ...flags);
  }
  const wanted = `${OURS}\nurl: ${JSON.stringify(fileUrl(vault))}\nkeyFile: ${JSON.stringify(key)}\n`;
  if (present !== wanted) await writeFile(configuration, wanted);
  done("vault", `${shortPath(vault)}${isNew ? ", new" : ""}`);
}

function fileUrl(path: string): string {
  return `file://${path.split("/").map(encodeURIComponent).join("/")}`;
}

async function prepareDatabase(places: Places): Promise<PostgresServer> {
  const server = await startDatabase(places);
  await refuseOrphan(places, server);
  const pid = (await server.status())?.pid;
  done("PostgreSQL", `on ${server.host}:${String(server.port)}, process ${String(pid)}`);
  return server;
}

async function prepareMachine(places: Places): Promise<LinuxHost | undefined> {
  const machine = await startMachine(places);
  if (machine) done("machine", `OpenSSH on ${machine.address}:${String(machine.port)}`);
  return machine;
}

/**
 * `npx coffre` in this checkout is this checkout's own; the first call makes a link in npm's cache, with warnings about the
 * machine's older Node that mean nothing here. They are got over with now.
 */
async function warmNpx(): Promise<void> {
  await run("npx", ["coffre", "--version"], { env: cleanEnvironment() }).catch((error: unknown) => {
    if (error instanceof Interrupted) throw error;
  });
}

async function showResult(
  places: Places,
  server: PostgresServer,
  machine: LinuxHost | undefined,
  isUnchanged: boolean,
): Promise<void> {
  const registered = await findRegistered();
  await proveDatabase(places, server, registered.database);
  if (machine && registered.machine) await proveMachine(places, registered.machine);
  print();
  print(style("bold", isUnchanged ? "Everything was there already; nothing was changed." : "It works."));
  for (const account of [registered.machine, registered.database]) {
    if (!account) continue;
    const isDatabase = account === registered.database;
    const where = isDatabase ? `PostgreSQL at ${server.host}:${String(server.port)}` : "the machine, over SSH";
    const client = isDatabase ? "" : " by OpenSSH's own client";
    print();
    rows([
      ["account", `${account.username} on ${where}`],
      ["registered", `${account.ref}, ${versionText(account)}`],
      ["login", `just tried${client}: the password of the vault is accepted, another one is refused`],
    ]);
  }
  print();
  rows([
    ["state", `Pulumi's files searched: the password${registered.machine ? "s are" : " is"} in none of them`],
    ["who reads", "the group operators, by a grant; in a file, whoever holds its key (`npx coffre access`)"],
  ]);
  await showNextSteps(registered, server, places);
}

/** @throws Trouble if anything isn't as it should be */
async function proveDatabase(places: Places, server: PostgresServer, registered: Registered): Promise<void> {
  const value = await readValue(registered.ref);
  const login = { host: server.host, port: server.port, user: registered.username };
  const isRight = await logsIn({ ...login, password: value });
  const isWrongRefused = !(await logsIn({ ...login, password: `${value}-but-wrong` }));
  await refuseUnproven(places, registered, value, { isRight, isWrongRefused });
}

/** The wrong one is the database's; or the earlier one of the machine itself, if there is one. */
async function proveMachine(places: Places, registered: Registered): Promise<void> {
  const { path, username } = registered;
  const earlier = (registered.currentVersion ?? 1) > 1;
  const other = earlier ? `${refOf(path)}?version=previous` : refOf((await findRegistered()).database.path);
  const isRight = await logsInBySsh(places, username, refOf(path));
  const isWrongRefused = !(await logsInBySsh(places, username, other));
  await refuseUnproven(places, registered, await readValue(registered.ref), { isRight, isWrongRefused });
}

async function refuseUnproven(
  places: Places,
  { username }: Registered,
  value: string,
  { isRight, isWrongRefused }: { isRight: boolean; isWrongRefused: boolean },
): Promise<void> {
  const { hits } = await countInState(places, value);
  if (isRight && isWrongRefused && hits === 0) return;
  throw new Trouble(
    `This isn't as it should be for ${username}: right password accepted: ${String(isRight)}, wrong one refused: ` +
      `${String(isWrongRefused)}, files of Pulumi's state with the password: ${String(hits)}`,
    "Please report it. `npx coffre verify --all` and `npx coffre events` say more.",
  );
}

function versionText({ currentVersion, verified }: Registered): string {
  return `version ${String(currentVersion)}${verified ? ", proven by a login" : ""}`;
}

/** A path as the command line takes it. */
export function refOf(path: readonly string[]): string {
  return path.map(encodeURIComponent).join("/");
}

async function showNextSteps(
  { database, machine }: RegisteredAccounts,
  server: PostgresServer,
  places: Places,
): Promise<void> {
  const ref = refOf(database.path);
  const place = `host=${server.host} port=${String(server.port)} dbname=${DATABASE} user=${database.username}`;
  print();
  print("Log in with them, in this folder:");
  if (machine) print(`  ${loginLine(places, machine.username)}`);
  print(`  PGPASSWORD="$(npx coffre read ${ref})" psql "${place}"`);
  if ((await findPsql()) === undefined)
    print("  (psql isn't installed here: on Debian `apt-get install postgresql-client`)");
  const variables = ["COFFRE_URL", "COFFRE_KEY_FILE", "COFFRE_KEY", "COFFRE_PASSPHRASE", "COFFRE_PASSPHRASE_FILE"];
  const set = variables.filter((name) => process.env[name]);
  if (set.length > 0)
    print(`  (first \`unset ${set.join(" ")}\`: in this shell they win over the quickstart's coffre.yaml)`);
  print();
  rows([
    ["npx coffre list", "what the vault holds"],
    [`npx coffre history ${ref}`, "its versions, and why each was made"],
    ["npx coffre events", "who did and read what"],
    ["npm run quickstart -- --rotate", "see a rotation"],
    ...(machine
      ? [["npm run quickstart -- --new-machine", "put another machine in the place of this one"] as const]
      : []),
    ["npm run quickstart -- --destroy", "take all of this down"],
  ]);
  print();
  print("Your own program begins like this, here on the same server (README.md says how to start one):");
  print();
  for (const line of ownProgram(server, places)) print(line === "" ? "" : `    ${line}`);
}

/** As in `examples/vm-and-database`. Ten lines that run as they stand, with a vault and a stack of the reader's own. */
function ownProgram({ host, port }: PostgresServer, { adminPassword }: Places): string[] {
  const admin = `{ username: "postgres", passwordFile: ${JSON.stringify(adminPassword)} }`;
  return [
    'import * as coffre from "coffre";',
    'const databases = new coffre.Category("Databases", {',
    '  passwordPolicy: { minLength: 24, require: ["upper", "lower", "digit"] },',
    "});",
    'new coffre.Credential("billing", {',
    '  categoryId: databases.id, username: "billing",',
    `  target: coffre.postgres({ host: ${JSON.stringify(host)}, port: ${String(port)},`,
    `    admin: ${admin},`,
    "    account: { create: true } }),",
    "});",
  ];
}

/** True if a `coffre.yaml` in the checkout was written here. */
export async function isOurConfiguration({ configuration }: Places): Promise<boolean> {
  return existsSync(configuration) && (await readFile(configuration, "utf8")).startsWith(OURS);
}
