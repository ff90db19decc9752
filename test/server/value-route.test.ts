import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { collect } from "../../provider/core/collect.js";
import { Secret } from "../../provider/core/secret.js";
import { v1Front } from "../../provider/server/v1/front.js";
import { createOne } from "../contract/vault-cases/setup.js";
import { ServerScene } from "../fixtures/server-scene.js";

const VALUE = "Zq7~ a value that 'only' readers get";

let scene: ServerScene;
let id: string;
let admin: string;
let reader: string;
let stranger: string;

beforeAll(async () => {
  scene = await ServerScene.start({ fronts: [v1Front] });
  const { vault } = scene;
  const { id: categoryId } = await vault.createCategory({ name: "Databases", parentId: null });
  const put = (name: string, type: "file" | "totp" | "secret", value: string) =>
    ({ change: "put", name, type, value: new Secret(value), cause: "test" }) as const;
  const entry = await createOne(vault, {
    name: "orders & co",
    categoryId,
    username: "orders_app",
    initial: { value: new Secret(VALUE), causes: ["command:test"] },
    fields: [put("tls.key", "file", "/w=="), put("totp", "totp", "JBSWY3DPEHPK3PXP"), put("token", "secret", "first")],
  });
  id = entry.id;
  admin = await scene.token("root", { role: "administrator" });
  reader = await scene.token("ana");
  stranger = await scene.token("bob");
  const ana = await vault.people.findPrincipal("user", "ana");
  await vault.people.createGrant({ categoryId, principalId: ana?.id ?? "", role: "reader" });
});
afterAll(() => scene.close());

const name = async () => (await scene.vault.identity()).name;
const pathRef = async (query = "") => `coffre://${await name()}/Databases/orders%20%26%20co${query}`;
const idRef = async (query = "") => `coffre://${await name()}/id/${id}${query}`;
function get(ref: string, token: string | undefined, headers: Record<string, string> = {}) {
  return scene.send(`/v1/value?ref=${encodeURIComponent(ref)}`, { headers, ...(token === undefined ? {} : { token }) });
}
const readEvents = async () =>
  (await collect(scene.vault.listEvents({ credentialId: id }))).filter(({ action }) => action === "credential.read");

test("a value comes with its version and an ETag, by path and by id, and the read is in the log", async () => {
  const before = (await readEvents()).length;
  const byPath = await get(await pathRef(), reader);
  expect(byPath).toMatchObject({
    status: 200,
    body: {
      ref: await pathRef(),
      id,
      version: 1,
      field: "password",
      type: "secret",
      encoding: "utf8",
      username: "orders_app",
      value: VALUE,
    },
  });
  expect(byPath.headers.get("cache-control")).toBe("no-store");
  const byId = await get(await idRef(), reader);
  expect(byId.body).toEqual(byPath.body);
  expect(byId.headers.get("etag")).toBe(byPath.headers.get("etag"));
  const events = await readEvents();
  expect(events).toHaveLength(before + 2);
  expect(events.at(-1)).toMatchObject({ actor: expect.stringContaining("ana"), version: 1 });
});

test("whoever has the version already gets 304, and nothing is read, until there is another", async () => {
  const first = await get(await idRef("?field=token"), reader);
  const etag = first.headers.get("etag") ?? "";
  const before = (await readEvents()).length;
  for (const known of [etag, `"other", ${etag}`, `W/${etag}`]) {
    const again = await get(await pathRef("?field=token"), reader, { "if-none-match": known });
    expect({ status: again.status, etag: again.headers.get("etag"), body: again.body ?? "" }).toEqual({
      status: 304,
      etag,
      body: "",
    });
  }
  expect(await readEvents()).toHaveLength(before);
  await scene.vault.updateCredential(id, {
    fields: [{ change: "put", name: "token", type: "secret", value: new Secret("second"), cause: "test" }],
  });
  const changed = await get(await idRef("?field=token"), reader, { "if-none-match": etag });
  expect(changed).toMatchObject({ status: 200, body: { version: 2, value: "second" } });
  expect(changed.headers.get("etag")).not.toBe(etag);
  const earlier = await get(await idRef("?field=token&version=previous"), reader, { "if-none-match": etag });
  expect(earlier.status).toBe(304);
});

test("an ETag of another field or entry is none of this one's", async () => {
  const { headers } = await get(await idRef(), reader);
  const other = await get(await idRef("?field=token"), reader, { "if-none-match": headers.get("etag") ?? "" });
  expect(other.status).toBe(200);
});

test("rights are enforced, with and without an ETag", async () => {
  const { headers } = await get(await idRef(), admin);
  const etag = headers.get("etag") ?? "";
  const before = (await readEvents()).length;
  for (const ref of [await pathRef(), await idRef()]) {
    for (const more of [{}, { "if-none-match": etag }, { "if-none-match": '"x"' }]) {
      const said = await get(ref, stranger, more);
      expect(said).toMatchObject({ status: 403, body: { error: { code: "FORBIDDEN" } } });
      expect(JSON.stringify(said.body)).not.toContain(VALUE);
    }
  }
  expect(await get(await idRef(), undefined, { "if-none-match": etag })).toMatchObject({ status: 401 });
  expect(await readEvents()).toHaveLength(before);
});

test("a file comes in base64, a seed of one-time codes not at all", async () => {
  expect((await get(await idRef("?field=tls.key"), reader)).body).toMatchObject({
    type: "file",
    encoding: "base64",
    value: "/w==",
  });
  const totp = await get(await idRef("?field=totp"), reader);
  expect(totp).toMatchObject({ status: 400, body: { error: { code: "NOT_SUPPORTED" } } });
  expect(JSON.stringify(totp.body)).not.toContain("JBSWY3DPEHPK3PXP");
});

test.each([
  ["nobody", async () => `coffre://${await name()}/Databases/nobody`, 404, "NOT_FOUND"],
  ["no such field", () => idRef("?field=none"), 404, "NOT_FOUND"],
  ["no such version", () => idRef("?version=9"), 404, "NOT_FOUND"],
  ["another vault", async () => "coffre://another-vault/Databases/x", 409, "WRONG_VAULT"],
  ["no reference", async () => "Databases/orders", 400, "INVALID_INPUT"],
])("%s is an error of its own", async (_what, ref, status, code) => {
  expect(await get(await ref(), reader)).toMatchObject({ status, body: { error: { code } } });
  expect(await get(await ref(), reader, { "if-none-match": '"x"' })).toMatchObject({
    status,
    body: { error: { code } },
  });
});

test.each(["/v1/value", "/v1/value?ref=a&ref=b", "/v1/value?ref=a&other=b"])("%s asks for nothing", async (path) => {
  expect(await scene.send(path, { token: reader })).toMatchObject({
    status: 400,
    body: { error: { code: "INVALID_INPUT" } },
  });
});

test("the access log has the route, and nothing of what was asked for", async () => {
  await get(await pathRef(), reader);
  expect(scene.log.at(-1)).toMatchObject({ method: "GET", route: "/v1/value", status: 200, identity: "ana" });
  expect(JSON.stringify(scene.log)).not.toContain("orders");
});
