import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Front } from "../../provider/server/app.js";
import { digester, newDigestKey } from "../../provider/core/value-digest.js";
import { v1Front } from "../../provider/server/v1/front.js";
import type {
  Category,
  CategoryPatch,
  Credential,
  Deposit,
  DropBox,
  Grant,
  Membership,
  Principal,
  StoredFile,
  Transfer,
} from "../../provider/vault/port.js";
import { OPERATIONS } from "../../provider/vault/remote/operations.js";
import { box as makeBox, deposit } from "../contract/vault-cases/boxes.js";
import { createOne, withValue } from "../contract/vault-cases/setup.js";
import { ServerScene } from "../fixtures/server-scene.js";

/** What a caller must have for a route. */
type Need =
  "anybody" | "sees" | "reads" | "writes" | "manages" | "people" | "edits somewhere" | "administers" | "sees grants";

/** Those who ask: by their role, and by what they may in category A. */
const CALLERS: Record<string, readonly Need[]> = {
  administrator: ["sees", "reads", "writes", "manages", "people", "edits somewhere", "administers", "sees grants"],
  moderator: ["sees", "people", "sees grants"],
  "manager of A": ["sees", "reads", "writes", "manages", "edits somewhere", "sees grants"],
  "editor of A": ["sees", "reads", "writes", "edits somewhere", "sees grants"],
  "reader of A": ["sees", "reads", "sees grants"],
  "manager of A with a token for reading": ["sees", "reads", "sees grants"],
  "manager of B": ["edits somewhere"],
};

interface World {
  a: Category;
  entry: Credential;
  archived: Credential;
  user: Principal;
  group: Principal;
  membership: Membership;
  grant: Grant;
  box: DropBox;
  /** Whole, in a deposit that is submitted. */
  file: StoredFile;
  /** To be taken away. */
  deposits: Deposit[];
  transfer: Transfer;
}

/** So that whoever may do it gets a CONFLICT, and nothing is changed. */
const proof = { token: "another's" };
const patch = proof;
const owner = { ownerKey: "nobody's", kind: "credential" };

