import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { mysqlDriver } from "../../provider/target/mysql/driver.js";

const PASSWORD = "CoffreMarker-never-seen";
/** CLIENT_PROTOCOL_41, SECURE_CONNECTION and PLUGIN_AUTH, as every server of today offers. */
const CAPABILITIES = 0x8_8200;
const CHALLENGE = Buffer.from("abcdefghijklmnopqrst");

function packet(sequence: number, ...parts: (string | number[] | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));
  const header = Buffer.alloc(4);
  header.writeUIntLE(body.length, 0, 3);
  header[3] = sequence;
  return Buffer.concat([header, body]);
}

function greeting(version = "5.5.5-10.11.19-MariaDB", plugin = "mysql_native_password"): Buffer {
  const [low, high] = [CAPABILITIES & 0xffff, CAPABILITIES >> 16].map((part) => [part & 0xff, part >> 8]);
  const first = [...CHALLENGE.subarray(0, 8), 0, ...(low ?? []), 45, 2, 0, ...(high ?? []), 21];
  return packet(
    0,
    [10],
    `${version}\0`,
    [1, 0, 0, 0],
    first,
    Array(10).fill(0),
    CHALLENGE.subarray(8),
    [0],
    `${plugin}\0`,
  );
}

const HELLO = () => greeting();
const switchTo = (plugin: string) => () => packet(2, [0xfe], `${plugin}\0`, CHALLENGE, [0]);
const OK = (sequence: number) => () => packet(sequence, [0, 0, 0, 2, 0, 0, 0]);
const refusal = (sequence: number, code: number, text: string) => () =>
  packet(sequence, [0xff, code & 0xff, code >> 8], `#HY000${text}`);

type Answer = () => Buffer;

