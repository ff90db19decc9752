import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { requireUrl, resolveConfiguration, resolveOtherVault } from "../../provider/config/index.js";
import type { ConfigurationInput } from "../../provider/config/index.js";
import { writeUserConfiguration } from "../../provider/config/write.js";

let folder: string;
let home: string;
let project: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "coffre-configuration-")));
  home = join(folder, "home");
  project = join(folder, "project");
  for (const made of [home, join(project, "src")]) mkdirSync(made, { recursive: true });
  writeFileSync(join(project, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a command finds that runs in the project, with these in addition. */
function find({ env = {}, ...rest }: Partial<ConfigurationInput> = {}) {
  return resolveConfiguration({ env: { HOME: home, ...env }, cwd: project, ...rest });
}

function write(path: string, text: string, mode = 0o600): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  chmodSync(full, mode); // the mask would cut a mode that is given to writeFileSync
  return full;
}

describe("precedence", () => {
  const places: [string, (url: string) => Partial<ConfigurationInput>, string][] = [
    ["flag", (url) => ({ flags: { url } }), "flag --vault"],
    ["environment", (url) => ({ env: { COFFRE_URL: url } }), "environment variable COFFRE_URL"],
    ["stack configuration", (url) => ({ stack: { "coffre:url": url } }), "stack configuration coffre:url"],
    ["coffre.yaml", (url) => (write("project/coffre.yaml", `url: ${url}\n`), {}), "project/coffre.yaml"],
    ["user's configuration", (url) => (write("home/.config/coffre/config.yaml", `url: ${url}\n`), {}), "home/.config"],
  ];

  test.each(places.map((place, index) => [place[0], index] as const))(
    "%s goes before everything after it",
    (_, index) => {
      let input: Partial<ConfigurationInput> = {};
      for (const [position, [, put]] of places.entries()) {
        if (position >= index) input = { ...input, ...put(`file:///srv/${position}.db`) };
      }
      const found = find(input);
      expect(found.url).toEqual({ scheme: "file", path: `/srv/${index}.db`, href: `file:///srv/${index}.db` });
      expect(found.sources.url).toContain(places[index]?.[2]);
    },
  );

  test("each setting is decided on its own, and the defaults are named as such", () => {
    write("project/coffre.yaml", "url: file:///a.db\npreviewReads: false\nrootCategory: Production/Données\n");
    const found = find({
      env: { COFFRE_URL: "file:///b.db", COFFRE_OWNER: "eu" },
      stack: { "coffre:rotateDue": "true" },
    });
    expect(found).toMatchObject({
      url: { path: "/b.db" },
      previewReads: false,
      rotateDue: true,
      rootCategory: ["Production", "Données"],
      owner: "eu",
      sources: { owner: "environment variable COFFRE_OWNER", previewReads: join(project, "coffre.yaml") },
    });
    expect(find({ cwd: folder })).toEqual({
      url: undefined,
      rootCategory: [],
      previewReads: true,
      rotateDue: false,
      verifyOnRefresh: false,
      onDrift: "mend",
      owner: undefined,
      key: undefined,
      token: undefined,
      lockself: { authToken: undefined, lsToken: undefined, routes: {} },
      sources: { previewReads: "default", rotateDue: "default", verifyOnRefresh: "default", onDrift: "default" },
    });
  });

  test("an empty variable is an unset one, and options that are no settings are nobody's business", () => {
    expect(find({ env: { COFFRE_URL: "", COFFRE_KEY: "" }, flags: { json: true, url: undefined } })).toMatchObject({
      url: undefined,
      key: undefined,
    });
    expect(find({ stack: { "shop:url": "x", "aws:region": "eu" } }).url).toBeUndefined();
  });

  test("no vault at all is an error that names the places", () => {
    expect(() => requireUrl(find())).toThrow(
      /CONFIGURATION: No vault is configured.*--vault.*COFFRE_URL.*coffre:url.*coffre.yaml/s,
    );
  });
});

describe("files are found", () => {
  test("from a folder deep in the project, and relative URLs start where they are named", () => {
    write("project/coffre.yaml", "url: file://./data/coffre.db\n");
    expect(find({ cwd: join(project, "src") }).url?.path).toBe(join(project, "data/coffre.db"));
    expect(find({ cwd: join(project, "src"), env: { COFFRE_URL: "file://./e.db" } }).url?.path).toBe(
      join(project, "e.db"),
    );
    expect(find({ cwd: join(project, "src"), flags: { url: "file://../f.db" } }).url?.path).toBe(join(folder, "f.db"));
    expect(find({ cwd: folder, flags: { url: "file://./g.db" } }).url?.path).toBe(join(folder, "g.db"));
    expect(find({ env: { COFFRE_URL: "file://~/h%20i.db" } }).url).toEqual({
      scheme: "file",
      path: join(home, "h i.db"),
      href: `file://${home}/h%20i.db`,
    });
  });

  test("without a Pulumi project too, and never above the first project", () => {
    write("alone/coffre.yaml", "url: file://./x.db\n");
    mkdirSync(join(folder, "alone/deep"));
    expect(find({ cwd: join(folder, "alone/deep") }).url?.path).toBe(join(folder, "alone/x.db"));
    write("coffre.yaml", "url: file:///above.db\n");
    expect(find().url).toBeUndefined();
  });

  test("under XDG_CONFIG_HOME where that is set, else under ~/.config", () => {
    write("home/.config/coffre/config.yaml", "url: file://./a.db\n");
    write("xdg/coffre/config.yaml", "url: file:///b.db\n");
    expect(find().url?.path).toBe(join(home, ".config/coffre/a.db"));
    expect(find({ env: { XDG_CONFIG_HOME: join(folder, "xdg") } }).url?.path).toBe("/b.db");
    expect(find({ env: { XDG_CONFIG_HOME: "relative" } }).url?.path).toBe(join(home, ".config/coffre/a.db"));
  });

  // Only root can give a file away.
  const testAsRoot = process.getuid?.() === 0 ? test : test.skip;
  testAsRoot("but one that another user put where all may write is refused", () => {
    const path = write("shared/coffre.yaml", "url: file:///theirs.db\n");
    chmodSync(join(folder, "shared"), 0o1777);
    expect(find({ cwd: join(folder, "shared") }).url?.path).toBe("/theirs.db");
    chownSync(path, 65534, 65534);
    expect(() => find({ cwd: join(folder, "shared") })).toThrow(`CONFIGURATION: ${path} belongs to another user`);
    chmodSync(join(folder, "shared"), 0o755);
    expect(find({ cwd: join(folder, "shared") }).url?.path).toBe("/theirs.db");
  });
});

describe("a configuration that can't be right is refused, naming its source:", () => {
  test.each<[string, () => Partial<ConfigurationInput>, RegExp]>([
    [
      "unknown key in a file",
      () => (write("project/coffre.yaml", "ulr: file:///x\n"), {}),
      /ulr: in .*coffre\.yaml is unknown.*Known are url, /s,
    ],
    [
      "secret in a file",
      () => (write("project/coffre.yaml", "passphrase: hunter2\n"), {}),
      /passphrase: in .* would be a secret in a file.*passphraseFile:/s,
    ],
    [
      "list instead of settings",
      () => (write("project/coffre.yaml", "- hunter2\n"), {}),
      /coffre\.yaml must hold settings/,
    ],
    [
      "YAML that can't be read",
      () => (write("project/coffre.yaml", "url: x\nkeyFile: [hunter2\n"), {}),
      /coffre\.yaml isn't valid YAML: line \d/,
    ],
    [
      "a key twice",
      () => (write("project/coffre.yaml", "url: x\nurl: y\n"), {}),
      /coffre\.yaml isn't valid YAML: line 2, DUPLICATE_KEY/,
    ],
    ["a number as URL", () => (write("project/coffre.yaml", "url: 7\n"), {}), /url: in .*coffre\.yaml must be text/],
    ["a folder as file", () => (mkdirSync(join(project, "coffre.yaml")), {}), /coffre\.yaml can't be read \(EISDIR\)/],
    [
      "unknown stack configuration",
      () => ({ stack: { "coffre:previewRead": "true" } }),
      /stack configuration coffre:previewRead is unknown/,
    ],
    [
      "a switch that is neither",
      () => ({ env: { COFFRE_PREVIEW_READS: "maybe" } }),
      /environment variable COFFRE_PREVIEW_READS must be true or false/,
    ],
    ["an empty flag", () => ({ flags: { keyFile: "" } }), /flag --key-file is empty/],
    [
      "a root category with a gap",
      () => ({ stack: { "coffre:rootCategory": "A//B" } }),
      /rootCategory \(stack configuration coffre:rootCategory\).*is empty/,
    ],
    [
      "no scheme",
      () => ({ env: { COFFRE_URL: "./hunter2" } }),
      /The vault's URL \(environment variable COFFRE_URL\) has no scheme/,
    ],
    [
      "unknown scheme",
      () => ({ flags: { url: "ftp://me:hunter2@x" } }),
      /\(flag --vault\) has the unknown scheme ftp:\/\/.*Start it with file:\/\/, coffre\+https:\/\/, .*kdbx:\/\/\.$/s,
    ],
    ["file URL with a host", () => ({ flags: { url: "file://srv/hunter2" } }), /names no file.*file:\/\/\.\/relative/s],
    ["file URL of a folder", () => ({ flags: { url: "file:///srv/" } }), /names a folder/],
    ["file URL of the folder above", () => ({ flags: { url: "file://./.." } }), /names a folder/],
    ["file URL with a query", () => ({ flags: { url: "file:///x?mode=ro" } }), /has a \? or a #/],
    ["file URL with a broken escape", () => ({ flags: { url: "file:///100%" } }), /has a % that/],
    ["file URL with a NUL", () => ({ flags: { url: "file:///a%00b" } }), /has a control character/],
    [
      "key and passphrase at one place",
      () => ({ env: { COFFRE_KEY: "hunter2", COFFRE_PASSPHRASE_FILE: "x" } }),
      /COFFRE_KEY and .*COFFRE_PASSPHRASE_FILE contradict/,
    ],
    [
      "key file and transit key at one place",
      () => ({ env: { COFFRE_KEY_FILE: "x", COFFRE_TRANSIT_KEY: "vault+https://h/transit?key=a" } }),
      /COFFRE_KEY_FILE and .*COFFRE_TRANSIT_KEY contradict/,
    ],
    [
      "transit key without a name",
      () => ({ env: { COFFRE_TRANSIT_KEY: "vault+https://h/transit" } }),
      /\(environment variable COFFRE_TRANSIT_KEY\) names no key/,
    ],
    [
      "transit key of another scheme",
      () => ({ env: { COFFRE_TRANSIT_KEY: "https://hunter2@h/transit?key=a" } }),
      /transit key's URL .* can't be read.*vault\+https:/s,
    ],
    [
      "transit key with a password in it",
      () => ({ env: { COFFRE_TRANSIT_KEY: "vault+https://me:hunter2@h/transit?key=a" } }),
      /user name or password in it/,
    ],
    [
      "transit key with a root",
      () => ({ env: { COFFRE_TRANSIT_KEY: "vault+https://h/transit?key=a&root=b" } }),
      /has a root/,
    ],
    [
      "token and its file at one place",
      () => ({ env: { COFFRE_TOKEN: "hunter2", COFFRE_TOKEN_FILE: "x" } }),
      /COFFRE_TOKEN_FILE contradict/,
    ],
  ])("%s", (_, put, message) => {
    const attempt = () => find(put());
    let seen: unknown;
    try {
      attempt();
    } catch (error) {
      seen = error;
    }
    expect(seen).toMatchObject({ code: "CONFIGURATION" });
    expect((seen as Error).message).toMatch(message);
    expect((seen as Error).message).not.toContain("hunter2");
  });
});

describe("a KeePass file", () => {
  const urlOf = (url: string) => find({ flags: { url } }).url;

  test("is named by its path, and by that of its key file if it needs one", () => {
    expect(urlOf("kdbx:///srv/a%20team.kdbx")).toEqual({
      scheme: "kdbx",
      path: "/srv/a team.kdbx",
      href: "kdbx:///srv/a%20team.kdbx",
    });
    expect(urlOf("kdbx:///srv/t.kdbx?keyFile=/srv/t.keyx")).toMatchObject({
      path: "/srv/t.kdbx",
      keyFile: "/srv/t.keyx",
      href: "kdbx:///srv/t.kdbx?keyFile=/srv/t.keyx",
    });
  });

  test.each(["kdbx:///srv/t.kdbx?password=hunter2", "kdbx:///srv/t.kdbx?keyFile=", "kdbx:///srv/", "kdbx://t.kdbx"])(
    "%s is refused",
    (url) => {
      expect(() => urlOf(url)).toThrow(/^CONFIGURATION: The vault's URL/);
      expect(() => urlOf(url)).not.toThrow("hunter2");
    },
  );
});

describe("keys, passphrases and tokens", () => {
  test("from a file lose one line break at the end, and nothing else", () => {
    for (const [text, value] of [
      ["correct horse\n", "correct horse"],
      ["correct horse\r\n", "correct horse"],
      ["two\n\n", "two\n"],
      [" spaces ", " spaces "],
    ] as const) {
      const file = write("secret", text);
      const { key } = find({ env: { COFFRE_PASSPHRASE_FILE: file } });
      expect(key).toMatchObject({ kind: "passphrase", file, source: "environment variable COFFRE_PASSPHRASE_FILE" });
      expect(key?.read().reveal()).toBe(value);
    }
  });

  test("from a variable or the stack are taken as they are, and don't print", () => {
    const found = find({ env: { COFFRE_KEY: "hunter2" }, stack: { "coffre:token": "hunter3" } });
    expect([found.key?.kind, found.key?.read().reveal(), found.token?.read().reveal()]).toEqual([
      "key",
      "hunter2",
      "hunter3",
    ]);
    expect(found.key).not.toHaveProperty("file");
    expect(inspect(found, { depth: null, showHidden: true })).not.toMatch(/hunter/);
    expect(JSON.stringify(found)).not.toMatch(/hunter/);
  });

  test("the first place that has a key or a passphrase decides", () => {
    write("home/.config/coffre/config.yaml", "keyFile: ~/user.key\n");
    expect(find().key).toMatchObject({ kind: "key", file: join(home, "user.key") });
    expect(find({ env: { COFFRE_PASSPHRASE: "x" } }).key).toMatchObject({ kind: "passphrase" });
  });

  test("a transit key is one of them: the first place decides, also against a key", () => {
    write("home/.config/coffre/config.yaml", "keyFile: ~/user.key\n");
    const url = "vault+https://vault.example.com/team/transit?caFile=ca.pem&key=coffre&auth=approle&roleId=r";
    const found = find({ env: { COFFRE_TRANSIT_KEY: url } });
    expect(found.key).toBeUndefined();
    expect(found.transitKey).toMatchObject({
      origin: "https://vault.example.com:8200",
      mount: "team/transit",
      key: "coffre",
      caFile: join(project, "ca.pem"),
      login: { by: "approle", roleId: "r" },
    });
    expect(find({ env: { COFFRE_TRANSIT_KEY: found.transitKey?.href ?? "" } }).transitKey).toEqual(found.transitKey);
    const flag = find({ env: { COFFRE_TRANSIT_KEY: url }, flags: { keyFile: "a.key" } });
    expect([flag.transitKey, flag.key?.file]).toEqual([undefined, join(project, "a.key")]);
    writeUserConfiguration({ transitKey: url }, { HOME: home });
    expect([find().transitKey?.key, find().key]).toEqual(["coffre", undefined]);
  });

  test("paths start where they are named: a flag's in the current folder", () => {
    write("project/coffre.yaml", "keyFile: a.key\ntokenFile: /run/token\n");
    const cwd = join(project, "src");
    expect(find({ cwd })).toMatchObject({ key: { file: join(project, "a.key") }, token: { file: "/run/token" } });
    expect(find({ cwd, env: { COFFRE_KEY_FILE: "b.key" } }).key?.file).toBe(join(project, "b.key"));
    expect(find({ cwd, flags: { keyFile: "c.key" } }).key?.file).toBe(join(cwd, "c.key"));
  });

  test.each<[string, () => string, RegExp]>([
    ["missing", () => join(folder, "none"), /The key file .*none doesn't exist/],
    [
      "open to its group",
      () => write("k", "x", 0o640),
      /may be opened by others than its owner \(mode 0640\).*chmod 600 .*\/k/s,
    ],
    ["open to all", () => write("k", "x", 0o604), /\(mode 0604\).*chmod 600/s],
    ["empty", () => write("k", "\n"), /is empty/],
    [
      "not text",
      () => (writeFileSync(write("k", ""), Buffer.from([0xff, 0xfe, 0x00])), join(folder, "k")),
      /isn't UTF-8 text/,
    ],
    ["much too large", () => write("k", "x".repeat(70_000)), /is larger than 65536 bytes/],
    ["a folder", () => (mkdirSync(join(folder, "d"), { mode: 0o700 }), join(folder, "d")), /can't be read \(EISDIR\)/],
  ])("a key file that is %s is refused when it is read, not before", (_, make, message) => {
    const file = make();
    const { key } = find({ env: { COFFRE_KEY_FILE: file } });
    expect(() => key?.read()).toThrow(expect.objectContaining({ code: "CONFIGURATION" }));
    expect(() => key?.read()).toThrow(message);
  });

  test("a key that systemd hands over may show its access list's mask as the group's right, in its own folder only", () => {
    const credentials = join(folder, "credentials");
    mkdirSync(credentials);
    const handed = join(credentials, "key");
    const elsewhere = write("key", "x", 0o440);
    write("credentials/key", "x", 0o440);
    const before = process.env["CREDENTIALS_DIRECTORY"];
    try {
      process.env["CREDENTIALS_DIRECTORY"] = credentials;
      const read = (file: string) => find({ env: { COFFRE_KEY_FILE: file } }).key?.read();
      for (const mode of [0o500, 0o550]) {
        chmodSync(credentials, mode);
        expect(read(handed)?.reveal()).toBe("x");
      }
      expect(() => read(elsewhere)).toThrow(/mode 0440/);
      for (const mode of [0o555, 0o570]) {
        chmodSync(credentials, mode);
        expect(() => read(handed)).toThrow(/mode 0440/);
      }
      chmodSync(credentials, 0o500);
      chmodSync(handed, 0o444);
      expect(() => read(handed)).toThrow(/mode 0444/);
    } finally {
      chmodSync(credentials, 0o700);
      if (before === undefined) delete process.env["CREDENTIALS_DIRECTORY"];
      else process.env["CREDENTIALS_DIRECTORY"] = before;
    }
  });
});

describe("the user's configuration", () => {
  const path = () => join(home, ".config/coffre/config.yaml");

  test("is written so that the next command finds it, readable by its owner only", () => {
    expect(writeUserConfiguration({ url: "file:///srv/a.db", keyFile: "/srv/a.key" }, { HOME: home })).toBe(path());
    expect(find()).toMatchObject({ url: { path: "/srv/a.db" }, key: { file: "/srv/a.key" } });
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path())).mode & 0o777).toBe(0o700);
    expect(readdirSync(dirname(path()))).toEqual(["config.yaml"]);
  });

  test("keeps what stands there, comments too", () => {
    write("home/.config/coffre/config.yaml", "# mine\nurl: file:///old.db # the old one\nrootCategory: A\n", 0o644);
    writeUserConfiguration({ url: "file:///new.db" }, { HOME: home });
    expect(readFileSync(path(), "utf8")).toBe("# mine\nurl: file:///new.db # the old one\nrootCategory: A\n");
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  test("is begun in an empty file too, and through a link", () => {
    const target = write("dotfiles/config.yaml", "# nothing yet\n");
    mkdirSync(dirname(path()), { recursive: true });
    symlinkSync(target, path());
    writeUserConfiguration({ previewReads: false }, { HOME: home });
    expect(readFileSync(target, "utf8")).toContain("previewReads: false");
    expect(realpathSync(path())).toBe(target);
  });

  test("that can't be understood is left alone", () => {
    for (const text of ["- a\n", "url: [\n", "unknown: 1\n"]) {
      write("home/.config/coffre/config.yaml", text);
      expect(() => writeUserConfiguration({ url: "file:///new.db" }, { HOME: home })).toThrow(/^CONFIGURATION/);
      expect(readFileSync(path(), "utf8")).toBe(text);
    }
  });

  test("that can't be written leaves no half file behind", () => {
    writeFileSync(join(home, ".config"), "a file where a folder should be");
    expect(() => writeUserConfiguration({ url: "file:///x.db" }, { HOME: home })).toThrow(
      /^CONFIGURATION: .* can't be written \((ENOTDIR|EEXIST)\)/,
    );
    expect(existsSync(path())).toBe(false);
  });
});

describe("another vault than the one in force", () => {
  const NAMED = "vaults:\n  robots:\n    url: file://./robots.db\n    keyFile: keys/robots.key\n";

  function other(where: string, keys = {}, { env = {}, ...rest }: Partial<ConfigurationInput> = {}) {
    return resolveOtherVault({ env: { HOME: home, ...env }, cwd: project, ...rest }, where, keys);
  }

  test("a name stands for what coffre.yaml says of it, relative to that file, and for what the stack says before that", () => {
    write("project/coffre.yaml", NAMED);
    const found = other("robots");
    expect([found.url?.path, found.key?.file]).toEqual([join(project, "robots.db"), join(project, "keys/robots.key")]);
    const json = JSON.stringify({ robots: { url: "file:///srv/robots.db" } });
    expect(other("robots", {}, { stack: { "coffre:vaults": json } })).toMatchObject({
      url: { path: "/srv/robots.db" },
      sources: { url: "stack configuration coffre:vaults, robots.url" },
    });
  });

  test("its key: the flag for it, then its own, then the key in force; never the flag of the vault in force", () => {
    write("project/coffre.yaml", NAMED);
    const input = { env: { COFFRE_KEY_FILE: "/etc/main.key" }, flags: { keyFile: "/etc/flag.key" } };
    expect(other("robots", { keyFile: "/etc/own.key" }, input).key?.file).toBe("/etc/own.key");
    expect(other("robots", {}, input).key?.file).toBe(join(project, "keys/robots.key"));
    expect(other("file:///srv/other.db", {}, input)).toMatchObject({
      url: { path: "/srv/other.db" },
      key: { file: "/etc/main.key" },
    });
    expect(other("file:///srv/other.db", { keyFile: "own.key" }, input).key?.file).toBe(join(project, "own.key"));
  });

  test("a name that nobody configured, a secret in a file, and a text that is no object are refused", () => {
    write("project/coffre.yaml", NAMED);
    expect(() => other("elsewhere")).toThrow(/Configured are robots/);
    expect(() => other("robots", {}, { env: { COFFRE_VAULTS: "robots=file:///x" } })).toThrow(
      /COFFRE_VAULTS must name vaults/,
    );
    write("project/coffre.yaml", `${NAMED}    key: a-secret\n`);
    expect(() => other("robots")).toThrow(/key: in .*coffre.yaml would be a secret/);
  });
});
