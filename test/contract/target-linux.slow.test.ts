import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createHmac, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import ssh2 from "ssh2";
import { Secret } from "../../provider/core/secret.js";
import type { TargetSession, TargetSpec } from "../../provider/target/port.js";
import { type HostOptions, type HostUser, type LinuxHost, opensshLogsIn, startHosts } from "../fixtures/linux-hosts.js";
import { ADMIN, LinuxHarness } from "./linux-harness.js";
import { until } from "./target-contract.js";
import { newKeyPair } from "../../tools/linux-hosts/key-pair.ts";

const KEY = newKeyPair();
const OTHER_KEY = newKeyPair().public;

const USERS: HostUser[] = [
  ADMIN,
  { name: "root", password: "root's password", authorizedKeys: [KEY.public] },
  { name: "keyed", authorizedKeys: [KEY.public], password: "keyed's password", sudo: "password" },
  { name: "asked", password: "asked's password", sudo: "password" },
  { name: "narrow", password: "narrow's password", sudo: "ALL=(root) NOPASSWD: /usr/bin/id" },
  { name: "nobodys", password: "nobodys' password" },
  {
    name: "chatty",
    password: "chatty's password",
    sudo: "free",
    bashrc: 'echo "Welcome! New password:"\necho "BAD PASSWORD: only a greeting" >&2\nread -t 0.01 -r stolen\n',
  },
];

let harness: LinuxHarness;
let session: TargetSession;
let folder: string;
let number = 0;

// No hexadecimal digits: cracklib takes many neighbours among them for a system.
const newPassword = () => new Secret(`CoffreMarker-${randomBytes(18).toString("base64url")}`);
const verify = (spec: TargetSpec, password: Secret) => harness.driver.verify(spec, password, spec.address);

function specAt(host: LinuxHost, name: string, more: Record<string, unknown> = {}): TargetSpec {
  const { address, port, hostKey } = host;
  const trust = "knownHostsFile" in more || "trustOnFirstUse" in more ? {} : { hostKey };
  const way = "initialRef" in more || "self" in more ? {} : { admin: { username: ADMIN.name, passwordEnv: "UNREAD" } };
  const { self: _self, ...fields } = more;
  return harness.driver.parse({ host: address, port, ...trust, ...way, ...fields }, name);
}
const specOf = (name: string, more: Record<string, unknown> = {}) => specAt(harness.host, name, more);
const loginOf = (name: string, password: string, self = false) => harness.login(name, password, self);

/** Makes an account on the first host, changed by `commands`. */
async function newAccount({ name = `user_${String(++number)}`, commands = "true" } = {}) {
  const password = newPassword();
  await harness.makeAccount(name, password.reveal());
  await harness.host.must(commands.replaceAll("NAME", name));
  return { name, password, spec: specOf(name) };
}

/** One more machine, set up otherwise. */
const another = (options: HostOptions) => harness.hosts.add({ users: USERS, ...options });

async function sessionAt(host: LinuxHost, name: string = ADMIN.name, password: string = ADMIN.password) {
  return harness.driver.connect(specAt(host, "any"), loginOf(name, password));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-linux-"));
  harness = new LinuxHarness(await startHosts({ users: USERS, sshd: ["LogLevel VERBOSE"] }));
  session = await harness.driver.connect(specOf("any"), harness.admin);
}, 120_000);

afterAll(async () => {
  await session.close();
  await harness.stop();
  await rm(folder, { recursive: true });
});

