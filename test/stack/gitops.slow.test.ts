import { once } from "node:events";
import { readdirSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { execa } from "execa";
import { Secret } from "../../provider/core/secret.js";
import type { GrantRole, Vault } from "../../provider/vault/port.js";
import { makeTokens, ServedVault } from "../../tools/served/served-vault.ts";
import { gitHubJobs, gitLabJobs, type PipelineJob, shellLinesOf } from "../fixtures/pipelines.ts";
import { createProject, type PulumiProject } from "../fixtures/pulumi-project.ts";
import { ProcessSampler } from "../leak/processes.ts";
import { LeakSearch } from "../leak/search.ts";
import { createVault, currentValue, IMPORTS, inVault, type TestVault, versionsOf } from "./harness.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const EXAMPLE = join(ROOT, "examples/gitops");
const PATH = ["Databases", "orders-app"];
const PROGRAM = `${IMPORTS}
const databases = new coffre.Category("Databases", {});
new coffre.Credential("orders-app", { categoryId: databases.id, username: "orders_app", rotation: { everyDays: 90 } });
`;
/** What GitLab is told by, which is no token of the vault. */
const COMMENT_TOKEN = "CoffreMarker-that-may-comment";

let folder: string;
let vault: TestVault;
let server: ServedVault;
let project: PulumiProject;
let tokens: { deploy: string; preview: string };
let api: Server;
let sampler: ProcessSampler;
/** What was sent to GitLab. */
const comments: { url: string | undefined; token: unknown; body: string }[] = [];
/** All that was printed, by what printed it. */
const said: Record<string, string> = {};
/** Lines of the pipelines whose shell ended well. */
const ran = new Set<string>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-gitops-"));
  vault = await createVault(folder);
  const [deployer, previewer] = await inVault(vault, async (opened) => {
    // The example's second reference: no program makes it.
    const { id: categoryId } = await opened.createCategory({ name: "Partners", parentId: null });
    const key = { change: "put", name: "tls.key", type: "file", value: new Secret("a2V5"), cause: "test" } as const;
    const initial = { value: new Secret("of a partner"), causes: ["command:test"] };
    await opened.createCredentials([{ name: "mail-api", categoryId, initial, fields: [key] }]);
    return Promise.all([user(opened, "ci-deploy", "manager"), user(opened, "ci-preview", "reader")]);
  });
  const [deploy = "", preview = ""] = await makeTokens(vault, [
    { user: "ci-deploy", userId: deployer, role: "user", label: "a test" },
    { user: "ci-preview", userId: previewer, role: "reader", label: "a test" },
  ]);
  tokens = { deploy, preview };
  server = await ServedVault.start(vault);
  api = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    // So late that whoever looks at processes sees the client.
    request.on("end", () => {
      const body = Buffer.concat(pieces).toString();
      comments.push({ url: request.url, token: request.headers["private-token"], body });
      void delay(500).then(() => response.writeHead(201).end("{}"));
    });
  }).listen(0, "127.0.0.1");
  await once(api, "listening");
  project = await createProject({ program: PROGRAM, stack: "prod" });
  await mkdir(join(folder, "bin"));
  const coffre = join(folder, "coffre");
  await script(coffre, `exec '${process.execPath}' -- '${join(ROOT, "bin/coffre.js")}' "$@"`);
  // An installation puts the command where npm puts it; there is no registry for it here.
  await script(
    join(folder, "bin/npm"),
    `test "$*" = ci; mkdir -p node_modules/.bin; ln -sf '${coffre}' node_modules/.bin/coffre`,
  );
  await script(join(folder, "bin/gh"), `printf '%s\\n' "$@" >'${folder}/gh.args'; cp preview.md '${folder}/gh.body'`);
  sampler = new ProcessSampler();
  await cp(EXAMPLE, project.folder, { recursive: true });
  await git(project.folder, "init", "-q");
  const ignored = ["node_modules/", "state/", "tmp/", "home/", "pulumi-home/"].join("\n");
  await writeFile(join(project.folder, ".gitignore"), `${ignored}\n`);
}, 120_000);
afterAll(async () => {
  sampler.stop();
  api.close();
  await project.remove();
  await server.stop();
  await rm(folder, { recursive: true });
}, 60_000);

