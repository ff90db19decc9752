import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { type PostgresServer, startPostgres } from "../fixtures/postgres-server.ts";
import { type RunResult, succeed } from "../fixtures/pulumi-project.ts";
import { BROUGHT, coffre, sourceFiles, SOURCES, TYPED } from "./brought.ts";
import { createVaultProject, output, type VaultProject } from "../stack/harness.ts";
import { Machine } from "./machine.ts";
import { ProcessSampler } from "./processes.ts";
import { formsOf, LeakSearch } from "./search.ts";
import { decryptedLogs, valuesOf } from "./stack.ts";

jest.setTimeout(240_000);

// Planted where a password must never be, and found by the same search: then finding nothing means something.
const CONTROL = `ctl<&>'"\\ ${"x".repeat(6)}/+Zq7~ü end`;
const LOUD = ["-v=9", "--logtostderr", "--logflow"];

let stack: VaultProject;
let server: PostgresServer;
let machine: Machine | undefined;
let adminPasswordFile: string;
const outputs: { command: string; result: RunResult }[] = [];

function program(trigger: string, port: number): string {
  return `import * as coffre from "coffre";
const databases = new coffre.Category("Databases", { passwordPolicy: { require: ["upper", "digit", "symbol"] } });
const orders = new coffre.Credential("orders-app", {
  categoryId: databases.id, username: "orders_app", rotateWhenChanged: { n: ${JSON.stringify(trigger)} },
  target: coffre.postgres({
    host: "127.0.0.1", port: ${String(port)},
    admin: { username: "postgres", passwordFile: ${JSON.stringify(adminPasswordFile)} }, account: { create: true },
  }),
});
const plain = new coffre.Credential("no-target", { categoryId: databases.id });
${BROUGHT}
${machine?.program(trigger) ?? ""}
export const refs = [orders.ref, plain.ref];
export const control = ${JSON.stringify(CONTROL)};
`;
}

async function loudly(command: string, run: Promise<RunResult>): Promise<RunResult> {
  const result = await run;
  outputs.push({ command, result });
  return result;
}

beforeAll(async () => {
  server = await startPostgres({ settings: { log_statement: "all", log_min_error_statement: "debug1" } });
  stack = await createVaultProject("");
  adminPasswordFile = join(stack.project.folder, "admin.password");
  await stack.project.write({ "admin.password": server.password, ...SOURCES });
  machine = await Machine.start(stack.project, stack.vault);
}, 90_000);
afterAll(async () => {
  await stack.project.remove();
  await server.remove();
  await machine?.stop();
}, 30_000);

test("a value is found in every form in which it can hide", () => {
  for (const { name, text } of formsOf(CONTROL)) {
    const search = new LeakSearch({ control: CONTROL });
    search.in(name, `before ${text} after`);
    expect({ name, found: search.findings.length > 0 }).toEqual({ name, found: true });
  }
  for (const before of ["", "a", "ab"]) {
    const search = new LeakSearch({ control: CONTROL });
    search.in("base64", Buffer.from(`${before}${CONTROL}and more`).toString("base64"));
    expect(search.findings.length).toBeGreaterThan(0);
  }
  const clean = new LeakSearch({ control: CONTROL });
  clean.in("text", "nothing of the kind");
  expect(clean.findings).toEqual([]);
});

test("a stack's whole life leaves no value anywhere but in the vault and on the target", async () => {
  const { project, vault } = stack;
  const sampler = new ProcessSampler();
  const planted = spawn("sleep", ["120"], { argv0: `sleep ${CONTROL}`, env: { CONTROL } });
  try {
    await project.setProgram(program("1", server.port));
    succeed(await loudly("up", project.up(LOUD)));
    await project.setProgram(program("2", server.port));
    succeed(await loudly("up that rotates", project.up(LOUD)));
    await bringByCommand(stack);
    succeed(await loudly("refresh", project.refresh(LOUD)));
    await server.stop();
    await project.setProgram(program("3", server.port));
    expect((await loudly("up that fails", project.up(LOUD))).exitCode).not.toBe(0);
    await server.start();
    succeed(await loudly("up that finishes", project.up(LOUD)));
    succeed(await loudly("export", project.run(["stack", "export", "--show-secrets"])));
  } finally {
    sampler.stop();
    planted.kill();
  }
  await machine?.plant(CONTROL);
  const secrets: Record<string, string> = {
    ...(await valuesOf(vault)),
    ...machine?.secrets,
    admin: server.password,
    "vault's key": readFileSync(vault.keyFile, "utf8").trim().split(":")[1] ?? "",
  };
  // Three versions of one, one of another, four that were brought and the file as a file, and two that were given.
  expect(Object.keys(secrets)).toHaveLength(11 + (machine ? machine.drawn + 2 : 0));
  succeed(await loudly("destroy", project.destroy(LOUD)));

  const search = new LeakSearch({ ...secrets, control: CONTROL });
  // State, history, backups, the engine's home with its always-on logs, homes, temporary files, and the vault itself.
  const mayHold = [
    adminPasswordFile,
    vault.keyFile,
    ...sourceFiles(project.folder),
    ...(machine ? [machine.file] : []),
  ];
  search.inFolder(project.folder, { except: mayHold });
  await machine?.search(search);
  search.in("the server's log", await server.log());
  for (const { command, result } of outputs) search.in(`output of ${command}`, output(result));
  for (const [text, whose] of sampler.seen) search.in(whose, Buffer.from(text, "latin1"));
  const logs = await decryptedLogs(project);
  expect(logs.length).toBeGreaterThan(2);
  for (const [name, text] of logs) search.in(name, text);

  expect(search.findings.filter(({ secret }) => secret !== "control")).toEqual([]);
  const found = search.placesOf("control").join("\n");
  for (const place of [
    "/.pulumi/stacks/",
    "/.pulumi/history/",
    "/.pulumi/backups/",
    "output of up",
    "decrypted log",
    ...(machine?.planted ?? []),
  ]) {
    expect(found).toContain(place);
  }
  expect(found).toMatch(/cmdline of process/);
  expect(found).toMatch(/environ of process/);
  expect(search.places).toBeGreaterThan(50);
  expect(sampler.rounds).toBeGreaterThan(50);
});

/** What people do with fields; each says what it says, and writes where it writes. */
async function bringByCommand({ project }: VaultProject): Promise<void> {
  const call = async (args: readonly string[], input = "") => {
    const env = { ...project.env, EDITOR: "sed -i s/ana@/bo@/" };
    succeed(await loudly(`coffre ${args[0] ?? ""}`, coffre(project.folder, args, { env, input })));
  };
  await call(["put", "Databases/brought", "--field", "typed"], `${TYPED}\n`);
  await call(["edit", "Databases/brought"]);
  await call(["get", "Databases/brought", "--json"]);
  await call(["history", "Databases/brought?field=tls.key", "--json"]);
  await call(["events"]);
  await rm(sourceFiles(project.folder)[0] ?? "");
}