describe("a host key", () => {
  const asked = async () => (await harness.host.log()).split("userauth-request").length;

  test("that isn't the declared one stops everything before a password is sent", async () => {
    const spec = specOf("any", { hostKey: OTHER_KEY });
    const before = await asked();
    const error = { code: "HOST_KEY_NOT_TRUSTED", problem: expect.stringContaining("declared in hostKey") as unknown };
    await expect(harness.driver.connect(spec, harness.admin)).rejects.toMatchObject(error);
    await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "not-verifiable" });
    await expect(session.set(spec, newPassword())).rejects.toMatchObject({ code: "HOST_KEY_NOT_TRUSTED" });
    expect(await asked()).toBe(before);
  });

  test("is taken by its fingerprint, or as one of several", async () => {
    const tofu = await harness.driver.connect(specOf("any", { trustOnFirstUse: true }), harness.admin);
    const fingerprint = tofu.pin?.split(" ")[1] ?? "";
    await tofu.close();
    for (const hostKey of [fingerprint, [OTHER_KEY, harness.host.hostKey]]) {
      await (await harness.driver.connect(specOf("any", { hostKey }), harness.admin)).close();
    }
  });

  test("is looked up in known hosts, plain, hashed or by pattern; a revoked one is refused", async () => {
    const { address, port, hostKey } = harness.host;
    const name = `[${address}]:${String(port)}`;
    const salt = randomBytes(20);
    const hash = createHmac("sha1", salt).update(name).digest("base64");
    const path = join(folder, "known_hosts");
    const spec = specOf("any", { knownHostsFile: path });
    const other = `[${address}]:1 ${OTHER_KEY}`;
    for (const line of [
      `${name},x ${hostKey} somebody`,
      `|1|${salt.toString("base64")}|${hash} ${hostKey}`,
      `[127.*]:${String(port)} ${hostKey}`,
    ]) {
      await writeFile(path, `# comment\n${other}\n${line}\n`);
      await (await harness.driver.connect(spec, harness.admin)).close();
    }
    await writeFile(path, `${other}\n!${name},* ${hostKey}\n`);
    const unknown = {
      code: "HOST_KEY_NOT_TRUSTED",
      problem: expect.stringContaining("isn't in the known hosts") as unknown,
    };
    await expect(harness.driver.connect(spec, harness.admin)).rejects.toMatchObject(unknown);
    await writeFile(path, `${name} ${hostKey}\n@revoked * ${hostKey}\n`);
    const revoked = { code: "HOST_KEY_NOT_TRUSTED", problem: expect.stringContaining("revoked") as unknown };
    await expect(harness.driver.connect(spec, harness.admin)).rejects.toMatchObject(revoked);
    await rm(path);
    await expect(harness.driver.connect(spec, harness.admin)).rejects.toMatchObject({ code: "CONFIGURATION" });
  });

  test("that is trusted on first use proves nothing until it is kept, and is held to then", async () => {
    const { name, password } = await newAccount();
    const spec = specOf(name, { trustOnFirstUse: true });
    await expect(verify(spec, password)).resolves.toMatchObject({ proof: "not-verifiable" });
    const learning = await harness.driver.connect(spec, harness.admin);
    const { pin = "" } = learning;
    await learning.close();
    expect(pin).toMatch(/^ssh-ed25519 SHA256:[A-Za-z0-9+/]{43}$/);
    await expect(verify({ ...spec, pin }, password)).resolves.toEqual({ proof: "works" });
    const other = { ...spec, pin: `ssh-ed25519 SHA256:${"A".repeat(43)}` };
    await expect(verify(other, password)).resolves.toMatchObject({ proof: "not-verifiable" });
    await expect(harness.driver.connect(other, harness.admin)).rejects.toMatchObject({ code: "HOST_KEY_NOT_TRUSTED" });
  });
});

