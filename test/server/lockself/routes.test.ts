import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ServedRoute } from "../../../provider/server/lockself/handlers.js";
import { isServed, NOT_SERVED } from "../../../provider/server/lockself/handlers.js";
import { LOCKSELF_ROUTES, ROUTE_NAMES, type RouteName } from "../../../provider/vault/lockself/routes.js";
import { LockselfScene } from "../../fixtures/lockself-scene.js";

/** Who asks. The grants are on one category, `Theirs`, and the stranger's on another; `readsOnly` is an editor whose token reads only. */
const CALLERS = ["administrator", "moderator", "manager", "editor", "reader", "readsOnly", "stranger"] as const;
type Caller = (typeof CALLERS)[number];

/** Statuses by caller; `else` for those that aren't named. `in`: let in, however it goes on. */
type Row = Partial<Record<Caller, number | "in">> & { else: number | "in"; body?: object };

const NO = 403;
const GONE = 404;
/** Whoever may read the category. */
const READS: Row = { else: "in", moderator: GONE, stranger: GONE };
/** Whoever may change what stands in it. */
const WRITES: Row = { else: "in", moderator: GONE, stranger: GONE, reader: NO, readsOnly: NO };
/** Its managers. */
const MANAGES: Row = { else: NO, administrator: "in", manager: "in", stranger: GONE };
const PEOPLE: Row = { else: NO, administrator: "in", moderator: "in" };
const ANYBODY: Row = { else: "in" };

const named = (row: Row, body: object): Row => ({ ...row, body });

/** Every route that is served has a row here; the compiler asks for it, and so does the first test. */
const ROWS: Record<ServedRoute, Row> = {
  "credentials.list": ANYBODY,
  "credentials.create": named({ ...WRITES, moderator: NO }, { categoryId: -1, name: "new", password: "p" }),
  "credentials.decrypt": READS,
  "credentials.read": READS,
  "credentials.update": named(WRITES, { description: "d" }),
  "credentials.delete": WRITES,
  "credentials.history": READS,
  "categories.list": ANYBODY,
  "categories.create": named(MANAGES, { parentId: -1, name: "new" }),
  "categories.read": { else: "in", stranger: GONE },
  "categories.update": named(MANAGES, { name: "Theirs" }),
  "categories.delete": MANAGES,
  "categories.users.list": MANAGES,
  "categories.users.add": named(MANAGES, { userId: 4711 }),
  "categories.users.update": named(MANAGES, { isManager: false }),
  "categories.users.remove": MANAGES,
  "categories.groups.list": MANAGES,
  "categories.groups.add": named(MANAGES, { groupId: 4711 }),
  "categories.groups.update": named(MANAGES, { isManager: false }),
  "categories.groups.remove": MANAGES,
  "password-policies.list": ANYBODY,
  "password-policies.create": named(PEOPLE, { name: "p", minLength: 0 }),
  "password-policies.read": { else: GONE },
  "password-policies.update": named(PEOPLE, { minLength: 0 }),
  "password-policies.delete": PEOPLE,
  "users.list": { ...PEOPLE, manager: "in" },
  "users.create": named(PEOPLE, { email: "nobody" }),
  "users.read": { ...PEOPLE, manager: "in" },
  "users.update": named(PEOPLE, { isExternal: true }),
  "users.delete": PEOPLE,
  "users.rights": PEOPLE,
  "groups.list": { ...PEOPLE, manager: "in" },
  "groups.create": named(PEOPLE, { name: "a/b" }),
  "groups.read": { ...PEOPLE, manager: "in" },
  "groups.update": named(PEOPLE, { name: "a/b" }),
  "groups.delete": PEOPLE,
  "groups.users.add": PEOPLE,
  "groups.users.remove": PEOPLE,
  "organizations.list": ANYBODY,
  "organizations.read": ANYBODY,
  "export.token": named(
    { else: NO, administrator: "in", moderator: "in" },
    {
      method: "downloadGlobalExport",
      organizationId: 1,
      zipPassword: "p",
    },
  ),
  "logs.list": { else: NO, administrator: "in" },
  // Not parts, so that nothing is sent: who may send is refused for that.
  "transfers.password": { else: "in", readsOnly: NO },
  "transfers.password.api": { else: "in", readsOnly: NO },
};

let scene: LockselfScene;
let theirs: number;
let ids: Record<"credentials" | "users" | "groups", number>;
const tokens = new Map<Caller, string>();
let wrong: string;
let revoked: string;

