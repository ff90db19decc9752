import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createHashicorpVault } from "../../provider/vault/hashicorp/create.js";
import {
  type HashicorpPlace,
  type HashicorpVault,
  openHashicorpVault,
} from "../../provider/vault/hashicorp/hashicorp-vault.js";
import { createAuthority } from "../../tools/postgres/certificates.js";
import { placeOn, sharedServer, type VaultServer } from "../fixtures/openbao.js";
import { ResourceScene } from "../fixtures/resource-scene.js";
import { collect, createOne, failure, readValue, rotate, target, withValue } from "./vault-cases/setup.js";

jest.setTimeout(60_000);
afterAll(async () => (await sharedServer()).stop());

const ALL = 'path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }';
const opened: HashicorpVault[] = [];
afterEach(() => Promise.all(opened.splice(0).map((vault) => vault.close())));

function open(place: HashicorpPlace): HashicorpVault {
  const vault = openHashicorpVault({ ...place, actor: "a test", clock: systemClock });
  opened.push(vault);
  return vault;
}

/** A vault is made in a place, and does what vaults do. */
async function use(place: HashicorpPlace): Promise<void> {
  await createHashicorpVault({ ...place, name: "test", clock: systemClock });
  const vault = open(place);
  const made = await createOne(vault, { name: "x", targets: [target("app")] });
  await rotate(vault, made, "one");
  expect(await readValue(open(place), made.id)).toBe("one");
}

describe("a namespace of the server", () => {
  test("holds a vault of its own, beside one in the same mount of another", async () => {
    const server = await sharedServer();
    await server.api("POST", "sys/namespaces/team", {});
    const inTeam = (path: string, body: object) => namespaced(server, "team", path, body);
    await inTeam("sys/mounts/kv", { type: "kv", options: { version: "2" } });
    await server.api("POST", "sys/mounts/kv", { type: "kv", options: { version: "2" } });
    const root = placeOn(server, "kv");
    const team = { ...root, server: { origin: server.origin, namespace: "team" } };
    await use(root);
    await use(team);
    const [one, other] = [await open(root).identity(), await open(team).identity()];
    expect(one.id).not.toBe(other.id);
    expect((await server.api("GET", "team/kv/data/x")).body.data).toMatchObject({ data: { password: "one" } });

    const { body } = await inTeam("auth/token/create", { policies: ["default"], ttl: "1h" });
    const stranger = body.auth?.client_token ?? "";
    const login = { method: { by: "token" as const }, secret: () => new Secret(stranger) };
    await failure(open({ ...root, login }).identity(), "FORBIDDEN");
    const nowhere = { ...root, server: { origin: server.origin, namespace: "nobody" } };
    const error = await failure(open(nowhere).identity(), "VAULT_MISSING");
    expect(error.message).toContain("There is no namespace nobody");
  });

  async function namespaced(server: VaultServer, namespace: string, path: string, body: object) {
    const answer = await server.api("POST", `${namespace}/${path}`, body);
    expect(answer.status).toBeLessThan(300);
    return answer;
  }
});

/** A token as an issuer signs it, with a key made here. */
function issuer() {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const issue = (claims: object, seconds = 300) => {
    const now = Math.floor(Date.now() / 1000);
    const text = `${part({ alg: "RS256", typ: "JWT" })}.${part({ iat: now, nbf: now, exp: now + seconds, ...claims })}`;
    return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
  };
  return { publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(), issue };
}

