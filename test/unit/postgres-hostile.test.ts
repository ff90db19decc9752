import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { postgresDriver } from "../../provider/target/postgres/driver.js";

const PASSWORD = "CoffreMarker-never-seen";

/** One message of the server: its letter, its length, its body. */
function message(letter: string, ...parts: (string | number)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === "number" ? int32(part) : Buffer.from(part))));
  return Buffer.concat([Buffer.from(letter), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const SCRAM = message("R", 10, "SCRAM-SHA-256\0\0");
const LET_IN = Buffer.concat([message("R", 0), message("Z", "I")]);

describe("what answers at the port isn't what it should be", () => {
  let server: Server | undefined;
  afterEach(() => new Promise((resolve) => server?.close(resolve)));

  /** Answers the client's messages in turn. @returns what it got, and the driver's two answers */
  async function against(...answers: ((received: string) => Buffer)[]) {
    let seen = "";
    server = createServer((socket: Socket) => {
      const left = [...answers];
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        seen += chunk.toString("latin1");
        const answer = left.shift();
        if (answer === undefined) socket.end();
        else socket.write(answer(chunk.toString("latin1")));
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const limits = { connectMs: 5_000, setMs: 5_000, verifyMs: 5_000 };
    const spec = postgresDriver.parse({ host: "127.0.0.1", port, limits }, "app");
    const password = new Secret(PASSWORD);
    const proof = await postgresDriver.verify(spec, password, spec.address);
    const login = { username: "app", password, self: true };
    const session: unknown = await postgresDriver.connect(spec, login).catch((error: unknown) => error);
    return { proof, session, seen };
  }

  const challenge = (received: string) => {
    const nonce = /r=(.*)$/.exec(received)?.[1] ?? "";
    return message("R", 11, `r=${nonce}server,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
  };

  test.each<[string, ((received: string) => Buffer)[]]>([
    ["lets us in after any proof", [() => SCRAM, challenge, () => LET_IN]],
    [
      "forges the end of the exchange",
      [() => SCRAM, challenge, () => Buffer.concat([message("R", 12, "v=AAAA"), LET_IN])],
    ],
    ["skips the exchange", [() => SCRAM, () => LET_IN]],
    [
      "repeats our nonce as its own",
      [() => SCRAM, (received) => message("R", 11, `r=${/r=(.*)$/.exec(received)?.[1] ?? ""},s=AAAA,i=4096`)],
    ],
    [
      "asks for one iteration, to guess from our proof",
      [() => SCRAM, (received) => message("R", 11, `r=${/r=(.*)$/.exec(received)?.[1] ?? ""}x,s=AAAA,i=1`)],
    ],
    ["asks for a proof of another kind", [() => message("R", 10, "OAUTHBEARER\0\0")]],
    ["asks for GSSAPI", [() => message("R", 7)]],
    ["asks for Kerberos V5", [() => message("R", 2)]],
    ["asks for clear text", [() => message("R", 3)]],
    ["asks for an MD5 digest", [() => message("R", 5, "salt")]],
  ])("a server that %s proves nothing, and can't read the password", async (_what, answers) => {
    const { proof, session, seen } = await against(...answers);
    expect(proof).toMatchObject({ proof: "not-verifiable" });
    expect(session).toMatchObject({ code: "NOT_VERIFIABLE" });
    expect(seen).not.toContain(PASSWORD);
  });

  test.each<[string, ((received: string) => Buffer)[]]>([
    ["an SSH server", [() => Buffer.from("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")]],
    ["a web server", [() => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]],
    ["an endless message", [() => Buffer.concat([Buffer.from("E"), int32(0x7fffffff), Buffer.alloc(1 << 21)])]],
    ["a server that is starting up", [() => message("E", "SFATAL\0C57P03\0Mthe database system is starting up\0\0")]],
    ["a server with no place left", [() => message("E", "SFATAL\0C53300\0Msorry, too many clients already\0\0")]],
    ["a server of another world", [() => message("E", "unsupported frontend protocol\0\0")]],
  ])("%s is UNREACHABLE", async (_what, answers) => {
    const { proof, session, seen } = await against(...answers);
    expect(proof).toMatchObject({ proof: "unreachable" });
    expect(session).toMatchObject({ code: "UNREACHABLE" });
    expect(seen).not.toContain(PASSWORD);
  });

  test.each<[string, (() => Buffer)[]]>([
    ["cut", []],
    ["ended by another complaint", [() => message("E", "SFATAL\0C57P01\0Mterminating connection\0\0")]],
  ])("a connection that is %s after the proof may have cost a refused login, and says so", async (_what, end) => {
    const { proof, session } = await against(() => SCRAM, challenge, ...end);
    expect(proof).toMatchObject({ proof: "unanswered" });
    expect(session).toMatchObject({ code: "UNREACHABLE", details: { unanswered: true } });
  });

  test("a server that is starting up is worth waiting for", async () => {
    const { session } = await against(() => message("E", "SFATAL\0C57P03\0Mthe database system is starting up\0\0"));
    expect(session).toMatchObject({ details: { refusedConnect: true } });
  });

  test("a proxy that takes the connection and drops it is worth waiting for", async () => {
    const { session } = await against();
    expect(session).toMatchObject({ code: "UNREACHABLE", details: { refusedConnect: true } });
  });
});
