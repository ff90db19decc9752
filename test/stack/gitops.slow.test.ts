import { readdirSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { execa } from "execa";
import { makeTokens, ServedVault } from "../../tools/served/served-vault.ts";
import { createProject, type PulumiProject } from "../fixtures/pulumi-project.ts";
import { ProcessSampler } from "../leak/processes.ts";
import { LeakSearch } from "../leak/search.ts";
import { createVault, currentValue, IMPORTS, inVault, type TestVault, versionsOf } from "./harness.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PATH = ["Databases", "orders-app"];
const PROGRAM = `${IMPORTS}
const databases = new coffre.Category("Databases", {});
new coffre.Credential("orders-app", { categoryId: databases.id, username: "orders_app", rotation: { everyDays: 90 } });
`;

let folder: string;
let vault: TestVault;
let server: ServedVault;
let project: PulumiProject;
let deploy: string;
let preview: string;
let sampler: ProcessSampler;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-gitops-"));
  vault = await createVault(folder);
  const { id: userId } = await inVault(vault, (opened) =>
    opened.people.createPrincipal({ kind: "user", name: "ci-preview" }),
  );
  const texts = await makeTokens(vault, [
    { user: "ci-deploy", role: "administrator", label: "a test" },
    { user: "ci-preview", userId, role: "reader", label: "a test" },
  ]);
  [deploy, preview] = [join(folder, "deploy.token"), join(folder, "preview.token")];
  for (const [index, file] of [deploy, preview].entries()) await writeFile(file, texts[index] ?? "", { mode: 0o600 });
  server = await ServedVault.start(vault);
  project = await createProject({ program: PROGRAM });
  const bin = join(folder, "bin");
  await mkdir(bin);
  await writeFile(
    join(bin, "coffre"),
    `#!/bin/sh\nexec '${process.execPath}' -- '${join(ROOT, "bin/coffre.js")}' "$@"\n`,
  );
  await chmod(join(bin, "coffre"), 0o755);
  sampler = new ProcessSampler();
  await cp(join(ROOT, "examples/gitops"), project.folder, { recursive: true });
  Object.assign(project.env, {
    PATH: [bin, project.env["PATH"]].join(delimiter),
    COFFRE_URL: `coffre+${server.origin}`,
    LANG: "C.UTF-8",
  });
}, 120_000);
afterAll(async () => {
  sampler.stop();
  await project.remove();
  await server.stop();
  await rm(folder, { recursive: true });
}, 60_000);

/** A line as a pipeline's step has it, with the token of its job. */
function step(token: string, command: string, ...args: string[]) {
  return execa(command, args, {
    cwd: project.folder,
    env: { ...project.env, COFFRE_TOKEN_FILE: token },
    extendEnv: false,
    reject: false,
    all: true,
    stdin: "ignore",
  });
}

test("the pipelines' scripts preview with a comment, deploy and rotate on a served vault, and nothing of a value is left", async () => {
  const said: Record<string, string> = {};
  const first = await step(preview, "./preview.sh", "preview.md");
  said["preview"] = first.all;
  const comment = await readFile(join(project.folder, "preview.md"), "utf8");
  expect({ exitCode: first.exitCode, comment }).toEqual({
    exitCode: 0,
    comment: expect.stringMatching(/^### Preview\n\n````text\n/),
  });
  expect(comment).toContain("orders-app");
  expect(comment).toMatch(/\n````\n$/);
  expect(await versionsOf(vault, PATH)).toBe("");

  const up = await step(deploy, "./deploy.sh");
  said["deploy"] = up.all;
  expect({ exitCode: up.exitCode, said: up.exitCode === 0 ? "" : up.all }).toEqual({ exitCode: 0, said: "" });
  expect(await versionsOf(vault, PATH)).toBe("1 current");
  const rotated = await step(deploy, "./rotate.sh");
  said["rotate"] = rotated.all;
  expect({ exitCode: rotated.exitCode, said: rotated.exitCode === 0 ? "" : rotated.all }).toEqual({
    exitCode: 0,
    said: "",
  });

  await project.setProgram(`${PROGRAM}throw new Error("no program");\n`);
  const failed = await step(preview, "./preview.sh", "failed.md");
  said["failed"] = failed.all;
  expect(failed.exitCode).not.toBe(0);
  expect(await readFile(join(project.folder, "failed.md"), "utf8")).toMatch(/^### The preview failed\n/);
  // Agents leave their folder with the lock of it, and the scripts nothing.
  const left = readdirSync(project.env["TMPDIR"] ?? "", { recursive: true, withFileTypes: true });
  expect(left.flatMap((entry) => (entry.isDirectory() ? [] : [entry.name]))).toEqual(["agents.lock"]);

  // One command with the value, through an agent: its own environment has it, and nothing else.
  const reference = "coffre://prod/Databases/orders-app";
  await project.write({ "refs.env": `ORDERS=${reference}\n`, "app.tpl": `p: {{ ${reference} | yaml }}\n` });
  const run =
    "coffre run --env-file refs.env -- sh -c 'sleep 2; echo \"got $ORDERS\"' && coffre inject -i app.tpl -o app.yaml";
  const ran = await step(deploy, "coffre", "agent", "--", "sh", "-c", run);
  said["run"] = ran.all;
  expect({ exitCode: ran.exitCode, said: ran.all }).toEqual({
    exitCode: 0,
    said: expect.stringContaining("got [secret]\n"),
  });
  sampler.stop();

  const value = await currentValue(vault, PATH);
  const search = new LeakSearch({ value, token: await readFile(deploy, "utf8").then((text) => text.trim()) });
  for (const [name, text] of Object.entries(said)) search.in(`what ${name} said`, text);
  search.inFolder(project.folder, { except: [join(project.folder, "app.yaml")] });
  expect(search.findings).toEqual([]);
  expect(await readFile(join(project.folder, "app.yaml"), "utf8")).toContain("p: ");

  const processes = new LeakSearch({ value });
  for (const [text, place] of sampler.seen) processes.in(place, text);
  // The search finds what it is to find: the command, and the sleep that it starts.
  const places = processes.placesOf("value");
  expect(places.length).toBeGreaterThan(0);
  expect(places.filter((place) => !place.startsWith("environ of process"))).toEqual([]);
  const holders = new Set(places.map((place) => /\d+$/.exec(place)?.[0]));
  expect(holders.size).toBeLessThanOrEqual(2);
}, 600_000);
