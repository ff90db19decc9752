import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import type { TargetSpec } from "../../provider/target/port.js";
import { describeMariadb, startMariadb } from "../fixtures/mariadb-server.js";
import { createAuthority } from "../fixtures/postgres-server.js";
import { MysqlHarness } from "./mysql-harness.js";

const PASSWORD = new Secret("CoffreMarker-over-TLS");

describeMariadb("TLS to MariaDB", () => {
  let secured: MysqlHarness;
  let plain: MysqlHarness;
  beforeAll(async () => {
    const tls = ["db.example.com"];
    const settings = { "require-secure-transport": "1" };
    const [one, other] = await Promise.all([startMariadb({ tls, settings }), startMariadb()]);
    [secured, plain] = [new MysqlHarness(one), new MysqlHarness(other)];
    for (const harness of [secured, plain]) await harness.makeAccount("app", PASSWORD.reveal());
    await secured.query("ALTER USER app REQUIRE SSL");
  }, 120_000);
  afterAll(() => Promise.all([secured.stop(), plain.stop()]));

  const specOf = (harness: MysqlHarness, tls: Record<string, unknown>) => harness.specOf("app", { tls });
  const authority = () => secured.server.authorityCertificate ?? "";

  /** Log in, look, set and verify: every connection that a rotation makes. */
  async function rotate(harness: MysqlHarness, spec: TargetSpec): Promise<void> {
    const session = await harness.driver.connect(spec, harness.admin);
    await session.look(spec);
    await expect(session.set(spec, PASSWORD)).resolves.toMatchObject({ result: "set" });
    await session.close();
    await expect(harness.driver.verify(spec, PASSWORD, spec.address)).resolves.toEqual({ proof: "works" });
  }

  test("trusts the authority that the stack names, or the one certificate that it knows", async () => {
    await rotate(secured, specOf(secured, { ca: authority(), serverName: "db.example.com" }));
    const { fingerprint256 } = new X509Certificate(await readFile(join(secured.server.folder, "server.pem")));
    await rotate(secured, specOf(secured, { fingerprint256 }));
  });

  test.each<[string, () => Record<string, unknown>, RegExp]>([
    [
      "another authority, even of the same name",
      () => ({ ca: createAuthority().certificate, serverName: "db.example.com" }),
      /self-signed|unable to verify|signature/,
    ],
    ["no authority that the system knows", () => ({ serverName: "db.example.com" }), /self-signed|unable to/],
    ["another name in the certificate", () => ({ ca: authority() }), /does not match certificate/],
    ["another fingerprint", () => ({ fingerprint256: "0".repeat(64) }), /has the fingerprint ([0-9A-F]{2}:){31}/],
  ])("sends nothing to a certificate with %s", async (_what, tls, reason) => {
    const spec = specOf(secured, tls());
    await expect(secured.driver.connect(spec, secured.admin)).rejects.toMatchObject({
      code: "TLS_NOT_TRUSTED",
      problem: expect.stringMatching(reason) as unknown,
    });
    const proof = await secured.driver.verify(spec, PASSWORD, spec.address);
    expect(proof).toMatchObject({ proof: "unreachable", reason: expect.stringMatching(reason) as unknown });
    await expect(secured.refusedLogins("app")).resolves.toBe(0);
    await expect(secured.refusedLogins("root")).resolves.toBe(0);
  });

  test("is never given up because the server has none, but in so many words", async () => {
    const spec = specOf(plain, { serverName: "db.example.com" });
    await expect(plain.driver.connect(spec, plain.admin)).rejects.toMatchObject({
      code: "TLS_NOT_TRUSTED",
      hint: expect.stringContaining("allowPlainTcp") as unknown,
    });
    await expect(plain.driver.verify(spec, PASSWORD, spec.address)).resolves.toMatchObject({ proof: "unreachable" });
    await rotate(plain, specOf(plain, { allowPlainTcp: true }));
  });

  test("that the server wants and isn't spoken is a refused login, as MariaDB says nothing else; the hint names it", async () => {
    const spec = specOf(secured, {});
    const refused = { code: "LOGIN_REFUSED", hint: expect.stringContaining("requires TLS") as unknown };
    await expect(secured.driver.connect(spec, secured.admin)).rejects.toMatchObject(refused);
  });
});