describe("a login", () => {
  test("by JWT is what the role allows, and refused for another audience, another key or an old token", async () => {
    const server = await sharedServer();
    const mount = await server.mount();
    const { publicKey, issue } = issuer();
    await server.api("POST", "sys/auth/pipelines", { type: "jwt" });
    await server.api("POST", "auth/pipelines/config", { jwt_validation_pubkeys: [publicKey], bound_issuer: "ci" });
    await server.api("POST", `sys/policies/acl/${mount}`, { policy: ALL });
    const role = { role_type: "jwt", user_claim: "sub", bound_audiences: ["vault"], token_policies: [mount] };
    await server.api("POST", "auth/pipelines/role/coffre", { ...role, token_num_uses: 15 });
    const claims = { iss: "ci", aud: "vault", sub: "repo:shop" };
    let asked = 0;
    const by = (token: () => string): HashicorpPlace => ({
      ...placeOn(server, mount),
      login: { method: { by: "jwt", mount: "pipelines", role: "coffre" }, secret: () => new Secret(token()) },
    });
    await use(by(() => ((asked += 1), issue(claims)))); // more requests than a token has uses
    expect(asked).toBeGreaterThan(2);
    for (const wrong of [
      issue({ ...claims, aud: "other" }),
      issue(claims, -600),
      issuer().issue(claims),
      "no.jwt.at-all",
    ]) {
      const error = await failure(open(by(() => wrong)).identity(), "FORBIDDEN");
      expect(error.message).toContain("refused the login by jwt");
      expect(`${error.message} ${String(error.hint)}`).not.toContain(wrong);
    }
  });

  test("by Kubernetes sends the service account's token, and is what the cluster's review of it says", async () => {
    const server = await sharedServer();
    const mount = await server.mount();
    const { issue } = issuer();
    const account = (namespace: string) => ({
      iss: "https://kubernetes.default.svc",
      sub: `system:serviceaccount:${namespace}:coffre`,
      "kubernetes.io": { namespace, serviceaccount: { name: "coffre", uid: "u-1" }, pod: { name: "p", uid: "u-2" } },
    });
    const pod = issue(account("shop"));
    // The one request of a cluster's API that a login asks for: https://kubernetes.io/docs/reference/kubernetes-api TokenReview.
    const reviewed: string[] = [];
    const cluster = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk: Buffer) => (text += chunk.toString()));
      request.on("end", () => {
        const { spec } = JSON.parse(text) as { spec: { token: string } };
        reviewed.push(`${String(request.method)} ${String(request.url)}`);
        const user = { username: "system:serviceaccount:shop:coffre", uid: "u-1", groups: ["system:serviceaccounts"] };
        const status = spec.token === pod ? { authenticated: true, user } : { error: "unknown token" };
        response.writeHead(201, { "content-type": "application/json" });
        response.end(JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", status }));
      });
    });
    await new Promise<void>((ready) => cluster.listen(0, "127.0.0.1", ready));
    try {
      const { port } = cluster.address() as AddressInfo;
      await server.api("POST", "sys/auth/kubernetes", { type: "kubernetes" });
      const configured = await server.api("POST", "auth/kubernetes/config", {
        kubernetes_ca_cert: createAuthority().certificate,
        kubernetes_host: `http://127.0.0.1:${port}`,
        token_reviewer_jwt: issue({ sub: "reviewer" }),
        disable_local_ca_jwt: true,
      });
      expect(configured).toMatchObject({ status: 204 });
      await server.api("POST", `sys/policies/acl/${mount}`, { policy: ALL });
      const bound = { bound_service_account_names: ["coffre"], bound_service_account_namespaces: ["shop"] };
      await server.api("POST", "auth/kubernetes/role/coffre", { ...bound, token_policies: [mount] });
      const by = (token: string): HashicorpPlace => ({
        ...placeOn(server, mount),
        login: { method: { by: "kubernetes", mount: "kubernetes", role: "coffre" }, secret: () => new Secret(token) },
      });
      await use(by(pod));
      expect(new Set(reviewed)).toEqual(new Set(["POST /apis/authentication.k8s.io/v1/tokenreviews"]));
      const stranger = issue(account("other"));
      const error = await failure(open(by(stranger)).identity(), "FORBIDDEN");
      expect(error.message).toContain("refused the login by kubernetes");
      expect(error.message).not.toContain(stranger);
    } finally {
      cluster.close().closeAllConnections();
    }
  });

  test("by Kubernetes outside of a pod says so", async () => {
    const server = await sharedServer();
    const login = { method: { by: "kubernetes" as const, mount: "kubernetes", role: "coffre" }, secret: undefined };
    const error = await failure(open({ ...placeOn(server, "kv"), login }).identity(), "CONFIGURATION");
    expect(error.message).toContain("/var/run/secrets/kubernetes.io/serviceaccount/token");
  });
});