describe("an account that", () => {
  test.each([
    ["is locked", "usermod -L NAME", /is locked/],
    ["has expired", "chage -E 2020-01-01 NAME", /has expired/],
    ["has a shell that isn't there", "usermod -s /bin/gone NAME", /can't be run/],
  ])("%s stops at the look", async (_what, commands, problem) => {
    const { spec } = await newAccount({ commands });
    const error = { code: "TARGET_NOT_READY", problem: expect.stringMatching(problem) as unknown };
    await expect(session.look(spec)).rejects.toMatchObject(error);
  });

  test("has expired proves its right password all the same, and no other", async () => {
    const { spec, password } = await newAccount({ commands: "chage -E 2020-01-01 NAME" });
    await expect(verify(spec, password)).resolves.toMatchObject({
      proof: "works",
      note: expect.stringContaining("expired") as unknown,
    });
    await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "refused" });
  });

  test.each([
    ["must change its password", "chage -d 0 NAME", /at the next login/],
    ["has nologin as its shell", "usermod -s /usr/sbin/nologin NAME", /nologin/],
    ["never had a password", "usermod -p '*' NAME", /no password so far/],
    ["expires soon", 'chage -E "$(( $(date +%s) / 86400 + 3 ))" NAME', /expires in 3 days/],
  ])("%s is noted, set and proven", async (_what, commands, note) => {
    const { spec } = await newAccount({ commands });
    await expect(session.look(spec)).resolves.toMatchObject({ notes: [expect.stringMatching(note)] });
    const password = newPassword();
    await expect(session.set(spec, password)).resolves.toMatchObject({ result: "set" });
    await expect(verify(spec, password)).resolves.toMatchObject({ proof: "works" });
  });

  test("must change its password proves the present one", async () => {
    const { spec, password } = await newAccount({ commands: "chage -d 0 NAME" });
    await expect(verify(spec, password)).resolves.toMatchObject({ proof: "works" });
  });

  test("is locked or not allowed in while the machine is closed stops at the look", async () => {
    const { spec } = await newAccount();
    await harness.host.must("touch /etc/nologin");
    await expect(session.look(spec)).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    await harness.host.must("rm /etc/nologin");
    await session.look(spec);
  });

  test("is to be made gets its groups, shell and keys, once, and keeps what it had", async () => {
    await harness.host.must("groupadd orders");
    const account = { create: true, groups: ["orders"], shell: "/bin/sh", authorizedKeys: [KEY.public] };
    const spec = specOf("made", { account });
    for (const _time of [1, 2])
      await expect(session.set(spec, newPassword())).resolves.toEqual({ result: "set", accountMade: true });
    await expect(harness.host.must("id -nG made")).resolves.toBe("made orders\n");
    await expect(harness.host.must("getent passwd made")).resolves.toMatch(
      /:,,,,\(made by Coffre\):\/home\/made:\/bin\/sh\n$/,
    );
    await expect(harness.host.must("cat /home/made/.ssh/authorized_keys")).resolves.toBe(`${KEY.public}\n`);
    await expect(harness.host.must("stat -c %U:%a /home/made/.ssh/authorized_keys")).resolves.toBe("made:600\n");
  });

  test("keeps a key whose line isn't ended beside those that it gets", async () => {
    const { name, password } = await newAccount();
    const spec = specOf(name, { account: { authorizedKeys: [KEY.public] } });
    const theirs = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0X8F1Y0m5mDkXqv0o2qYx0bq8dJ2p0t9f6jQ0m1l2k";
    await harness.host.must(
      `runuser -u ${name} -- sh -c "mkdir ~/.ssh && printf %s '${theirs}' > ~/.ssh/authorized_keys"`,
    );
    for (const _time of [1, 2]) await session.set(spec, password);
    await expect(harness.host.must(`cat /home/${name}/.ssh/authorized_keys`)).resolves.toBe(
      `${theirs}\n${KEY.public}\n`,
    );
  });

  test("was locked by a person stays so, whatever the account wrote of itself", async () => {
    const { name, spec, password } = await newAccount();
    await harness.host.must(`runuser -u ${name} -- chfn -r "(disabled by Coffre)" ${name}`, `${password.reveal()}\n`);
    await harness.host.must(`passwd -l ${name} && chage -E 1 ${name}`);
    const error = { code: "TARGET_NOT_READY", problem: expect.stringContaining("is locked") as unknown };
    await expect(session.look(spec)).rejects.toMatchObject(error);
    await session.set(spec, password);
    await expect(harness.host.must(`getent shadow ${name} | cut -d: -f8`)).resolves.toBe("1\n");
  });

  test("says of itself that Coffre disabled or made it is disabled all the same, and counts as nobody's", async () => {
    const { name, spec, password } = await newAccount();
    const marks = "(disabled by Coffre) (made by Coffre)";
    await harness.host.must(`runuser -u ${name} -- chfn -r "${marks}" ${name}`, `${password.reveal()}\n`);
    await expect(session.set(spec, password)).resolves.toEqual({ result: "set", accountMade: false });
    await session.remove(spec, "disable");
    await expect(harness.host.must(`passwd -S ${name}`)).resolves.toMatch(/^\S+ L /);
    await session.look(spec); // a new credential may enable it
    const again = newPassword();
    await session.set(spec, again);
    await expect(verify(spec, again)).resolves.toEqual({ proof: "works" });
  });

  test("was disabled by Coffre, opened by a person and locked again by one is that person's", async () => {
    const { name, spec } = await newAccount();
    await session.remove(spec, "disable");
    await harness.host.must(`usermod -U -e "" ${name} && passwd -l ${name}`);
    await expect(session.look(spec)).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    await harness.host.must(`usermod -U ${name} && usermod --lock --expiredate 1 ${name}`); // as usermod's own page says
    await expect(session.look(spec)).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
  });

  test.each(["passwd -l NAME", "usermod --lock --expiredate 1 NAME"])(
    "was locked by a person (%s) and lost its credential stays locked for the next one",
    async (commands) => {
      const { name, spec } = await newAccount({ commands });
      await session.remove(spec, "disable");
      await expect(harness.host.must(`getent shadow ${name} | cut -d: -f8`)).resolves.not.toBe("\n");
      await expect(session.look(spec)).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    },
  );

  test("is to be in a group that isn't there stops at the look", async () => {
    const { name } = await newAccount();
    const spec = specOf(name, { account: { groups: ["nowhere"] } });
    await expect(session.look(spec)).rejects.toMatchObject({
      code: "TARGET_NOT_READY",
      problem: expect.stringContaining("nowhere") as unknown,
    });
  });
});