beforeAll(async () => {
  scene = await LockselfScene.start();
  theirs = await scene.category("Theirs");
  const other = await scene.category("Other");
  tokens.set("administrator", scene.token);
  tokens.set("moderator", await scene.server.token("mod", { role: "moderator" }));
  for (const role of ["manager", "editor", "reader"] as const) {
    tokens.set(role, await scene.member(`a-${role}`, theirs, role));
  }
  tokens.set("readsOnly", await scene.member("looks", theirs, "editor", "reader"));
  tokens.set("stranger", await scene.member("stranger", other, "editor"));
  ids = {
    credentials: (await scene.ask("POST /api-key/credentials", { categoryId: theirs, name: "n", password: "p" })).body
      .id,
    users: (await scene.ask("POST /api-key/users", { email: "somebody@example.com" })).body.id,
    groups: (await scene.ask("POST /api-key/groups", { name: "group" })).body.id,
  };
  revoked = await scene.server.token("root", { role: "administrator" });
  await scene.server.state.tokens.revoke(scene.server.state.tokens.list().at(-1)?.id ?? "");
  const gone = await scene.server.token("root", { role: "administrator" });
  wrong = `${gone.slice(0, -20)}${gone.at(-20) === "x" ? "y" : "x"}${gone.slice(-19)}`;
});
afterAll(() => scene.close());

/** The route with ids of what is there; a route that deletes gets the id of what nobody has, unless the caller is to be refused. */
function pathOf(name: ServedRoute, isLetIn: boolean): string {
  const { method, path } = LOCKSELF_ROUTES[name];
  const [, , kind = ""] = path.split("/");
  const own = kind === "categories" ? theirs : kind === "organizations" ? 1 : (ids[kind as keyof typeof ids] ?? 4711);
  const id = method === "DELETE" && isLetIn ? 4711 : own;
  return `${method} ${path.replace("{id}", String(id)).replaceAll(/\{\w+\}/g, "4711")}`;
}

function bodyOf({ body }: Row): object | undefined {
  if (!body) return undefined;
  return Object.fromEntries(
    Object.entries(body).map(([field, value]) => [field, value === -1 ? theirs : (value as unknown)]),
  );
}

/** The caller fares on the route as the row says of `like`. */
async function expectAs(name: ServedRoute, caller: Caller, like: Caller): Promise<void> {
  const row = ROWS[name];
  const expected = row[like] ?? row.else;
  const { status, body } = await scene.ask(pathOf(name, expected === "in"), bodyOf(row), {
    token: tokens.get(caller) ?? "",
  });
  if (expected === "in") expect({ caller, refused: [401, 403].includes(status) }).toEqual({ caller, refused: false });
  else expect({ caller, status, code: body["code"] }).toEqual({ caller, status: expected, code: expected });
}

test("every route of the table is served or named as not served", () => {
  const served = ROUTE_NAMES.filter(isServed);
  expect(Object.keys(ROWS).sort()).toEqual([...served].sort());
  expect([...served, ...NOT_SERVED].sort()).toEqual([...ROUTE_NAMES].sort());
});

describe.each(Object.keys(ROWS) as ServedRoute[])("%s", (name) => {
  const row = ROWS[name];

  test("asks for a good token", async () => {
    for (const token of ["", wrong, revoked]) {
      const { status, body } = await scene.ask(pathOf(name, false), bodyOf(row), { token });
      expect({ token: token.length, status, code: body["code"] }).toEqual({
        token: token.length,
        status: 401,
        code: 401,
      });
    }
  });

  test("lets in who has the right, and nobody else", async () => {
    for (const caller of CALLERS) await expectAs(name, caller, caller);
  });

  test("lets in an editor of a read-only category as a reader, and past its time a manager as a stranger", async () => {
    const { vault } = scene.server;
    const id = (await vault.findCategory(["Theirs"]))?.id ?? "";
    try {
      await vault.updateCategory(id, { readOnly: true });
      await expectAs(name, "editor", "reader");
      await expectAs(name, "manager", "manager");
      await vault.updateCategory(id, { readOnly: false, expiresAt: "2020-01-01T00:00:00Z" });
      for (const caller of ["manager", "editor"] as const) await expectAs(name, caller, "stranger");
      await expectAs(name, "administrator", "administrator");
    } finally {
      await vault.updateCategory(id, { readOnly: false, expiresAt: null });
    }
  });
});

test("what isn't served is 404, and only to those who were let in", async () => {
  for (const name of NOT_SERVED as readonly RouteName[]) {
    const { method, path } = LOCKSELF_ROUTES[name];
    const route = `${method} ${path.replaceAll(/\{\w+\}/g, "1")}`;
    expect({ name, status: (await scene.ask(route)).status }).toEqual({ name, status: 404 });
    expect({ name, status: (await scene.ask(route, undefined, { token: wrong })).status }).toEqual({
      name,
      status: 401,
    });
  }
});
