import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { createHashicorpVault } from "../../provider/vault/hashicorp/create.js";
import {
  type HashicorpPlace,
  type HashicorpVault,
  openHashicorpVault,
} from "../../provider/vault/hashicorp/hashicorp-vault.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import { DurableServer } from "../../tools/openbao/durable-server.js";
import { createAuthority } from "../../tools/postgres/certificates.js";
import { placeOn } from "../fixtures/openbao.js";
import { counts, makeEntry, syncInto } from "../fixtures/sync-scene.js";
import { createOne, failure, readValue, rotate, target } from "./vault-cases/setup.js";

jest.setTimeout(120_000);

const opened: HashicorpVault[] = [];
afterEach(() => Promise.all(opened.splice(0).map((vault) => vault.close())));

function open(place: HashicorpPlace): HashicorpVault {
  const vault = openHashicorpVault({ ...place, actor: "a test", clock: systemClock });
  opened.push(vault);
  return vault;
}

describe("a server with a certificate of its own authority", () => {
  test("is trusted by caFile only, and by no other authority's; what it holds outlives a kill", async () => {
    const authority = createAuthority();
    const issued = authority.issue({ commonName: "vault", hosts: ["127.0.0.1"] });
    const folder = await mkdtemp(join(tmpdir(), "coffre-ca-"));
    const server = await DurableServer.startDurable({ ...issued, authority: authority.certificate });
    try {
      const [caFile, other] = [join(folder, "ca.pem"), join(folder, "other.pem")];
      await writeFile(caFile, authority.certificate);
      await writeFile(other, createAuthority().certificate);
      const place = placeOn(server, await server.mount());
      const trusting = (file: string) => ({ ...place, server: { origin: server.origin, caFile: file } });
      await createHashicorpVault({ ...trusting(caFile), name: "test", clock: systemClock });
      const first = open(trusting(caFile));
      await rotate(first, await createOne(first, { name: "x", targets: [target("app")] }), "one");
      expect((await failure(open(place).identity(), "TLS_NOT_TRUSTED")).hint).toContain("caFile");
      await failure(open(trusting(other)).identity(), "TLS_NOT_TRUSTED");
      const missing = await failure(open(trusting(join(folder, "none.pem"))).identity(), "CONFIGURATION");
      expect(missing.message).toContain("none.pem");
      const elsewhere = server.origin.replace("127.0.0.1", "localhost"); // the certificate isn't for this name
      await failure(open({ ...place, server: { origin: elsewhere, caFile } }).identity(), "TLS_NOT_TRUSTED");

      const vault = open(trusting(caFile));
      const { id } = (await vault.findCredential(["x"])) ?? { id: "" };
      server.kill();
      await failure(open(trusting(caFile)).identity(), "UNREACHABLE");
      await server.startAgain();
      expect(await readValue(vault, id)).toBe("one");
    } finally {
      await server.stop();
      await rm(folder, { recursive: true });
    }
  });
});

describe("a server that is killed in the middle of a sync", () => {
  test("ends the run, which says how far it came; the next one brings the rest, and nothing twice", async () => {
    const server = await DurableServer.startDurable();
    try {
      const place = placeOn(server, await server.mount());
      await createHashicorpVault({ ...place, name: "robots", clock: systemClock });
      const prod = createMemoryVault({ name: "prod" });
      for (let index = 0; index < 60; index++) await makeEntry(prod, `entry-${index}`);
      const ended = (_outcome: unknown, done: number) => {
        if (done === 20) server.kill();
      };
      const error = await failure(syncInto(prod, open(place), { ended }), "UNREACHABLE");
      expect(error.message).toMatch(/; (2\d|3\d) of 60 were done/);
      await server.startAgain();
      // Its lease is a living process's, which this test is; a machine that has died is waited for in the same way.
      await failure(syncInto(prod, open(place)), "LOCKED");
      const later = { ...systemClock, now: () => new Date(Date.now() + 180_000) };
      const rest = await syncInto(prod, open(place), { clock: later, verify: true });
      expect([rest.failures, rest.differences]).toEqual([[], []]);
      expect(rest.created).toBeLessThanOrEqual(40);
      expect(counts(await syncInto(prod, open(place), { clock: later }))).toBe("unchanged 60");
      const { body } = await server.api("GET", `${place.mount}/metadata/?list=true`);
      expect((body.data?.["keys"] as string[]).filter((key) => key.startsWith("entry-"))).toHaveLength(60);
    } finally {
      await server.stop();
    }
  });
});