describe("rights", () => {
  test.each(["narrow", "nobodys"])("that are too few are FORBIDDEN at the look: %s", async (name) => {
    const narrow = await sessionAt(harness.host, name, USERS.find((user) => user.name === name)?.password ?? "");
    const { spec } = await newAccount();
    const error: unknown = await narrow.look(spec).catch((problem: unknown) => problem);
    expect(error).toMatchObject({ code: "FORBIDDEN", problem: expect.stringContaining(name) as unknown });
    await expect(narrow.set(spec, newPassword())).resolves.toMatchObject({ result: "refused" });
    await narrow.close();
  });

  test("by sudo with a password are had by typing it at sudo's own prompt", async () => {
    const asked = await sessionAt(harness.host, "asked", "asked's password");
    const { spec } = await newAccount();
    const password = newPassword();
    await expect(asked.look(spec)).resolves.toMatchObject({ accountExists: true });
    await expect(asked.set(spec, password)).resolves.toMatchObject({ result: "set" });
    await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    await asked.close();
  });

  test("by a sudo that asks twice are refused, and nothing is typed at the second prompt", async () => {
    const host = await another({
      files: { "/etc/sudoers.d/root-password": "Defaults rootpw\n" }, // so that the login's own is asked for again
    });
    const asked = await sessionAt(host, "asked", "asked's password");
    const forbidden = { code: "FORBIDDEN", problem: expect.stringContaining("again") as unknown };
    await expect(asked.look(specAt(host, "nobodys"))).rejects.toMatchObject(forbidden);
    await expect(asked.set(specAt(host, "nobodys"), newPassword())).resolves.toMatchObject({ result: "refused" });
    await asked.close();
    await expect(canStillLogIn(host, "nobodys")).resolves.toBe(true);
  });

  test.each([
    ["keeps the value", "", true],
    ["keeps nothing of it, once told so for timeout", "Defaults!/usr/bin/timeout !log_input\n", false],
  ])("by a sudo that logs input: its log %s", async (_what, more, isKept) => {
    const files = { "/etc/sudoers.d/log": `Defaults log_input, !compress_io, iolog_dir=/var/log/input\n${more}` };
    const host = await another({ files });
    const admin = await sessionAt(host);
    const password = newPassword();
    await expect(admin.set(specAt(host, "nobodys"), password)).resolves.toMatchObject({ result: "set" });
    await admin.close();
    const { exitCode } = await host.exec(`grep -rqF ${password.reveal()} /var/log/input`);
    expect(exitCode === 0).toBe(isKept);
  });

  test("of root itself, and proof of root's own password, need PermitRootLogin", async () => {
    await expect(session.look(specOf("root"))).rejects.toMatchObject({ code: "NOT_VERIFIABLE" });
    const host = await another({ sshd: ["PermitRootLogin yes"] });
    const root = await sessionAt(host, "root", "root's password");
    const password = newPassword();
    await expect(root.look(specAt(host, "root"))).resolves.toEqual({ accountExists: true, notes: [] });
    await expect(root.set(specAt(host, "root"), password)).resolves.toMatchObject({ result: "set" });
    await expect(verify(specAt(host, "root"), password)).resolves.toEqual({ proof: "works" });
    await root.close();
  });

  test("of a login whose profile prints and reads are not confused by it", async () => {
    const chatty = await sessionAt(harness.host, "chatty", "chatty's password");
    const { spec } = await newAccount();
    const password = newPassword();
    await expect(chatty.look(spec)).resolves.toEqual({ accountExists: true, notes: [] });
    await expect(chatty.set(spec, password)).resolves.toEqual({ result: "set", accountMade: false });
    await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    await chatty.close();
  });
});