/** One row a route: who may, and what is sent. Whoever adds a route adds its row. */
const ROWS: Record<string, readonly [Need, (world: World) => object]> = {
  identity: ["anybody", () => ({})],
  "has-heads": ["anybody", () => ({ proofs: [] })],
  digest: ["anybody", () => ({ text: "x" })],
  "create-category": ["manages", ({ a }) => ({ input: { name: "below", parentId: a.id } })],
  "read-category": ["sees", ({ a }) => ({ id: a.id })],
  "update-category": ["manages", ({ a }) => ({ id: a.id, patch })],
  "delete-category": ["manages", ({ a }) => ({ id: a.id, proof })],
  "list-categories": ["anybody", () => ({})],
  "find-category": ["sees", () => ({ path: ["A"] })],
  "read-tree": ["anybody", ({ a }) => ({ query: { below: a.id, held: true } })],
  "change-tree": ["manages", ({ a }) => ({ changes: [{ change: "settle-notices", id: a.id, delivered: [] }] })],
  "create-credentials": ["writes", ({ a }) => ({ inputs: [{ name: "new", categoryId: a.id }] })],
  "read-credential": ["reads", ({ entry }) => ({ id: entry.id })],
  "has-token": ["reads", ({ entry }) => ({ id: entry.id, token: "x" })],
  "update-credential": ["writes", ({ entry }) => ({ id: entry.id, patch })],
  "archive-credential": ["writes", ({ entry }) => ({ id: entry.id, proof })],
  "delete-credential": ["writes", ({ entry }) => ({ id: entry.id, proof })],
  "unarchive-credential": ["writes", ({ a, archived }) => ({ id: archived.id, categoryId: a.id })],
  "find-credential": ["reads", () => ({ path: ["A", "entry"] })],
  "find-owned": ["anybody", () => owner],
  "list-credentials": ["anybody", () => ({})],
  "list-dependants": ["reads", ({ entry }) => ({ id: entry.id })],
  "read-many": ["anybody", ({ entry }) => ({ requests: [{ id: entry.id }] })],
  "find-values": ["anybody", () => ({ key: "k".repeat(43), digests: "" })],
  "acquire-lease": ["writes", ({ entry }) => ({ id: entry.id, request: { holder: "h", ttlSeconds: 60 }, steps: [] })],
  record: [
    "writes",
    ({ entry }) => ({ lease: { credentialId: entry.id, holder: "h", fencing: 0, expiresAt: "" }, steps: [] }),
  ],
  "book-login": ["edits somewhere", () => ({ booking: { id: "b", account: "a", host: "h", kind: "proof" } })],
  "settle-login": ["edits somewhere", () => ({ bookingId: "b", outcome: "succeeded" })],
  "clear-logins": ["edits somewhere", () => ({ account: "a" })],
  "resolve-credential": ["writes", ({ entry }) => ({ id: entry.id, decision: { decision: "retry" } })],
  "list-events": ["administers", () => ({})],
  "people/create-principal": ["people", () => ({ input: { kind: "group", name: "new" } })],
  "people/read-principal": ["anybody", ({ user }) => ({ id: user.id })],
  "people/update-principal": ["people", ({ user }) => ({ id: user.id, patch })],
  "people/delete-principal": ["people", ({ user }) => ({ id: user.id, proof })],
  "people/find-principal": ["anybody", () => ({ kind: "user", name: "x" })],
  "people/list-principals": ["anybody", () => ({})],
  "people/create-membership": ["people", ({ membership }) => ({ input: pairOf(membership) })],
  "people/read-membership": ["anybody", ({ membership }) => ({ id: membership.id })],
  "people/update-membership": ["people", ({ membership }) => ({ id: membership.id, patch })],
  "people/delete-membership": ["people", ({ membership }) => ({ id: membership.id, proof })],
  "people/find-membership": ["anybody", ({ membership }) => pairOf(membership)],
  "people/list-memberships": ["anybody", () => ({})],
  "people/create-grant": [
    "manages",
    ({ a, group }) => ({ input: { categoryId: a.id, principalId: group.id, role: "reader" } }),
  ],
  "people/read-grant": ["sees grants", ({ grant }) => ({ id: grant.id })],
  "people/update-grant": ["manages", ({ grant }) => ({ id: grant.id, patch })],
  "people/delete-grant": ["manages", ({ grant }) => ({ id: grant.id, proof })],
  "people/find-grant": [
    "sees grants",
    ({ grant }) => ({ categoryId: grant.categoryId, principalId: grant.principalId }),
  ],
  "people/list-grants": ["anybody", () => ({})],
  "people/find-owned": ["anybody", () => ({ ...owner, kind: "grant" })],
  "boxes/create-box": ["writes", ({ a }) => ({ input: { name: "new", categoryId: a.id, recipients: [] } })],
  "boxes/read-box": ["reads", ({ box }) => ({ id: box.id })],
  "boxes/update-box": ["writes", ({ box }) => ({ id: box.id, patch })],
  "boxes/archive-box": ["writes", ({ box }) => ({ id: box.id, proof })],
  "boxes/delete-box": ["manages", ({ box }) => ({ id: box.id, proof })],
  "boxes/find-box": ["reads", ({ a, box }) => ({ categoryId: a.id, name: box.name })],
  "boxes/list-boxes": ["anybody", () => ({})],
  "boxes/find-owned": ["anybody", () => ({ ownerKey: "nobody's" })],
  "boxes/open-deposit": ["writes", ({ box }) => ({ boxId: box.id, input: { by: "me", inside: true } })],
  "boxes/read-deposit": ["reads", ({ file }) => ({ id: file.depositId })],
  "boxes/submit-deposit": ["writes", ({ file }) => ({ id: file.depositId })],
  "boxes/delete-deposit": ["writes", ({ deposits }) => ({ id: deposits.pop()?.id })],
  "boxes/list-deposits": ["reads", ({ box }) => ({ boxId: box.id })],
  "boxes/tidy": ["administers", () => ({})],
  "boxes/create-file": ["writes", ({ file }) => ({ input: { depositId: file.depositId, name: "late" } })],
  "boxes/read-file": ["reads", ({ file }) => ({ id: file.id })],
  "boxes/append-file": ["writes", ({ file }) => ({ id: file.id, offset: 0, bytes: "" })],
  "boxes/finish-file": ["writes", ({ file }) => ({ id: file.id, quarantine: false })],
  "boxes/abort-file": ["writes", ({ file }) => ({ id: file.id })],
  "boxes/judge-file": ["administers", ({ file }) => ({ id: file.id, verdict: { clean: true } })],
  "boxes/read-content": ["reads", ({ file }) => ({ id: file.id })],
  "boxes/delete-file": ["writes", ({ deposits }) => ({ id: deposits.pop()?.files[0]?.id })],
  "transfers/create": [
    "writes",
    ({ a, transfer: { expiresAt } }) => ({ input: { categoryId: a.id, from: "me", expiresAt } }),
  ],
  "transfers/read": ["reads", ({ transfer }) => ({ id: transfer.id })],
  "transfers/update": ["writes", ({ transfer }) => ({ id: transfer.id, patch })],
  "transfers/send": ["writes", ({ transfer }) => ({ id: transfer.id })],
  "transfers/archive": ["writes", ({ transfer }) => ({ id: transfer.id, proof })],
  "transfers/list": ["anybody", () => ({})],
  "transfers/find-owned": ["anybody", () => ({ ownerKey: "nobody's" })],
};

