import { connect as connectTcp, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import { serialize } from "pg-protocol";
import type { BackendMessage } from "pg-protocol/dist/messages.js";
import { Parser } from "pg-protocol/dist/parser.js";
import { ConnectionError, givenUp } from "../common/connection.js";
import type { TargetAddress } from "../port.js";

// Why not pg's Client: it answers whatever form of password the server asks for, clear text included; it fills gaps from
// PG* variables; and a kind of authentication that it doesn't know ends the process, thrown in a socket's event. Here one
// connection serves the admin, the look and the proof, with pg's own library for the messages.

const KEEP_ALIVE_MS = 30_000;
const FAREWELL_MS = 1_000;
/** No message of a login or of our statements comes near it. */
const LONGEST_MESSAGE = 1 << 20;
/** What a server's first message can be: a question, an error, a notice, or an older version of the protocol. */
const FIRST_LETTERS = Buffer.from("RENv");

/**
 * A connection to PostgreSQL that failed. `untrusted`, `no-tls`: TLS. `not-postgres`: something else answers there.
 * `not-understood`: a question that isn't one of those that the library knows.
 */
export class WireError extends ConnectionError<"untrusted" | "no-tls" | "not-postgres" | "not-understood"> {
  override readonly name = "WireError";
}

/** How to check the server's certificate. `ca`: PEM, in place of the system's authorities. */
export interface TlsOptions {
  ca?: string;
  /** The name that the certificate must carry, where it isn't the host's. */
  serverName?: string;
}

/** One connection to a PostgreSQL server: messages out, messages in, and the reason once it is broken. */
export class Wire {
  #socket: Socket | TLSSocket | undefined;
  #phase: "tcp" | "opening" | "open" = "tcp";
  #heard = false;
  #understood = false;
  #failure: WireError | undefined;
  #unparsedBytes = 0;
  readonly #parser = new Parser();
  readonly #arrived: BackendMessage[] = [];
  #resolveNext: ((message: BackendMessage) => void) | undefined;
  #rejectWait: ((error: WireError) => void) | undefined;

  /** Opens TCP and, unless `tls` is undefined, TLS: without a checked certificate nothing more is said. @throws WireError */
  async connect({ host, port }: TargetAddress, tls: TlsOptions | undefined): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const socket = connectTcp({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    this.#adopt(socket);
    await this.#wait((resolve) => socket.once("connect", resolve));
    this.#phase = "opening";
    if (tls !== undefined) await this.#startTls(socket, host, tls);
    this.#phase = "open";
    this.#socket?.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  /** False once it is broken or closed. */
  get usable(): boolean {
    return this.#failure === undefined;
  }

  send(...messages: Buffer[]): void {
    if (this.#failure === undefined) this.#socket?.write(Buffer.concat(messages));
  }

  /** The next message that isn't a mere notice. Not to be called again before it has answered. @throws WireError */
  async next(): Promise<BackendMessage> {
    return this.#arrived.shift() ?? this.#wait((resolve) => (this.#resolveNext = resolve));
  }

  /** Breaks the connection at once; what waits fails with the reason. */
  giveUp(why: "silent" | "aborted"): void {
    this.#fail(new WireError(...givenUp(why, this.#phase === "tcp")));
  }

  /** Ends the connection in good manners. `loggedIn`: a session is said goodbye to; before that, that would be an error. */
  close({ loggedIn }: { loggedIn: boolean }): void {
    const socket = this.#socket;
    if (this.#failure !== undefined || socket === undefined) return;
    this.#failure = new WireError("lost", "the connection was closed");
    if (loggedIn) socket.end(serialize.end());
    else socket.end();
    socket.unref(); // a program that has nothing else to do doesn't wait for the goodbye
    setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
  }

  async #startTls(socket: Socket, host: string, { ca, serverName }: TlsOptions): Promise<void> {
    socket.write(serialize.requestSsl());
    const answer = String(await this.#wait<Buffer>((resolve) => socket.once("data", resolve)));
    this.#heard = true;
    if (answer === "N") throw this.#fail(new WireError("no-tls", "it offers no TLS"));
    if (answer !== "S") throw this.#fail(new WireError("not-postgres", "it didn't answer as PostgreSQL does"));
    socket.removeAllListeners("close"); // from here on it is the TLS socket that ends, and knows why
    const secured = connectTls({
      socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}), // an IP address is no server name (RFC 6066, section 3)
      ...(ca === undefined ? {} : { ca }),
      ...(serverName === undefined
        ? {}
        : { checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate) }),
    });
    this.#adopt(secured);
    await this.#wait((resolve) => secured.once("secureConnect", resolve));
  }

  #adopt(socket: Socket | TLSSocket): void {
    this.#socket = socket;
    // `error` keeps its listener for ever: without one, a late reset would end the process.
    socket.on("error", (error: NodeJS.ErrnoException) => this.#fail(this.#describe(error)));
    socket.on("close", () => this.#fail(this.#describe(undefined)));
  }

  #describe(error: NodeJS.ErrnoException | undefined): WireError {
    const code = error?.code ?? "";
    if (this.#phase === "tcp") return new WireError("not-up", `no connection came about (${code || "closed"})`);
    const network = error === undefined || /^(ECONN|ETIMEDOUT|EPIPE|ENOTCONN|EHOST|ENET)/.test(code);
    if (this.#phase === "opening" && !network) return new WireError("untrusted", error.message);
    // A proxy in front of a machine that isn't up yet takes the connection and drops it without a word.
    if (!this.#heard) return new WireError("not-up", "it took the connection and ended it without a word");
    return new WireError("lost", "the connection broke");
  }

  #fail(error: WireError): WireError {
    if (this.#failure === undefined) {
      this.#failure = error;
      this.#socket?.destroy();
      this.#rejectWait?.(error);
    }
    return this.#failure;
  }

  /** Waits for what `listen` hands on, or for the failure that comes instead. */
  #wait<T>(listen: (resolve: (value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#rejectWait = reject;
      listen(resolve);
    });
  }

  #read(chunk: Buffer): void {
    this.#heard = true;
    const isFirst = !this.#understood && this.#unparsedBytes === 0;
    this.#unparsedBytes += chunk.length;
    const isForeign = isFirst && !FIRST_LETTERS.includes(chunk.subarray(0, 1));
    if (isForeign || this.#unparsedBytes > LONGEST_MESSAGE) {
      this.#fail(new WireError("not-postgres", "it didn't answer as PostgreSQL does"));
      return;
    }
    try {
      this.#parser.parse(chunk, (message) => {
        this.#unparsedBytes = 0;
        this.#understood = true;
        this.#take(message);
      });
    } catch {
      this.#fail(new WireError("not-understood", "it asks for something that Coffre doesn't know, such as GSSAPI"));
    }
  }

  #take(message: BackendMessage): void {
    if (message.name === "notice" || message.name === "parameterStatus" || message.name === "notification") return;
    if (this.#resolveNext === undefined) this.#arrived.push(message);
    else this.#resolveNext(message);
    this.#resolveNext = undefined;
  }
}