async function canStillLogIn(host: LinuxHost, username: string): Promise<boolean> {
  const { address, port, hostKey } = host;
  const password = USERS.find((user) => user.name === username)?.password ?? "";
  return opensshLogsIn({ address, port, hostKey, username, password });
}

describe("an admin with a key", () => {
  const keySpec = (name: string, keyFile: string, more = {}) =>
    specOf(name, { admin: { username: "keyed", keyFile, ...more } });

  test("logs in by it, and sudo gets the password beside it", async () => {
    const path = join(folder, "key");
    await writeFile(path, KEY.private, { mode: 0o600 });
    const { name } = await newAccount();
    const spec = keySpec(name, path, { passwordEnv: "UNREAD" });
    const keyed = await harness.driver.connect(spec, loginOf("keyed", "keyed's password"));
    await expect(keyed.set(spec, newPassword())).resolves.toMatchObject({ result: "set" });
    await keyed.close();
    const bare = await harness.driver.connect(spec, loginOf("keyed", ""));
    const error = { code: "FORBIDDEN", problem: expect.stringContaining("none is known") as unknown };
    await expect(bare.look(spec)).rejects.toMatchObject(error);
    await bare.close();
  });

  test("may have it in the vault", async () => {
    const host = await another({ sshd: ["PermitRootLogin prohibit-password"] });
    const spec = specAt(host, "nobodys");
    const root = await harness.driver.connect(spec, loginOf("root", KEY.private));
    await expect(root.set(spec, newPassword())).resolves.toMatchObject({ result: "set" });
    await root.close();
  });

  test("may leave it with an agent", async () => {
    const path = join(folder, "agent-key");
    const socket = join(folder, "agent");
    await writeFile(path, KEY.private, { mode: 0o600 });
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    try {
      await until(() => existsSync(socket));
      await promisify(execFile)("ssh-add", ["-q", path], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      const spec = specOf("nobodys", { admin: { username: "keyed", agent: true } });
      const without = { code: "CONFIGURATION", problem: expect.stringContaining("SSH_AUTH_SOCK") as unknown };
      delete process.env["SSH_AUTH_SOCK"];
      await expect(harness.driver.connect(spec, loginOf("keyed", ""))).rejects.toMatchObject(without);
      process.env["SSH_AUTH_SOCK"] = socket;
      await (await harness.driver.connect(spec, loginOf("keyed", ""))).close();
    } finally {
      delete process.env["SSH_AUTH_SOCK"];
      agent.kill();
    }
  });

  test("that nobody knows there is LOGIN_REFUSED; one that can't be used is CONFIGURATION", async () => {
    const path = join(folder, "other-key");
    await writeFile(path, newKeyPair().private);
    await expect(harness.driver.connect(keySpec("any", path), loginOf("keyed", ""))).rejects.toMatchObject({
      code: "LOGIN_REFUSED",
    });
    const locked = ssh2.utils.generateKeyPairSync("ed25519", {
      passphrase: "secret",
      cipher: "aes256-ctr",
      rounds: 16,
    });
    await writeFile(path, locked.private);
    const configuration = { code: "CONFIGURATION", problem: expect.stringContaining("passphrase") as unknown };
    await expect(harness.driver.connect(keySpec("any", path), loginOf("keyed", ""))).rejects.toMatchObject(
      configuration,
    );
    await writeFile(path, "no key");
    await expect(harness.driver.connect(keySpec("any", path), loginOf("keyed", ""))).rejects.toMatchObject({
      code: "CONFIGURATION",
    });
  });
});

describe("a server that takes no passwords", () => {
  test("stops the rotation at the look, and is never told one", async () => {
    const host = await another({ sshd: ["Match User nobodys", "PasswordAuthentication no", "Match all"] });
    const admin = await sessionAt(host);
    const spec = specAt(host, "nobodys");
    const error = { code: "NOT_VERIFIABLE", problem: expect.stringContaining("takes no passwords") as unknown };
    await expect(admin.look(spec)).rejects.toMatchObject(error);
    await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "not-verifiable" });
    await expect(admin.look(specAt(host, "nobodys", { verify: "none" }))).resolves.toMatchObject({
      accountExists: true,
    });
    await admin.close();
    await expect(host.refusedLogins()).resolves.toBe(0);
  });

  test("of an admin is TARGET_NOT_READY, and not a refused login", async () => {
    const host = await another({ sshd: ["PasswordAuthentication no"] });
    const error = { code: "TARGET_NOT_READY", problem: expect.stringContaining("takes no passwords") as unknown };
    await expect(sessionAt(host)).rejects.toMatchObject(error);
  });

  test("but by questions is answered as by any other", async () => {
    const host = await another({ sshd: ["PasswordAuthentication no", "KbdInteractiveAuthentication yes"] });
    const admin = await sessionAt(host);
    const [spec, password] = [specAt(host, "nobodys"), newPassword()];
    await admin.look(spec);
    await expect(admin.set(spec, password)).resolves.toMatchObject({ result: "set" });
    await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "refused" });
    await expect(host.refusedLogins({ user: "nobodys" })).resolves.toBe(1);
    await admin.close();
  });
});