function pairOf({ groupId, memberId }: Membership) {
  return { groupId, memberId };
}

let scene: ServerScene;
let world: World;
const routes = new Set<string>();
const tokens: Record<string, string> = {};
const refused: Record<string, string | undefined> = {};

/** `/v1`, with each of its routes noted as it is added. */
const noted: Front = (app, context) => {
  app.addHook("onRoute", ({ method, url }) => {
    for (const each of [method].flat()) if (each !== "HEAD") routes.add(`${each} ${url}`);
  });
  return v1Front(app, context);
};

beforeAll(async () => {
  scene = await ServerScene.start({ fronts: [noted] });
  const { vault, state } = scene;
  const [a, b] = await Promise.all(["A", "B"].map((name) => vault.createCategory({ name, parentId: null })));
  if (!a || !b) throw new Error("nothing was created");
  const entry = await createOne(vault, { name: "entry", categoryId: a.id, ...withValue("hunter2-of-A") });
  const archived = await createOne(vault, { name: "archived", categoryId: a.id });
  await vault.archiveCredential(archived.id, {});
  const user = await vault.people.createPrincipal({ kind: "user", name: "somebody" });
  const group = await vault.people.createPrincipal({ kind: "group", name: "team" });
  const membership = await vault.people.createMembership({ groupId: group.id, memberId: user.id });
  const give = async (name: string, categoryId: string, role: Grant["role"]) => {
    const principal = await vault.people.findPrincipal("user", name);
    return vault.people.createGrant({ categoryId, principalId: principal?.id ?? "", role });
  };
  tokens["administrator"] = await scene.token("root", { role: "administrator" });
  tokens["moderator"] = await scene.token("moderator", { role: "moderator" });
  for (const role of ["manager", "editor", "reader"] as const) {
    tokens[`${role} of A`] = await scene.token(`${role} of A`);
    await give(`${role} of A`, a.id, role);
  }
  tokens["manager of A with a token for reading"] = await scene.token("manager of A", { role: "reader" });
  tokens["manager of B"] = await scene.token("manager of B");
  await give("manager of B", b.id, "manager");
  const grant = await give("reader of A", a.id, "reader").catch(() =>
    vault.people
      .listGrants()
      [Symbol.asyncIterator]()
      .next()
      .then(({ value }) => value as Grant),
  );
  const box = await makeBox(vault, { categoryId: a.id });
  const whole = await deposit(vault, box, { "a.txt": "content" });
  const [file] = whole.files;
  if (!file) throw new Error("nothing was deposited");
  const deposits: Deposit[] = [];
  const most = 2 * (2 * Object.keys(CALLERS).length + 3);
  for (let made = 0; made < most; made++) deposits.push(await deposit(vault, box, { "b.txt": "content" }));
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  const { transfer } = await vault.boxes.transfers.create({ categoryId: a.id, from: "Ana", expiresAt });
  world = { transfer, a, entry, archived, user, group, membership, grant, box, file, deposits };

  const revoked = await scene.token("gone", { role: "administrator" });
  await Promise.all(
    state.tokens.list().flatMap(({ id, user: name }) => (name === "gone" ? [state.tokens.revoke(id)] : [])),
  );
  Object.assign(refused, {
    "no token": undefined,
    "a wrong token": revoked.replace(/^cft_.{22}/, `cft_${"a".repeat(22)}`),
    "a revoked token": revoked,
  });
});
afterAll(() => scene.close());

let changes = 0;
function send(name: string, token: string | undefined) {
  const [, body] = ROWS[name] ?? [];
  const headers = { "x-coffre-request": `a change of its own ${(changes += 1)}`.replaceAll(" ", "-") };
  return scene.send(`/v1/${name}`, { body: body?.(world) ?? {}, headers, ...(token === undefined ? {} : { token }) });
}