test("a category or an entry of the root that would stand in Coffre's own folder is refused", async () => {
  const server = await sharedServer();
  const place = placeOn(server, await server.mount());
  await createHashicorpVault({ ...place, name: "test", clock: systemClock });
  const vault = open(place);
  const error = await failure(vault.createCategory({ name: ".coffre", parentId: null }), "INVALID_INPUT");
  expect(error.message).toContain(".coffre");
  await failure(createOne(vault, { name: ".coffre", ...withValue("v") }), "INVALID_INPUT");
  const shop = await vault.createCategory({ name: "Shop", parentId: null });
  await failure(vault.updateCategory(shop.id, { name: ".coffre" }), "INVALID_INPUT");
  const below = await vault.createCategory({ name: ".coffre", parentId: shop.id }); // only the root's is taken
  await failure(vault.updateCategory(below.id, { parentId: null }), "INVALID_INPUT");
  const x = await createOne(vault, { name: ".coffre", categoryId: shop.id, ...withValue("v") });
  await failure(vault.updateCredential(x.id, { categoryId: null }), "INVALID_INPUT");
});

/** A stack's resources over a vault on the server, with machines in memory. */
class ServerScene extends ResourceScene {
  override readonly vault: HashicorpVault;

  constructor(place: HashicorpPlace) {
    super();
    this.vault = openHashicorpVault({ ...place, actor: "test", clock: this.clock });
  }
}

test("a server that was restored is noticed by a state that has seen a newer version, and nothing is set until somebody decides", async () => {
  const server = await sharedServer();
  const place = placeOn(server, await server.mount());
  await createHashicorpVault({ ...place, name: "scene", clock: systemClock });
  const scene = new ServerScene(place);
  try {
    const orders = async (revision: string) => {
      const targets = [await scene.declaredTarget({ host: "db1" })];
      return { name: "orders", username: "orders", targets, rotateWhenChanged: { revision } };
    };
    const made = await scene.up(await orders("1"));
    const path = `${place.mount}/data/.coffre/credentials/${made.id}`;
    const { data } = (await server.api("GET", path)).body.data as { data: object };
    const rotated = await scene.up(await orders("2"), made);
    const newest = scene.target.passwordOf("orders@db1:1");
    await server.api("POST", path, { data }); // what stands there once an older snapshot was restored

    for (const revision of ["2", "3"]) await failure(scene.up(await orders(revision), rotated), "ROLLED_BACK");
    expect(scene.target.passwordOf("orders@db1:1")).toBe(newest);
    await scene.vault.resolveCredential(made.id, { decision: "accept-rollback" });
    await scene.up(await orders("3"), rotated);
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await readValue(scene.vault, made.id));
    expect(scene.target.passwordOf("orders@db1:1")).not.toBe(newest);
  } finally {
    await scene.close();
    await scene.vault.close();
  }
});

test("a directory that outgrows a document is refused before anything is changed, and all else goes on", async () => {
  const server = await sharedServer();
  const place = placeOn(server, await server.mount());
  await createHashicorpVault({ ...place, name: "test", clock: systemClock });
  const vault = open(place);
  const made = await createOne(vault, { name: "x", ...withValue("v") });
  // What a directory holds of 10,000 credentials, in fewer rows: nothing compresses random text.
  const large = () => randomBytes(90_000).toString("base64");
  const makeUntilFull = async () => {
    for (let index = 0; index < 20; index++) {
      await vault.createCategory({ name: `c-${index}`, parentId: null, description: large() });
    }
  };
  const full = await failure(makeUntilFull(), "INVALID_INPUT");
  expect(full.message).toContain("too large for a document");
  const categories = await collect(vault.listCategories());
  expect(categories.length).toBeGreaterThan(5);
  const keys = async () => (await server.api("GET", `${place.mount}/metadata/.coffre/credentials?list=true`)).body.data;
  const before = await keys();
  const inputs = Array.from({ length: 1_500 }, () => ({ name: large().slice(0, 60), categoryId: null }));
  await failure(
    vault.createCredentials(inputs.map((one) => ({ ...one, name: one.name.replaceAll("/", "-") }))),
    "INVALID_INPUT",
  );
  expect(await keys()).toEqual(before); // not a document was made
  expect(await readValue(vault, made.id)).toBe("v");
  await vault.updateCredential(made.id, { username: "u" });
  await vault.deleteCategory(categories[0]?.id ?? "", {});
  await createOne(vault, { name: "y", ...withValue("v") });
});
