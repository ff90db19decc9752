import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { findWay } from "../../tools/linux-hosts/hosts.ts";
import { cacheFolder } from "../../tools/engine/version.ts";

jest.setTimeout(600_000);

const ROOT = resolve(import.meta.dirname, "../..");

const hasMachine = findWay().way !== "stand-in";
let folder: string;
let checkout: string;
let env: Record<string, string>;

/** A checkout and a home of their own: the quickstart of whoever runs the tests stays as it is. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-quickstart-"));
  checkout = join(folder, "checkout");
  const listed = await promisify(execFile)("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
  });
  for (const file of listed.stdout.split("\n").filter((name) => name !== "" && existsSync(join(ROOT, name)))) {
    await cp(join(ROOT, file), join(checkout, file));
  }
  await cp(join(ROOT, "dist"), join(checkout, "dist"), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(checkout, "node_modules"));
  await mkdir(join(folder, "home"));
  env = {
    HOME: join(folder, "home"),
    XDG_CACHE_HOME: dirname(dirname(cacheFolder())), // an engine takes minutes to build, a machine's disk half a one
    PATH: process.env["PATH"] ?? "",
  };
});
afterAll(async () => {
  await quickstart("--destroy");
  await rm(folder, { recursive: true, force: true });
});

function quickstart(...args: string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  return run(process.execPath, ["tools/setup/run.mjs", "quickstart", ...args]);
}

function run(
  command: string,
  args: string[],
  more: Record<string, string> = {},
): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  return new Promise((done) => {
    execFile(command, args, { cwd: checkout, env: { ...env, ...more } }, (error, stdout, stderr) => {
      done({ stdout, stderr, exitCode: error === null ? 0 : typeof error.code === "number" ? error.code : 1 });
    });
  });
}

test("the quickstart leads to accounts that log in, changes nothing twice, rotates, and leaves nothing behind", async () => {
  const first = await quickstart();
  expect({ exitCode: first.exitCode, stderr: first.exitCode === 0 ? "" : first.stderr }).toEqual({
    exitCode: 0,
    stderr: "",
  });
  const [outside = ""] = first.stdout.split("  ok  ");
  for (const place of [".local/share/coffre/quickstart", ".config/coffre/quickstart.key", "a PostgreSQL server"]) {
    expect(outside).toContain(place); // said before anything was done
  }
  expect(first.stdout).toContain("the password of the vault is accepted, another one is refused");
  expect(first.stdout).toMatch(/the passwords? (is|are) in none of them/);
  expect(first.stdout).toMatch(
    /PGPASSWORD="\$\(npx coffre read Databases\/orders-app\)" psql "host=127\.0\.0\.1 port=\d+ /,
  );

  const read = await run(join(checkout, "bin/coffre.js"), ["read", "Databases/orders-app"]);
  expect(read).toMatchObject({ stderr: "", exitCode: 0 });
  expect(first.stdout + first.stderr).not.toContain(read.stdout.trim());

  const second = await quickstart();
  expect(second.stdout).toContain("Everything was there already; nothing was changed.");
  const again = await run(join(checkout, "bin/coffre.js"), ["read", "Databases/orders-app"]);
  expect(again.stdout).toBe(read.stdout);

  if (hasMachine) {
    expect(first.stdout).toContain("deploy on the machine, over SSH");
    expect(first.stdout).toContain("just tried by OpenSSH's own client: the password of the vault is accepted");
    const [, files = ""] = /-F (\S+)\/ssh-config /.exec(first.stdout) ?? [];
    const logIn = await run("ssh", ["-F", join(files, "ssh-config"), "deploy@vm", "id -un"], {
      SSH_ASKPASS: join(files, "ssh-askpass"),
      SSH_ASKPASS_REQUIRE: "force",
    });
    expect(logIn).toMatchObject({ stdout: "deploy\n", exitCode: 0 });
    const replaced = await quickstart("--new-machine");
    expect(replaced.stdout).toContain("coffre://quickstart/Machines/deploy, version 2, proven by a login");
  }

  const rotated = await quickstart("--rotate");
  expect(rotated).toMatchObject({ exitCode: 0 });
  expect(rotated.stdout).toMatch(
    /version +1 -> 2\n +new password +accepted, just tried\n +old password +refused, just tried\n/,
  );

  // As if somebody had removed the folder, and not the database that lies apart from it.
  await rm(join(env["HOME"] ?? "", ".local/share/coffre/quickstart/postgres-admin-password"));
  const orphan = await quickstart();
  expect(orphan).toMatchObject({ exitCode: 1 });
  expect(orphan.stderr).toContain("A database of an earlier quickstart is still there");

  const destroyed = await quickstart("--destroy");
  expect(destroyed).toMatchObject({ exitCode: 0 });
  expect(existsSync(join(checkout, "coffre.yaml"))).toBe(false);
  expect(existsSync(join(checkout, "Pulumi.quickstart.yaml"))).toBe(false);
  expect(await readdir(join(env["HOME"] ?? "", ".local/share/coffre"))).toEqual([]);
  expect(await readdir(join(env["HOME"] ?? "", ".config/coffre"))).toEqual([]);
});

test("without one there is nothing to rotate, and a wrong flag shows how it is called", async () => {
  const rotated = await quickstart("--rotate");
  expect(rotated).toMatchObject({ exitCode: 1 });
  expect(rotated.stderr).toContain("There is nothing to rotate yet\n  Run `npm run quickstart` first.");
  const wrong = await quickstart("--rotat");
  expect(wrong).toMatchObject({ stdout: "", exitCode: 2 });
  expect(wrong.stderr).toContain("Usage: npm run quickstart");
});
