import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import type { TargetSpec } from "../../provider/target/port.js";
import { createAuthority, startPostgres } from "../fixtures/postgres-server.js";
import { PostgresHarness } from "./postgres-harness.js";

const PASSWORD = new Secret("CoffreMarker-over-TLS");
let secured: PostgresHarness;
let plain: PostgresHarness;
let folder: string;

beforeAll(async () => {
  const hba = ["hostssl all all 127.0.0.1/32 scram-sha-256", "hostnossl all all 127.0.0.1/32 reject"];
  const [one, other] = await Promise.all([startPostgres({ tls: ["db.example.com"] }), startPostgres()]);
  [secured, plain] = [new PostgresHarness(one), new PostgresHarness(other)];
  for (const harness of [secured, plain]) await harness.makeAccount("app", PASSWORD.reveal());
  await one.setHba(hba); // from here on, without TLS nothing works
  folder = await mkdtemp(join(tmpdir(), "coffre-tls-"));
}, 120_000);

afterAll(async () => {
  await Promise.all([secured.stop(), plain.stop(), rm(folder, { recursive: true })]);
});

const specOf = (harness: PostgresHarness, tls: Record<string, unknown>): TargetSpec =>
  harness.driver.parse({ ...harness.description(), tls }, "app");
const authority = () => secured.server.authorityCertificate ?? "";

/** Log in, look, set and verify: every connection that a rotation makes. */
async function rotate(harness: PostgresHarness, spec: TargetSpec): Promise<void> {
  const session = await harness.driver.connect(spec, harness.admin);
  await session.look(spec);
  await expect(session.set(spec, PASSWORD)).resolves.toMatchObject({ result: "set" });
  await session.close();
  await expect(harness.driver.verify(spec, PASSWORD, spec.address)).resolves.toEqual({ proof: "works" });
}

describe("TLS to PostgreSQL", () => {
  test("trusts the authority that the stack names, as text or as a file", async () => {
    await rotate(secured, specOf(secured, { ca: authority(), serverName: "db.example.com" }));
    const caFile = join(folder, "authority.pem");
    await writeFile(caFile, authority());
    await rotate(secured, specOf(secured, { caFile, serverName: "db.example.com" }));
  });

  test("trusts the one certificate whose fingerprint is named, and no other", async () => {
    const { fingerprint256 } = new X509Certificate(await readFile(join(secured.server.folder, "server.pem")));
    await rotate(secured, specOf(secured, { fingerprint256 }));
    await rotate(secured, specOf(secured, { fingerprint256: ["0".repeat(64), fingerprint256.toLowerCase()] }));
    const spec = specOf(secured, { fingerprint256: "0".repeat(64) });
    await expect(secured.driver.connect(spec, secured.admin)).rejects.toMatchObject({
      code: "TLS_NOT_TRUSTED",
      problem: expect.stringContaining(fingerprint256) as unknown,
    });
  });

  test.each<[string, () => Record<string, unknown>, RegExp]>([
    [
      "another authority, even of the same name",
      () => ({ ca: createAuthority().certificate, serverName: "db.example.com" }),
      /self-signed|unable to verify|signature/,
    ],
    ["no authority that the system knows", () => ({ serverName: "db.example.com" }), /self-signed|unable to/],
    ["another name in the certificate", () => ({ ca: authority() }), /does not match certificate/],
  ])("trusts no certificate with %s", async (_what, tls, reason) => {
    const spec = specOf(secured, tls());
    await expect(secured.driver.connect(spec, secured.admin)).rejects.toMatchObject({
      code: "TLS_NOT_TRUSTED",
      problem: expect.stringMatching(reason) as unknown,
      hint: expect.stringContaining("tls.caFile") as unknown,
    });
    const proof = await secured.driver.verify(spec, PASSWORD, spec.address);
    expect(proof).toMatchObject({ proof: "unreachable", reason: expect.stringMatching(reason) as unknown });
    await expect(secured.refusedLogins("app")).resolves.toBe(0);
  });

  test("is never given up because the server has none", async () => {
    const spec = specOf(plain, { serverName: "db.example.com" });
    await expect(plain.driver.connect(spec, plain.admin)).rejects.toMatchObject({
      code: "TLS_NOT_TRUSTED",
      hint: expect.stringContaining("allowPlainTcp") as unknown,
    });
    const proof = await plain.driver.verify(spec, PASSWORD, spec.address);
    expect(proof).toMatchObject({ proof: "unreachable", reason: expect.stringContaining("offers no TLS") as unknown });
  });

  test("can be done without, in so many words", async () => {
    await rotate(plain, specOf(plain, { allowPlainTcp: true }));
  });

  test("names the file that isn't there", async () => {
    const spec = specOf(secured, { caFile: join(folder, "missing.pem") });
    const missing = { code: "CONFIGURATION", problem: expect.stringContaining("missing.pem") as unknown };
    await expect(secured.driver.connect(spec, secured.admin)).rejects.toMatchObject(missing);
  });

  test("a server that wants TLS and isn't spoken to in it stops the rotation at the login", async () => {
    const spec = specOf(secured, {});
    const noRule = { code: "TARGET_NOT_READY", problem: expect.stringContaining("rejects connection") as unknown };
    await expect(secured.driver.connect(spec, secured.admin)).rejects.toMatchObject(noRule);
    const proof = await secured.driver.verify(spec, PASSWORD, spec.address);
    expect(proof).toMatchObject({ proof: "not-verifiable" });
  });
});
