import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { collect } from "../contract/vault-cases/setup.ts";
import { RELEASED_STACK, RELEASES } from "../fixtures/make-release.ts";
import { createProject, succeed } from "../fixtures/pulumi-project.ts";
import { inVault, output, versionsOf } from "./harness.ts";

// What earlier releases left behind, by `make-release.ts`: a stack's state and its vault. The targets are gone long since, so
// that anything which asks one of them fails.
test.each(readdirSync(RELEASES))(
  "the state and the vault of %s are opened: nothing is replaced, rotated or asked of a target, and life goes on",
  async (version) => {
    const kept = (file: string) => readFile(join(RELEASES, version, file));
    const project = await createProject({ ...RELEASED_STACK, program: String(await kept("program.txt")) });
    const vault = { path: join(project.folder, "coffre.db"), url: "", keyFile: join(project.folder, "vault.key") };
    const credentials = () => inVault(vault, async (opened) => JSON.stringify(await collect(opened.listCredentials())));
    const doings = () =>
      inVault(vault, async (opened) => {
        const events = await collect(opened.listEvents());
        return events.map(({ action }) => action).filter((action) => !/\.read$|^vault\./.test(action));
      });
    try {
      await writeFile(vault.path, gunzipSync(await kept("vault.db.gz")));
      await writeFile(vault.keyFile, await kept("vault.key"), { mode: 0o600 });
      project.env["COFFRE_KEY_FILE"] = vault.keyFile;
      const state = gunzipSync(await kept("state.json.gz")).toString("utf8");
      succeed(await project.run(["stack", "import"], { input: state }));
      const before = { credentials: await credentials(), doings: await doings() };
      expect(before.credentials).toContain('"number":1');

      expect(output(succeed(await project.up(["--refresh"])))).toMatch(/Resources:\s+\d+ unchanged\n/);
      expect(await credentials()).toBe(before.credentials);
      expect(await doings()).toEqual(before.doings);

      await project.setConfig("reason", "an upgrade");
      expect(output(succeed(await project.up()))).toMatch(/Resources:\s+~ 1 updated\s+\d+ unchanged/);
      expect(await versionsOf(vault, ["Shop", "smtp"])).toBe("1 previous, 2 current");
    } finally {
      await project.remove();
    }
  },
  120_000,
);