describe("PAM", () => {
  test("that refuses a value says so for certain, and changes nothing", async () => {
    const host = await another({ pam: { quality: "minlen=14 enforce_for_root", history: 5 } });
    const admin = await sessionAt(host);
    const spec = specAt(host, "nobodys");
    const first = newPassword();
    await expect(admin.set(spec, first)).resolves.toMatchObject({ result: "set" });
    await expect(admin.set(spec, newPassword())).resolves.toMatchObject({ result: "set" });
    for (const [value, reason] of [
      ["x7$Kq", /shorter than/],
      ["administrator1", /dictionary/],
      [first.reveal(), /already used/],
    ] as const) {
      const result = await admin.set(spec, new Secret(value));
      expect(result).toMatchObject({ result: "value-refused", reason: expect.stringMatching(reason) as unknown });
      expect(JSON.stringify(result)).not.toContain(value);
    }
    await admin.close();
  });

  /** What PAM does with a new password, in place of the host's own rules. */
  const withRules = (...rules: string[]) =>
    another({ files: { "/etc/pam.d/common-password": rules.map((rule) => `password ${rule}\n`).join("") } });
  const LATE_FAILURE = [
    "required pam_unix.so obscure use_authtok try_first_pass sha512",
    "required pam_exec.so quiet /bin/false",
  ];

  test("that warns root and fails after the change leaves it in doubt, since the value is in force", async () => {
    const host = await withRules("requisite pam_pwquality.so retry=3 minlen=60", ...LATE_FAILURE);
    const admin = await sessionAt(host);
    const [spec, password] = [specAt(host, "nobodys"), newPassword()];
    await expect(admin.set(spec, password)).resolves.toMatchObject({ result: "in-doubt" });
    await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    await admin.close();
  });

  test.each([
    ["by passwd", []],
    ["in the login's own dialogue", ["PasswordAuthentication no", "KbdInteractiveAuthentication yes"]],
  ])("that fails after an account has changed itself %s leaves it in doubt, too", async (_how, sshd) => {
    const users = [{ name: "fresh", password: "first-boot-Password", mustChange: sshd.length > 0 }];
    const [first = "", ...rest] = LATE_FAILURE;
    const rules = [first.replace("use_authtok ", ""), "optional pam_echo.so BAD PASSWORD: only a warning", ...rest];
    const files = { "/etc/pam.d/common-password": rules.map((rule) => `password ${rule}\n`).join("") };
    const host = await another({ users, sshd, files });
    const spec = specAt(host, "fresh", { self: true });
    const own = await harness.driver.connect(spec, loginOf("fresh", "first-boot-Password", true));
    const password = newPassword();
    await expect(own.set(spec, password)).resolves.toMatchObject({ result: "in-doubt" });
    await own.close();
    await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
  });

  test("that greets with words about new passwords, and then refuses the account, has refused no value", async () => {
    const host = await withRules("optional pam_echo.so Choose a new password by our rules.", "requisite pam_deny.so");
    const spec = specAt(host, "nobodys", { self: true });
    const own = await harness.driver.connect(spec, loginOf("nobodys", "nobodys' password", true));
    await expect(own.set(spec, newPassword())).resolves.toMatchObject({ result: "refused" });
    await own.close();
  });

  test("is obeyed by an account that changes itself, too", async () => {
    const host = await another({ pam: { quality: "minlen=14" } });
    const spec = specAt(host, "nobodys", { self: true });
    const own = await harness.driver.connect(spec, loginOf("nobodys", "nobodys' password", true));
    const refused = { result: "value-refused", reason: expect.stringMatching(/shorter than/) as unknown };
    await expect(own.set(spec, new Secret("x7$Kq"))).resolves.toMatchObject(refused);
    const password = newPassword();
    await expect(own.set(spec, password)).resolves.toMatchObject({ result: "set" });
    await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    await own.close();
  });
});

