import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileBytes } from "../../provider/core/field.js";
import type { PulumiProject } from "../fixtures/pulumi-project.ts";
import { inVault, type TestVault } from "../stack/harness.ts";

/** Every value that the vault ever held, by a name that may be shown. */
export async function valuesOf(vault: TestVault): Promise<Record<string, string>> {
  return inVault(vault, async (opened) => {
    const values: Record<string, string> = {};
    for await (const { id, name, versions, fields } of opened.listCredentials()) {
      const secret = fields.filter(({ type }) => type !== "text");
      const answers = await opened.readMany([
        ...versions.map(({ number }) => ({ id, version: number })),
        ...secret.flatMap((field) => field.versions.map(({ number }) => ({ id, field: field.name, version: number }))),
      ]);
      for (const answer of answers) {
        if (answer instanceof Error) throw answer;
        const what = `${name} ${answer.field} version ${answer.version}`;
        values[what] = answer.value.reveal();
        if (answer.type === "file") values[`${what}, its bytes`] = fileBytes(answer.value).toString("utf8");
      }
    }
    return values;
  });
}

/** The engine keeps a log of every operation, encrypted with the stack's key: their texts, by names. */
export async function decryptedLogs(project: PulumiProject): Promise<[string, string][]> {
  const folder = join(project.pulumiHome, "logs");
  const texts: [string, string][] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { exitCode, stdout } = await project.run(["logs", "decrypt", join(entry.parentPath, entry.name)]);
    if (exitCode === 0) texts.push([`decrypted log ${entry.name}`, stdout]);
  }
  return texts;
}
