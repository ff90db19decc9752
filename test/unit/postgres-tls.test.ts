import { describe, expect, test } from "@jest/globals";
import { postgresDriver, PostgresTarget } from "../../provider/target/postgres/driver.js";
import { tlsFor } from "../../provider/target/common/tls.js";

async function tlsOf(host: string, tls?: Record<string, unknown>, address = { host, port: 5432 }) {
  const description = { host, ...(tls === undefined ? {} : { tls }) };
  const spec = postgresDriver.parse(description, "app");
  return tlsFor(address, spec, PostgresTarget.parse(spec.description));
}

describe("whether a connection uses TLS", () => {
  test.each(["db.example.com", "10.0.0.1", "2001:db8::1", "localhost.example.com", "0.0.0.0"])(
    "%s: always, by the system's authorities",
    async (host) => {
      await expect(tlsOf(host)).resolves.toEqual({});
    },
  );

  test.each(["localhost", "127.0.0.1", "127.0.1.7", "::1"])(
    "%s: only if asked for, as nothing leaves the machine",
    async (host) => {
      await expect(tlsOf(host)).resolves.toBeUndefined();
      await expect(tlsOf(host, { serverName: "db" })).resolves.toEqual({ serverName: "db" });
    },
  );

  test("a machine elsewhere does without it in so many words only", async () => {
    await expect(tlsOf("db.example.com", { allowPlainTcp: false })).resolves.toEqual({});
    await expect(tlsOf("db.example.com", { allowPlainTcp: true })).resolves.toBeUndefined();
  });

  test("a replica answers to its own name", async () => {
    const replica = { host: "replica.example.com", port: 5432 };
    await expect(tlsOf("db.example.com", { serverName: "db" }, replica)).resolves.toEqual({});
  });
});
