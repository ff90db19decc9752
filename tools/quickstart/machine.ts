import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findWay, keepHost, type LinuxHost, randomAddress } from "../linux-hosts/hosts.ts";
import { missingPackages } from "../linux-hosts/packages.ts";
import { installPackages } from "../setup/packages.ts";
import { cleanEnvironment, run } from "./children.ts";
import { type Places, ROOT } from "./places.ts";
import { print, Trouble } from "./screen.ts";
import { newKeyPair, publicLineOf } from "../linux-hosts/key-pair.ts";

/** Who sets passwords on the machine: an account that may do everything by sudo, and logs in by a key. */
export const MACHINE_ADMIN = "admin";
/** How ssh's configuration names the machine. */
const ALIAS = "vm";
/** What the asking script reads in place of the machine's account; a reference is no secret. */
const REFERENCE = "QUICKSTART_REF";
const PERMISSION_DENIED = /Permission denied/;

/** Why there is no machine here; `undefined` where there is one. */
export function whyNoMachine(): string | undefined {
  const { way, because } = findWay();
  return way === "stand-in" && missingPackages().length === 0 ? because : undefined;
}

/** Starts the quickstart's own machine, or finds it running; `undefined` where none can be made. @throws Trouble */
export async function startMachine(places: Places): Promise<LinuxHost | undefined> {
  try {
    const missing = missingPackages();
    if (missing.length > 0) {
      print(`      apt-get install ${missing.join(" ")} ...`);
      await installPackages(missing);
    }
    if (findWay().way === "stand-in") return undefined;
    const host = await keepHost({ ...(await settings(places)), say: (line) => print(`      ${line}`) });
    await writeClientFiles(places, host);
    return host;
  } catch (error) {
    throw new Trouble(
      `The quickstart's machine doesn't start: ${error instanceof Error ? error.message : String(error)}`,
      `Its log is ${join(places.machine, "log")}. \`npm run quickstart -- --destroy\` begins afresh.`,
    );
  }
}

/** Another machine in its place: a new disk and a new host key, under the same address and name. @throws Trouble */
export async function remakeMachine(places: Places): Promise<void> {
  const host = existsSync(places.machine) ? await startMachine(places) : undefined;
  if (!host) throw new Trouble("There is no machine to replace", "Run `npm run quickstart` first.");
  await host.recreate(await settings(places));
}

async function settings({ data, machine, machineKey, machineAddress }: Places) {
  await mkdir(data, { recursive: true, mode: 0o700 });
  if (!existsSync(machineKey)) {
    const { private: key } = newKeyPair();
    await writeFile(machineKey, key, { mode: 0o600, flag: "wx" });
  }
  if (!existsSync(machineAddress)) {
    await writeFile(machineAddress, randomAddress());
  }
  const users = [{ name: MACHINE_ADMIN, sudo: "free", authorizedKeys: [await publicKey(machineKey)] }];
  const address = (await readFile(machineAddress, "utf8")).trim();
  return { folder: machine, address, name: ALIAS, users, pam: { hash: "debian" as const } };
}

async function publicKey(file: string): Promise<string> {
  try {
    return publicLineOf(await readFile(file, "utf8"));
  } catch {
    throw new Trouble(`${file} is no private key`, "Remove it, and run the quickstart again.");
  }
}

/** What OpenSSH's own client needs to log in with a password of the vault; none of the files holds one. */
async function writeClientFiles({ sshConfig, sshKnownHosts, sshAskpass }: Places, host: LinuxHost): Promise<void> {
  await writeFile(sshKnownHosts, `${ALIAS} ${host.hostKey}\n`);
  const config = {
    Host: ALIAS,
    HostName: host.address,
    Port: String(host.port),
    HostKeyAlias: ALIAS,
    UserKnownHostsFile: JSON.stringify(sshKnownHosts),
    GlobalKnownHostsFile: "/dev/null",
    StrictHostKeyChecking: "yes",
    PubkeyAuthentication: "no",
    PreferredAuthentications: "password",
    NumberOfPasswordPrompts: "1",
    LogLevel: "ERROR",
  };
  await writeFile(
    sshConfig,
    Object.entries(config)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(""),
  );
  await rm(sshAskpass, { force: true });
  const script = `#!/bin/sh
# Answers ssh's question with a password that it reads from the vault; nothing is kept.
cd ${quoted(ROOT)} && exec ${quoted(process.execPath)} bin/coffre.js read "\${${REFERENCE}:-Machines/deploy}"
`;
  await writeFile(sshAskpass, script, { mode: 0o700 });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Logs in by OpenSSH's client, which asks the vault for the password by itself. @returns false if it is refused */
export async function logsInBySsh(places: Places, user: string, reference: string): Promise<boolean> {
  const env = {
    ...cleanEnvironment(),
    [REFERENCE]: reference,
    SSH_ASKPASS: places.sshAskpass,
    SSH_ASKPASS_REQUIRE: "force",
  };
  const { exitCode, output } = await run("ssh", ["-F", places.sshConfig, "-l", user, ALIAS, "id", "-un"], { env });
  if (exitCode === 0 && output.trim() === user) return true;
  if (PERMISSION_DENIED.test(output)) return false;
  throw new Trouble(`ssh ended with ${String(exitCode)}: ${output.trim()}`, "Is the machine's log of any help?");
}

/** The line by which a person logs in. */
export function loginLine({ sshAskpass, sshConfig }: Places, user: string): string {
  return `SSH_ASKPASS=${sshAskpass} SSH_ASKPASS_REQUIRE=force ssh -F ${sshConfig} ${user}@${ALIAS}`;
}
