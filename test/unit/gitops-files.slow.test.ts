import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import ts from "typescript";
import { parse, parseAllDocuments } from "yaml";
import { ensurePipelineChecks } from "../../tools/ansible/environment.ts";

jest.setTimeout(300_000);

const ROOT = resolve(import.meta.dirname, "../..");
const EXAMPLE = join(ROOT, "examples/gitops");

/** The types that are generated from the operators' own sources, by kind. */
const TYPES: Record<string, string> = {
  SecretStore: "@kubernetes-models/external-secrets/external-secrets.io/v1/SecretStore",
  ExternalSecret: "@kubernetes-models/external-secrets/external-secrets.io/v1/ExternalSecret",
  Application: "@kubernetes-models/argo-cd/argoproj.io/v1alpha1/Application",
};

interface Manifest {
  apiVersion: string;
  kind: string;
  spec: Record<string, unknown>;
}

const manifest = (path: string) => parse(readFileSync(join(EXAMPLE, path), "utf8")) as Manifest;

/** The manifests of the page, which are shorter than those of the example. */
function manifestsOfThePage(): Manifest[] {
  const page = readFileSync(join(ROOT, "docs/gitops.md"), "utf8");
  const [, text = ""] = /^```yaml\n(apiVersion: external-secrets.*?)^```$/ms.exec(page) ?? [];
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** Has the compiler look at a manifest as at an object of its kind: what is missing, misspelt or of another type is an error. */
function problemsOf(given: Manifest): string[] {
  const { kind } = given;
  const name = join(ROOT, "test/manifest.ts"); // it is nowhere but in the compiler's memory
  const text = `import type { I${kind} } from "${TYPES[kind] ?? ""}";\nexport const manifest: I${kind} = ${JSON.stringify(given)};\n`;
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2024,
    types: [],
  };
  const files = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...files,
    getSourceFile: (path, ...more) =>
      path === name ? ts.createSourceFile(path, text, ts.ScriptTarget.ES2024) : files.getSourceFile(path, ...more),
    fileExists: (path) => path === name || files.fileExists(path),
  };
  const program = ts.createProgram([name], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

test.each(["external-secrets/secret-store.yaml", "external-secrets/external-secret.yaml", "argo-cd.yaml"])(
  "%s is as its operator takes it",
  (path) => {
    expect(problemsOf(manifest(path))).toEqual([]);
  },
);

test("so are the manifests of the page", () => {
  const manifests = manifestsOfThePage();
  expect(manifests.map(({ kind }) => kind)).toEqual(["SecretStore", "ExternalSecret"]);
  for (const each of manifests) expect(problemsOf(each)).toEqual([]);
});

test("a manifest that an operator wouldn't take would be found", () => {
  const store = manifest("external-secrets/secret-store.yaml");
  const webhook = { url: "https://vault.example.com", result: { jsonpath: "$.value" } };
  expect(problemsOf({ ...store, spec: { provider: { webhook } } }).join("\n")).toContain("jsonpath");
  const secret = manifest("external-secrets/external-secret.yaml");
  const data = [{ secretKey: "password", remoteRef: {} }];
  expect(problemsOf({ ...secret, spec: { ...secret.spec, data } }).join("\n")).toContain("key");
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-pipelines-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Holds a pipeline's file against the schema that its service publishes. @throws Error with what doesn't fit */
async function checkPipeline(schema: string, path: string): Promise<void> {
  const bin = await ensurePipelineChecks((line) => process.stderr.write(`${line}\n`));
  await promisify(execFile)(join(bin, "check-jsonschema"), ["--builtin-schema", `vendor.${schema}`, path]);
}

test.each([
  ["github-workflows", "gitops/github-actions.yml"],
  ["github-workflows", "schedules/github-actions.yml"],
  ["gitlab-ci", "gitops/gitlab-ci.yml"],
  ["gitlab-ci", "schedules/gitlab-ci.yml"],
])("by its service's own schema, %s, %s is right", async (schema, path) => {
  await checkPipeline(schema, join(ROOT, "examples", path));
});

test.each([
  ["github-workflows", "github-actions.yml", /^ {4}runs-on: .*$/m, "    runs-on-what: ubuntu"],
  ["gitlab-ci", "gitlab-ci.yml", /^ {2}resource_group: .*$/m, "  resource_group: [a, b]"],
])("a pipeline that %s has no place for would be found", async (schema, name, line, other) => {
  const wrong = join(folder, name);
  await writeFile(wrong, readFileSync(join(EXAMPLE, name), "utf8").replace(line, other));
  await expect(checkPipeline(schema, wrong)).rejects.toThrow();
});