/** A user with a role everywhere. @returns its id */
async function user({ people }: Vault, name: string, role: GrantRole): Promise<string> {
  const { id } = await people.createPrincipal({ kind: "user", name });
  await people.createGrant({ categoryId: null, principalId: id, role });
  return id;
}

async function script(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\nset -eu\n${text}\n`);
  await chmod(path, 0o755);
}

const git = (cwd: string, ...words: string[]) =>
  execa("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...words], {
    cwd,
    env: project.env,
    extendEnv: false,
    reject: false,
    all: true,
  });

/** What every runner has: of the vault, of the stack and of the project nothing. */
function machine(): Record<string, string> {
  const names = ["HOME", "TMPDIR", "PULUMI_HOME", "COFFRE_NODE", "NODE_COMPILE_CACHE"];
  const shared = Object.entries(project.env).filter(
    ([name]) => names.includes(name) || /^PULUMI_(SKIP|DISABLE)_/.test(name),
  );
  const path = [join(folder, "bin"), project.env["PATH"]].join(delimiter);
  return { ...Object.fromEntries(shared), PATH: path, LANG: "C.UTF-8" };
}

/** Runs the jobs of an event, each on a new checkout, as their service does. @returns the exit code of what failed first, or 0 */
async function happens(name: string, event: string, jobs: readonly PipelineJob[]): Promise<number> {
  const started = jobs.filter((job) => job.event === event);
  expect(started).toHaveLength(1);
  await rm(join(project.folder, "node_modules"), { recursive: true, force: true });
  await writeFile(join(project.folder, "preview.md"), "somebody has committed this\n");
  let failed = 0;
  for (const { lines, shell, env, always } of started.flatMap(({ steps }) => steps)) {
    if (failed !== 0 && !always) continue;
    const [program = "", ...options] = shell;
    const { exitCode = -1, all } = await execa(program, [...options, lines.join("\n")], {
      cwd: project.folder,
      // The one thing that isn't as the file has it: no certificate of a public name is to be had here.
      env: { ...machine(), ...env, COFFRE_URL: `coffre+${server.origin}` },
      extendEnv: false,
      reject: false,
      all: true,
      stdin: "ignore",
    });
    said[name] = `${said[name] ?? ""}${all}\n`;
    if (exitCode === 0) for (const line of lines) ran.add(line);
    failed ||= exitCode;
  }
  return failed;
}

/** As {@link happens}, for what is to end well: says what was printed if it doesn't. */
async function succeeds(name: string, event: string, jobs: readonly PipelineJob[]): Promise<void> {
  const exitCode = await happens(name, event, jobs);
  expect({ exitCode, said: exitCode === 0 ? "" : said[name] }).toEqual({ exitCode: 0, said: "" });
}

const onGitHub = () =>
  gitHubJobs({
    "vars.PULUMI_BACKEND_URL": project.env["PULUMI_BACKEND_URL"] ?? "",
    "secrets.PULUMI_CONFIG_PASSPHRASE": project.env["PULUMI_CONFIG_PASSPHRASE"] ?? "",
    "secrets.COFFRE_PREVIEW_TOKEN": tokens.preview,
    "secrets.COFFRE_DEPLOY_TOKEN": tokens.deploy,
    "github.token": "a token of GitHub",
    "github.event.pull_request.number": "17",
  });

test("GitHub Actions: a pull request gets a comment, main is deployed, a schedule rotates", async () => {
  await succeeds("a pull request", "pull_request", onGitHub());
  const comment = await readFile(join(folder, "gh.body"), "utf8");
  expect(comment).toMatch(/^### Preview\n\n````text\n[^]*orders-app[^]*\n````\n$/);
  expect(await readFile(join(folder, "gh.args"), "utf8")).toMatch(/^pr\ncomment\n17\n--body-file\npreview\.md\n/);
  expect(await versionsOf(vault, PATH)).toBe("");
  await succeeds("a push", "push", onGitHub());
  expect(await versionsOf(vault, PATH)).toBe("1 current");
  await succeeds("a schedule", "schedule", onGitHub());
}, 600_000);

test("GitHub Actions: a pull request with a value of the vault fails before its preview, without a comment", async () => {
  await rm(join(folder, "gh.args"));
  const leak = join(project.folder, "leak.env");
  await writeFile(leak, `PGPASSWORD=${await currentValue(vault, PATH)}\n`);
  expect(await happens("a leak", "pull_request", onGitHub())).toBe(1);
  await rm(leak);
  expect(said["a leak"]).toContain("leak.env:1: the value of Databases/orders-app (version 1, current)");
  expect(readdirSync(folder)).not.toContain("gh.args");
  expect(readdirSync(project.folder)).not.toContain("preview.md");
}, 300_000);

const onGitLab = (token: string) =>
  gitLabJobs({
    PULUMI_BACKEND_URL: project.env["PULUMI_BACKEND_URL"] ?? "",
    PULUMI_CONFIG_PASSPHRASE: project.env["PULUMI_CONFIG_PASSPHRASE"] ?? "",
    COFFRE_TOKEN: token,
    GITLAB_COMMENT_TOKEN: COMMENT_TOKEN,
    CI_API_V4_URL: `http://127.0.0.1:${String((api.address() as AddressInfo).port)}/api/v4`, // it listens at a port
    CI_PROJECT_ID: "5",
    CI_MERGE_REQUEST_IID: "8",
  });

