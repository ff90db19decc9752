import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { postgresDriver } from "../../provider/target/postgres/driver.js";
import { askFacts, readFacts } from "../../provider/target/postgres/facts.js";
import { targetOf } from "../../provider/target/postgres/schema.js";
import { makeVerifier, setPassword } from "../../provider/target/postgres/set.js";
import { PostgresWire } from "../../provider/target/postgres/wire.js";

/** What a server that is well never answers, and one behind something else might. */

const FACTS = {
  version: 180000,
  isStandby: false,
  isReadOnly: false,
  loadedAt: "2026-01-01 00:00:00+00",
  iterations: 4096,
  me: { name: "postgres", isSuperuser: true, mayCreateRoles: true },
  account: {
    mayLogIn: true,
    isSuperuser: false,
    isReplication: false,
    isExpired: false,
    expiresAt: null,
    hasAdminOption: true,
    comment: null,
  },
  groups: [],
  group: null,
  logins: [],
};

/** One message of the server: its letter, its length, its body. */
function message(letter: string, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body);
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length + 4);
  return Buffer.concat([Buffer.from(letter), length, bytes]);
}

/** A real server has said something by then: it let the admin in. */
const GREETING = message("R", Buffer.alloc(4));
const ready = (state: "I" | "T" | "E") => message("Z", state);
const done = (tag: string) => message("C", `${tag}\0`);
const error = (code: string) => message("E", `SERROR\0C${code}\0Mno\0\0`);

function row(text: string): Buffer {
  const head = Buffer.alloc(6);
  head.writeInt16BE(1);
  head.writeInt32BE(Buffer.byteLength(text), 2);
  return message("D", Buffer.concat([head, Buffer.from(text)]));
}

describe("messages that are sent without waiting", () => {
  let server: Server;
  let wire: PostgresWire;
  let received: string[];
  let answers: Buffer[];

  beforeEach(async () => {
    received = [];
    server = createServer((socket: Socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        received.push(chunk.toString("latin1"));
        const answer = answers.shift();
        if (answer === undefined) socket.end();
        else socket.write(answer);
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    wire = new PostgresWire();
    await wire.connect({ host: "127.0.0.1", port: portOf(server) }, undefined);
  });
  afterEach(() => {
    wire.close({ loggedIn: true });
    server.close();
  });

  async function set() {
    const spec = postgresDriver.parse({ host: "127.0.0.1", port: 5432, adminRef: "coffre://v/dba" }, "app");
    const seen = readFacts(JSON.stringify(FACTS));
    const password = new Secret("CoffreMarker-set");
    const verifier = await makeVerifier(password, seen);
    return setPassword(wire, spec, targetOf(spec), { password, verifier, startedAt: performance.now(), seen });
  }

  test("a set whose transaction didn't begin may stand, and is in doubt", async () => {
    answers = [Buffer.concat([error("57014"), ready("I"), done("ALTER ROLE"), ready("I")])];
    expect(await set()).toMatchObject({
      result: "in-doubt",
      reason: expect.stringContaining("didn't begin") as unknown,
    });
    expect(received).toHaveLength(1);
  });

  test("so is one whose connection broke after its transaction didn't begin", async () => {
    answers = [Buffer.concat([error("57014"), ready("I")])];
    const result = set();
    await delay(100);
    wire.giveUp("silent");
    expect(await result).toMatchObject({ result: "in-doubt" });
  });

  test("a set that failed with its transaction is refused, and the connection is clean again", async () => {
    answers = [
      Buffer.concat([error("57014"), ready("E"), error("25P02"), ready("E")]),
      Buffer.concat([done("ROLLBACK"), ready("I")]),
    ];
    expect(await set()).toEqual({ result: "refused", reason: expect.stringContaining("57014") as unknown });
    expect(received.at(-1)).toContain("ROLLBACK");
  });

  test("a set that the connection ended before its COMMIT is refused", async () => {
    answers = [];
    expect(await set()).toMatchObject({ result: "refused" });
  });

  test("a kept statement that something between has forgotten is asked in full", async () => {
    const whole = Buffer.concat([GREETING, row(JSON.stringify(FACTS)), done("SELECT 1"), ready("I")]);
    answers = [whole, Buffer.concat([error("26000"), ready("I")]), whole];
    const asked = { username: "app", memberOf: [] };
    expect((await askFacts(wire, asked)).version).toBe(180000);
    expect((await askFacts(wire, asked)).version).toBe(180000);
    expect(received.map((text) => text[0])).toEqual(["P", "B", "Q"]);
    answers = [Buffer.concat([error("42501"), ready("I")])];
    await expect(askFacts(wire, asked)).rejects.toMatchObject({ sqlState: "42501" });
  });
});

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