describe("what answers at the port isn't what it should be", () => {
  let server: Server | undefined;
  afterEach(() => new Promise((resolve) => server?.close(resolve)));

  /** Says the first answer at once, and the others as the client goes on. @returns what it got, and the driver's two answers */
  async function against(first: Answer, ...answers: Answer[]) {
    let seen = "";
    server = createServer((socket: Socket) => {
      const left = [...answers];
      socket.on("error", () => {});
      socket.write(first());
      socket.on("data", (chunk) => {
        seen += chunk.toString("latin1");
        const answer = left.shift();
        if (answer === undefined) socket.end();
        else socket.write(answer());
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const limits = { connectMs: 500, setMs: 500, verifyMs: 500 };
    const spec = mysqlDriver.parse({ host: "127.0.0.1", port, limits }, "app");
    const password = new Secret(PASSWORD);
    const proof = await mysqlDriver.verify(spec, password, spec.address);
    const login = { username: "app", password, self: true };
    const session: unknown = await mysqlDriver.connect(spec, login).catch((error: unknown) => error);
    return { proof, session, seen };
  }

  test.each<[string, Answer[], RegExp]>([
    ["clear text", [HELLO, switchTo("mysql_clear_password")], /clear text/],
    ["clear text by PAM's dialog", [HELLO, switchTo("dialog")], /clear text/],
    ["the password itself, for sha256_password", [HELLO, switchTo("sha256_password")], /sha256_password/],
    ["caching_sha2_password", [HELLO, switchTo("caching_sha2_password")], /isn't tested/],
    ["the digest of before MySQL 4.1", [HELLO, () => packet(2, [0xfe])], /before MySQL 4.1/],
    ["ed25519", [HELLO, switchTo("client_ed25519")], /ed25519/],
    ["a challenge of no length", [HELLO, () => packet(2, [0xfe], "mysql_native_password\0")], /mysql_native/],
    ["more after the answer", [HELLO, switchTo("mysql_native_password"), () => packet(4, [1, 4])], /goes on asking/],
    ["another login after the answer", [HELLO, () => packet(2, [1, 4])], /goes on asking/],
    [
      "nothing of who sent nothing yet",
      [() => greeting("10.11.19-MariaDB", "auth_gssapi_client"), OK(2)],
      /without a password/,
    ],
    ["TLS first", [HELLO, refusal(2, 3159, "Connections using insecure transport are prohibited")], /over TLS only/],
    ["nobody, since it has blocked the account", [HELLO, refusal(2, 4150, "User is blocked")], /max_password_errors/],
  ])(
    "a server that asks for %s proves nothing, and can't read the password",
    async (_what, [first = HELLO, ...next], why) => {
      const { proof, session, seen } = await against(first, ...next);
      expect(proof).toMatchObject({ proof: "not-verifiable", reason: expect.stringMatching(why) as unknown });
      expect(session).toMatchObject({ code: "NOT_VERIFIABLE", problem: expect.stringMatching(why) as unknown });
      expect(seen).not.toContain(PASSWORD);
    },
  );

  test("a MySQL server is told by its greeting, and gets not one byte", async () => {
    const { proof, session, seen } = await against(() => greeting("8.0.40", "caching_sha2_password"));
    const said = { problem: expect.stringMatching(/is MySQL 8\.0\.40.*isn't tested/) as unknown };
    expect(session).toMatchObject({ code: "NOT_VERIFIABLE", ...said });
    expect(proof).toMatchObject({ proof: "not-verifiable" });
    expect(seen).toBe("");
  });

  test.each<[string, Answer[]]>([
    ["an SSH server", [() => Buffer.from("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")]],
    ["a web server", [() => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]],
    ["an endless packet", [() => Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0]), Buffer.alloc(1 << 21)])]],
    ["a packet of nothing", [() => packet(0)]],
    ["half a greeting", [() => packet(0, [10], "10.11.19-MariaDB\0abc")]],
    ["a server of long ago", [() => packet(0, [9], "3.20\0", Array(50).fill(0))]],
    ["a server with no place left", [refusal(0, 1040, "Too many connections")]],
    ["a server that has blocked this machine", [refusal(0, 1129, "Host is blocked")]],
  ])("%s is UNREACHABLE", async (_what, [first = HELLO, ...next]) => {
    const { proof, session, seen } = await against(first, ...next);
    expect(proof).toMatchObject({ proof: "unreachable" });
    expect(session).toMatchObject({ code: "UNREACHABLE" });
    expect(seen).toBe("");
  });

  test("a server that lets nobody in from here says so, before anything is sent", async () => {
    const { proof, seen } = await against(refusal(0, 1130, "Host 'x' is not allowed to connect"));
    expect(proof).toMatchObject({ proof: "not-verifiable", reason: expect.stringContaining("from here") as unknown });
    expect(seen).toBe("");
  });

  test.each<[string, Answer[]]>([
    ["cut", []],
    ["ended by another complaint", [refusal(2, 1053, "Server shutdown in progress")]],
  ])("a connection that is %s after the proof may have cost a refused login, and says so", async (_what, end) => {
    const { proof, session } = await against(HELLO, ...end);
    expect(proof).toMatchObject({ proof: "unanswered" });
    expect(session).toMatchObject({ code: "UNREACHABLE", details: { unanswered: true } });
  });

  test.each<[string, Answer]>([
    ["wants a file of this machine", () => packet(1, [0xfb], "/etc/passwd")],
    ["answers with columns and no rows", () => packet(1, [0])],
    [
      "answers with a row that is too short",
      () => Buffer.concat([packet(1, [1]), packet(2, "def"), packet(3, [0xfe, 0, 0, 2, 0]), packet(4, [200, 65])]),
    ],
  ])("a server that %s instead of saying who is logged in proves nothing", async (_what, answer) => {
    const { proof, seen } = await against(HELLO, OK(2), answer);
    expect(proof.proof).not.toBe("works");
    expect(seen).not.toContain("root:");
  });

  test("a proxy that takes the connection and drops it is worth waiting for", async () => {
    const { session } = await against(() => Buffer.alloc(0));
    expect(session).toMatchObject({ code: "UNREACHABLE" });
  });
});