describe("an account that changes itself", () => {
  const changes = async (host: LinuxHost, name: string, before: string) => {
    const spec = specAt(host, name, { self: true });
    const own = await harness.driver.connect(spec, loginOf(name, before, true));
    const look = await own.look(spec);
    const password = newPassword();
    await expect(own.set(spec, password)).resolves.toEqual({ result: "set", accountMade: false });
    await own.close();
    await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    await expect(verify(spec, new Secret(before))).resolves.toMatchObject({ proof: "refused" });
    return look;
  };

  test("does so by passwd, or by chpasswd if it may run everything", async () => {
    const host = await another({});
    expect((await changes(host, "nobodys", "nobodys' password")).notes).toEqual([
      expect.stringContaining("its own password"),
    ]);
    expect((await changes(host, ADMIN.name, ADMIN.password)).notes).toEqual([]);
  });

  test.each([
    ["over a terminal", []],
    ["in the login's own dialogue", ["PasswordAuthentication no", "KbdInteractiveAuthentication yes"]],
  ])("and must do so does it %s", async (_how, sshd) => {
    const users = [{ name: "fresh", password: "first-boot-Password", mustChange: true }];
    const host = await another({ users, sshd });
    const look = await changes(host, "fresh", "first-boot-Password");
    expect(look.notes).toContainEqual(expect.stringContaining("at its next login"));
  });

  test("does so by a passwd that asks once and warns, too", async () => {
    const host = await another({});
    const once = [
      '[ "$1" = -S ] && exec passwd.real -S',
      'printf "Current password: " >&2; read -r old; printf "New password: " >&2; read -r new',
      'echo "BAD PASSWORD: taken all the same" >&2',
      'printf "%s\\n" "$old" "$new" "$new" | passwd.real >/dev/null 2>&1',
    ];
    await host.must("mv /usr/bin/passwd /usr/bin/passwd.real");
    await host.must("cat > /usr/bin/passwd && chmod 755 /usr/bin/passwd", `#!/bin/sh\n${once.join("\n")}\n`);
    await changes(host, "nobodys", "nobodys' password");
  });

  test("and may not do so yet stops at the look", async () => {
    const host = await another({ users: [{ name: "young", password: "young's password", minimumDays: 7 }] });
    const spec = specAt(host, "young", { self: true });
    const own = await harness.driver.connect(spec, loginOf("young", "young's password", true));
    await expect(own.look(spec)).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    await own.close();
  });
});

describe("a machine in trouble", () => {
  test("that drops connections because too many are open is UNREACHABLE, and refuses nobody", async () => {
    const host = await another({ sshd: ["MaxStartups 1:100:1"] });
    const held = await hold(host);
    const spec = specAt(host, "nobodys");
    const error = { code: "UNREACHABLE", details: { refusedConnect: true } };
    await expect(sessionAt(host)).rejects.toMatchObject(error);
    await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "unreachable" });
    held.destroy();
    await expect(host.refusedLogins()).resolves.toBe(0);
  });

  test("that is slow gives up in half of the time that is left after the calls before", async () => {
    const rules = ["optional pam_exec.so quiet /bin/sleep 3", "required pam_unix.so sha512"];
    const files = { "/etc/pam.d/common-password": rules.map((rule) => `password ${rule}\n`).join("") };
    const host = await another({ files });
    const admin = await sessionAt(host);
    const spec = specAt(host, "nobodys", { limits: { setMs: 9_000 } });
    const [first, second] = await Promise.all([admin.set(spec, newPassword()), admin.set(spec, newPassword())]);
    expect(first).toMatchObject({ result: "set" });
    expect(second).toMatchObject({ result: "in-doubt", reason: expect.stringContaining("was ended") as unknown });
    await admin.close();
  });

  test("that freezes before it takes the value has changed nothing", async () => {
    const host = await another({});
    const admin = await sessionAt(host);
    const spec = { ...specAt(host, "nobodys"), limits: { connectMs: 1_000, setMs: 1_000, verifyMs: 500 } };
    host.pause();
    await expect(admin.set(spec, newPassword())).resolves.toMatchObject({ result: "refused" });
    await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "unreachable" });
    host.resume();
    await admin.close();
    await expect(canStillLogIn(host, "nobodys")).resolves.toBe(true);
  });
});