/** How these callers fare on the route. */
async function seen(name: string, callers: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const caller of callers) {
    const { status, body } = await send(name, tokens[caller]);
    // Done, or refused for what stands there already: never for what was sent.
    found[caller] = [200, 409, 423].includes(status) ? "may" : status === 403 ? "may not" : JSON.stringify(body);
  }
  return found;
}

function mayText(need: Need, rights: readonly Need[] = []): string {
  return need === "anybody" || rights.includes(need) ? "may" : "may not";
}

test("every route of the server has its row, and every row its route", () => {
  const expected = [...Object.keys(ROWS).map((name) => `POST /v1/${name}`), "GET /v1/openapi.json", "GET /v1/value"];
  expect([...routes].sort()).toEqual(expected.sort());
  expect(Object.keys(OPERATIONS).sort()).toEqual(Object.keys(ROWS).sort());
});

describe.each(Object.keys(ROWS))("/v1/%s", (name) => {
  test("is refused without a token, with a wrong one and with a revoked one", async () => {
    for (const token of Object.values(refused)) {
      expect(await send(name, token)).toMatchObject({ status: 401, body: { error: { code: "FORBIDDEN" } } });
    }
  });

  test("is for those who may", async () => {
    const [need = "administers"] = ROWS[name] ?? [];
    expect(await seen(name, Object.keys(CALLERS))).toEqual(
      Object.fromEntries(Object.entries(CALLERS).map(([caller, rights]) => [caller, mayText(need, rights)])),
    );
  });

  test("is in a read-only category for its editors as for its readers, and past its time for its managers neither", async () => {
    const [need = "administers"] = ROWS[name] ?? [];
    const change = (patch: CategoryPatch) => scene.vault.updateCategory(world.a.id, patch);
    const team = ["manager of A", "editor of A"];
    try {
      await change({ readOnly: true });
      expect(await seen(name, team)).toEqual({
        "manager of A": mayText(need, CALLERS["manager of A"]),
        "editor of A": mayText(need, CALLERS["reader of A"]),
      });
      await change({ readOnly: false, expiresAt: "2020-01-01T00:00:00Z" });
      expect(await seen(name, team)).toEqual({
        "manager of A": mayText(need, ["sees grants"]), // the one of the row is its own
        "editor of A": mayText(need),
      });
      expect(await seen(name, ["administrator"])).toEqual({ administrator: "may" });
    } finally {
      await change({ readOnly: false, expiresAt: null });
    }
  });
});

describe("what everybody may ask shows each only what is theirs:", () => {
  async function lines(name: string, caller: string): Promise<number> {
    const { body } = await send(name, tokens[caller]);
    return String(body).trim().split("\n").length - 1; // without the end; one line is parsed as an object
  }

  test("transfers, and the files of one", async () => {
    expect(await lines("transfers/list", "manager of B")).toBe(0);
    const transfers = await scene.send("/v1/transfers/list", { body: {}, token: tokens["reader of A"] ?? "" });
    expect(JSON.stringify(transfers.body)).toContain(world.transfer.id);
    const headers = { "x-coffre-request": "a-file-of-a-transfer" };
    const body = { input: { depositId: world.transfer.id, name: "a.txt" } };
    for (const [caller, status] of [
      ["manager of B", 403],
      ["reader of A", 403],
      ["editor of A", 200],
    ] as const) {
      const answer = await scene.send("/v1/boxes/create-file", { body, headers, token: tokens[caller] ?? "" });
      expect(answer.status).toBe(status);
    }
  });

  test("values", async () => {
    const read = async (caller: string) => JSON.stringify((await send("read-many", tokens[caller])).body);
    expect(await read("reader of A")).toContain("hunter2");
    for (const caller of ["moderator", "manager of B"]) {
      expect(await read(caller)).toContain("FORBIDDEN");
      expect(await read(caller)).not.toContain("hunter2");
    }
  });

  test("values that are compared: guesses at what a caller may not read are never answered", async () => {
    const key = newDigestKey();
    const body = { key, digests: [digester(key)("hunter2-of-A"), digester(key)("another guess")].join("") };
    const find = (caller: string) => scene.send("/v1/find-values", { body, token: tokens[caller] ?? "" });
    const found = { digest: digester(key)("hunter2-of-A"), credentialId: world.entry.id, version: 1, state: "current" };
    expect(await find("reader of A")).toMatchObject({ status: 200, body: { value: [found] } });
    for (const caller of ["moderator", "manager of B"]) {
      expect(await find(caller)).toMatchObject({ status: 200, body: { value: [] } });
    }
  });

  test("the tree, entries and grants", async () => {
    expect(await lines("list-credentials", "manager of B")).toBe(0);
    expect(await lines("list-credentials", "reader of A")).toBeGreaterThan(0);
    const tree = async (caller: string) => String((await send("list-categories", tokens[caller])).body);
    expect(await tree("manager of B")).not.toContain('"name":"A"');
    expect(await tree("moderator")).toContain('"name":"A"');
    expect(await lines("people/list-grants", "manager of B")).toBe(1);
    expect(await lines("people/list-grants", "moderator")).toBeGreaterThan(3);
  });
});