test("GitLab CI: a merge request gets a comment, also if it fails, main is deployed, a schedule rotates", async () => {
  await succeeds("a merge request", "merge_request_event", onGitLab(tokens.preview));
  await succeeds("a push there", "push", onGitLab(tokens.deploy));
  await succeeds("a schedule there", "schedule", onGitLab(tokens.deploy));
  expect(await versionsOf(vault, PATH)).toBe("1 current");
  await project.setProgram(`${PROGRAM}throw new Error("no program");\n`);
  expect(await happens("what fails", "merge_request_event", onGitLab(tokens.preview))).not.toBe(0);
  await project.setProgram(PROGRAM);
  const bodies = comments.map(({ url, token, body }) => {
    expect({ url, token }).toEqual({ url: "/api/v4/projects/5/merge_requests/8/notes", token: COMMENT_TOKEN });
    return new URLSearchParams(body).get("body");
  });
  expect(bodies).toEqual([expect.stringMatching(/^### Preview\n/), expect.stringMatching(/^### The preview failed\n/)]);
}, 600_000);

test("a reference that leads nowhere fails the deployment, once all that it declares is there", async () => {
  const lost = join(project.folder, "lost.env");
  await writeFile(lost, "X=coffre://prod/Databases/nobody\n");
  expect(await happens("a lost reference", "push", onGitHub())).toBe(1);
  await rm(lost);
  expect(said["a lost reference"]).toContain('lost.env:1:3: There is no credential "Databases/nobody"');
}, 300_000);

test("the hook refuses a commit that has a value of the vault, and takes one without", async () => {
  const own = join(folder, "own");
  await mkdir(join(own, "node_modules/.bin"), { recursive: true });
  await copyFile(join(folder, "coffre"), join(own, "node_modules/.bin/coffre"));
  await chmod(join(own, "node_modules/.bin/coffre"), 0o755);
  await git(own, "init", "-q");
  await copyFile(join(EXAMPLE, "pre-commit"), join(own, ".git/hooks/pre-commit"));
  const commit = async (text: string) => {
    await writeFile(join(own, "app.env"), text);
    await git(own, "add", "app.env");
    const way = { COFFRE_URL: `coffre+${server.origin}`, COFFRE_TOKEN: tokens.preview };
    const words = ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "x"];
    return execa("git", words, { cwd: own, env: { ...machine(), ...way }, extendEnv: false, reject: false, all: true });
  };
  const refused = await commit(`PGPASSWORD=${await currentValue(vault, PATH)}\n`);
  said["the hook"] = refused.all;
  expect({ exitCode: refused.exitCode, all: refused.all }).toEqual({
    exitCode: 1,
    all: expect.stringMatching(/^app\.env:1: the value of Databases\/orders-app/),
  });
  // Also one that is made by the same commit: it leads somewhere once that is deployed.
  const taken = await commit("PGPASSWORD=coffre://prod/Databases/new-app\n");
  expect({ exitCode: taken.exitCode, all: taken.all }).toEqual({ exitCode: 0, all: expect.any(String) });
}, 120_000);

test("one command gets the value through an agent, and nothing of it or of a token is left of all that was run", async () => {
  const reference = "coffre://prod/Databases/orders-app";
  await project.write({ "refs.env": `ORDERS=${reference}\n`, "app.tpl": `p: {{ ${reference} | yaml }}\n` });
  const run =
    "coffre run --env-file refs.env -- sh -c 'sleep 2; echo \"got $ORDERS\"' && coffre inject -i app.tpl -o app.yaml";
  const { exitCode, all } = await execa(join(folder, "coffre"), ["agent", "--", "sh", "-c", run], {
    cwd: project.folder,
    env: {
      ...machine(),
      PATH: [join(project.folder, "node_modules/.bin"), machine()["PATH"]].join(delimiter),
      COFFRE_URL: `coffre+${server.origin}`,
      COFFRE_TOKEN: tokens.deploy,
    },
    extendEnv: false,
    reject: false,
    all: true,
    stdin: "ignore",
  });
  said["run"] = all;
  expect({ exitCode, said: all }).toEqual({ exitCode: 0, said: expect.stringContaining("got [secret]\n") });
  sampler.stop();
  // Agents leave their folder with the lock of it, and the scripts nothing.
  const left = readdirSync(project.env["TMPDIR"] ?? "", { recursive: true, withFileTypes: true });
  expect(left.flatMap((entry) => (entry.isDirectory() ? [] : [entry.name]))).toEqual(["agents.lock"]);

  const value = await currentValue(vault, PATH);
  const search = new LeakSearch({ value, ...tokens, comment: COMMENT_TOKEN });
  for (const [name, text] of Object.entries(said)) search.in(`what ${name} said`, text);
  search.inFolder(project.folder, { except: [join(project.folder, "app.yaml")] });
  expect(search.findings).toEqual([]);
  expect(await readFile(join(project.folder, "app.yaml"), "utf8")).toContain("p: ");

  const processes = new LeakSearch({ value, ...tokens, comment: COMMENT_TOKEN });
  for (const [text, place] of sampler.seen) processes.in(place, text);
  // The search finds what it is to find: the command, and the sleep that it starts; a job's own environment.
  for (const name of ["value", "deploy", "preview", "comment"]) {
    const places = processes.placesOf(name);
    expect(places.length).toBeGreaterThan(0);
    expect(places.filter((place) => !place.startsWith("environ of process"))).toEqual([]);
  }
  const holders = new Set(processes.placesOf("value").map((place) => /\d+$/.exec(place)?.[0]));
  expect(holders.size).toBeLessThanOrEqual(2);
  // The client was there to be seen.
  expect([...sampler.seen.keys()].some((text) => /^curl\0--config\0-\0/.test(text))).toBe(true);
}, 120_000);

test.each(["github-actions.yml", "gitlab-ci.yml"])("every line of %s that a shell runs was run", (file) => {
  const lines = shellLinesOf(file);
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.filter((line) => !ran.has(line))).toEqual([]);
});

test("what Argo CD is given has no line for a shell", () => {
  expect(shellLinesOf("argo-cd.yaml")).toEqual([]);
});