describe("a password that was sent", () => {
  test("and to which sshd hangs up, since it was one refusal too many, is refused", async () => {
    const host = await another({ sshd: ["MaxAuthTries 1"] });
    const [spec, wrong] = [specAt(host, "nobodys"), newPassword()];
    await expect(verify(spec, wrong)).resolves.toMatchObject({ proof: "refused" });
    const error = { code: "LOGIN_REFUSED", problem: expect.stringContaining("refused the password") as unknown };
    await expect(sessionAt(host, ADMIN.name, wrong.reveal())).rejects.toMatchObject(error);
  });

  test("and is refused works no better for a banner that speaks of accounts that have expired", async () => {
    const words =
      "If your account has expired, call the desk.\nYour account has expired; please contact your system administrator.\n";
    const host = await another({
      sshd: ["MaxAuthTries 1", "Banner /etc/issue.net"],
      files: { "/etc/issue.net": words },
    });
    await expect(verify(specAt(host, "nobodys"), newPassword())).resolves.toMatchObject({ proof: "refused" });
  });

  test("and is right where a key is wanted beside it is proven, and no refused login of an admin", async () => {
    const host = await another({ sshd: ["AuthenticationMethods password,publickey"] });
    const spec = specAt(host, "nobodys");
    const right = new Secret("nobodys' password");
    await expect(verify(spec, right)).resolves.toMatchObject({
      proof: "works",
      note: expect.stringContaining("factor"),
    });
    await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "refused" });
    const error = { code: "TARGET_NOT_READY", details: { accepted: true } };
    await expect(sessionAt(host)).rejects.toMatchObject(error);
    await expect(sessionAt(host, ADMIN.name, "wrong")).rejects.toMatchObject({ code: "LOGIN_REFUSED" });
  });

  test("and isn't answered in time is unanswered, which isn't out of reach", async () => {
    const host = await another({
      files: { "/etc/pam.d/sshd": `auth optional pam_faildelay.so delay=3000000\n${PAM}` },
    });
    const limits = { connectMs: 1_500, setMs: 1_500, verifyMs: 1_500 };
    const [spec, wrong] = [{ ...specAt(host, "nobodys"), limits }, newPassword()];
    await expect(verify(spec, wrong)).resolves.toMatchObject({ proof: "unanswered" });
    const error = { code: "UNREACHABLE", details: { unanswered: true } };
    await expect(harness.driver.connect(spec, loginOf(ADMIN.name, "wrong"))).rejects.toMatchObject(error);
    const interrupted = harness.driver.connect(
      specAt(host, "any"),
      loginOf(ADMIN.name, "wrong"),
      AbortSignal.timeout(1_000),
    );
    await expect(interrupted).rejects.toMatchObject({ code: "INTERRUPTED", details: { unanswered: true } });
  });
});

/** Who logs in by SSH: the account's own rules, and nothing of this machine's. */
const PAM = "@include common-auth\n@include common-account\n@include common-session\n@include common-password\n";

/** A connection that says nothing and takes the one place, once the one that found the machine up has left it. */
async function hold({ address, port }: LinuxHost): Promise<Socket> {
  for (;;) {
    const socket = connect({ host: address, port });
    const words = await new Promise<string>((resolve) => {
      socket.once("data", (chunk) => resolve(chunk.toString()));
      socket.once("error", () => resolve(""));
    });
    if (words.startsWith("SSH-")) return socket;
    socket.destroy();
  }
}