describe("many changes of the tree at once need what each of them needs:", () => {
  const asManager = (changes: object[]) =>
    scene.send("/v1/change-tree", {
      body: { changes },
      headers: { "x-coffre-request": `a-change-of-the-tree-${(changed += 1)}` },
      token: tokens["manager of A"] ?? "",
    });
  let changed = 0;

  test.each<[string, (there: { free: string; closed: string; grant: string; group: string }) => object]>([
    ["make one at the root", () => ({ change: "create-category", input: { name: "top", parentId: null } })],
    [
      "make one in what doesn't inherit",
      ({ closed }) => ({ change: "create-category", input: { name: "x", parentId: closed } }),
    ],
    [
      "adopt what doesn't inherit",
      () => ({ change: "create-category", input: { name: "closed", parentId: { made: 0 } }, adopt: true }),
    ],
    ["change it", ({ closed }) => ({ change: "update-category", id: closed, patch: { inheritGrants: true } })],
    [
      "move something into it",
      ({ free, closed }) => ({ change: "update-category", id: free, patch: { parentId: closed } }),
    ],
    ["take it away", ({ closed }) => ({ change: "delete-category", id: closed, proof: {} })],
    ["hush its news", ({ closed }) => ({ change: "settle-notices", id: closed, delivered: [] })],
    [
      "give a right on it",
      ({ closed, group }) => ({
        change: "create-grant",
        input: { categoryId: closed, principalId: group, role: "reader" },
      }),
    ],
    ["change a right on it", ({ grant }) => ({ change: "update-grant", id: grant, patch: { role: "manager" } })],
    ["take a right on it", ({ grant }) => ({ change: "delete-grant", id: grant, proof: {} })],
  ])("a manager of A may not %s", async (_what, change) => {
    const { vault } = scene;
    const name = `tree ${(changed += 1)}`;
    const free = await vault.createCategory({ name, parentId: world.a.id });
    const closed = await vault.createCategory({ name: "closed", parentId: free.id, inheritGrants: false });
    const other = await vault.people.createPrincipal({ kind: "group", name });
    const grant = await vault.people.createGrant({ categoryId: closed.id, principalId: other.id, role: "reader" });
    const group = await vault.people.createPrincipal({ kind: "group", name: `${name} too` });
    const allowed = { change: "create-category", input: { name, parentId: world.a.id }, adopt: true };
    const before = await vault.readTree({ below: null });
    const refused = change({ free: free.id, closed: closed.id, grant: grant.id, group: group.id });
    expect(await asManager([allowed, refused])).toMatchObject({ status: 403, body: { error: { code: "FORBIDDEN" } } });
    expect(await vault.readTree({ below: null })).toEqual(before);
    expect(await asManager([allowed])).toMatchObject({ status: 200, body: { value: [free.id] } });
  });

  test("and reading many answers what one may see", async () => {
    const { vault } = scene;
    const hidden = await vault.createCategory({ name: "hidden", parentId: world.a.id, inheritGrants: false });
    const read = async (caller: string) => JSON.stringify((await send("read-tree", tokens[caller])).body);
    expect(await read("administrator")).toContain(hidden.id);
    expect(await read("manager of A")).toContain(world.a.id);
    expect(await read("reader of A")).toMatch(/"held":\{"credentials":\d+,"boxes":\d+\}/);
    expect(await read("moderator")).toContain(world.a.id);
    expect(await read("moderator")).not.toContain("held");
    expect(await read("manager of A")).not.toContain(hidden.id);
    expect(await read("manager of B")).toContain('{"categories":[],"grants":[]}');
  });
});

test("the document of /v1, made when it is first asked for, describes every request, and is the same the next time", async () => {
  const asked = async () => (await scene.send("/v1/openapi.json")).body as { paths: Record<string, unknown> };
  const [first, again] = [await asked(), await asked()];
  expect(Object.keys(first.paths)).toEqual(expect.arrayContaining(Object.keys(ROWS).map((name) => `/v1/${name}`)));
  expect(again).toEqual(first);
});
