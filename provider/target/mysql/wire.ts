import { Wire, WireError } from "../common/wire.js";
import { ServerError, Unprovable } from "./errors.js";
import { type Greeting, kindOf, QUIT, readError, readGreeting, tlsRequest } from "./packets.js";

// Why not mysql2's connection: it checks no name of a certificate whose server is named by its address and knows no pinned
// one; it answers `sha256_password` with the password itself; and an answer that it doesn't understand ends the process,
// thrown in a socket's event. What a login and a statement need of the protocol is little.

const HEADER_BYTES = 4;
/** No answer to a login or to our statements comes near it. */
const LONGEST_PACKET = 1 << 20;

/** One connection to a MariaDB server: packets out, packets in. */
export class MysqlWire extends Wire<Buffer> {
  protected readonly goodbye = framed(QUIT, 0);
  #unread = Buffer.alloc(0);
  #sequence = 0;
  #greeting: Greeting | undefined;

  /** What the server said first. @throws ServerError if that was a refusal; Unprovable; WireError */
  async greeting(): Promise<Greeting> {
    if (this.#greeting !== undefined) return this.#greeting;
    const payload = await this.next();
    if (kindOf(payload, "login") === "error") throw new ServerError(readError(payload));
    const greeting = readGreeting(payload);
    if (greeting === undefined) throw this.fail(foreign());
    if (!/mariadb/i.test(greeting.version)) {
      throw new Unprovable(
        `is MySQL ${greeting.version}: Coffre sets passwords of MariaDB only, since it isn't tested with MySQL`,
      );
    }
    return (this.#greeting = greeting);
  }

  /** Goes on in the exchange that the server's last packet belongs to. */
  reply(payload: Buffer): void {
    this.send(framed(payload, this.#sequence + 1));
  }

  /** Begins a new exchange. */
  command(payload: Buffer): void {
    this.send(framed(payload, 0));
  }

  /** Breaks the connection, since its answers make no sense. @returns the failure */
  notUnderstood(): WireError {
    return this.fail(foreign());
  }

  protected get isMidMessage(): boolean {
    return this.#unread.length > 0;
  }

  protected async requestTls(): Promise<void> {
    const { offersTls } = await this.greeting();
    if (!offersTls) throw this.fail(new WireError("no-tls", "it offers no TLS"));
    this.reply(tlsRequest());
    this.#sequence += 1; // what follows in TLS is the packet after this one
  }

  protected read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    while (this.#unread.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#unread.readUIntLE(0, 3);
      if (end > LONGEST_PACKET || end === HEADER_BYTES) {
        this.fail(foreign());
        return;
      }
      if (this.#unread.length < end) return;
      const payload = this.#unread.subarray(HEADER_BYTES, end);
      this.#sequence = this.#unread[3] ?? 0;
      this.#unread = this.#unread.subarray(end);
      this.arrive(payload);
    }
  }
}

function framed(payload: Buffer, sequence: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntLE(payload.length, 0, 3);
  header[3] = sequence & 0xff;
  return Buffer.concat([header, payload]);
}

function foreign(): WireError {
  return new WireError("foreign", "it didn't answer as MariaDB does");
}
