import { connect as connectTcp, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import { CoffreError } from "../../core/errors.js";
import type { TargetAddress } from "../port.js";
import { formatAddress } from "./address.js";
import { type Breakable, connectionError, ConnectionError, givenUp } from "./connection.js";

const KEEP_ALIVE_MS = 30_000;
const FAREWELL_MS = 1_000;

/**
 * A connection to a server that failed. `untrusted`, `no-tls`: TLS. `foreign`: something else answers there.
 * `not-understood`: a question that isn't one of those that are known.
 */
export class WireError extends ConnectionError<"untrusted" | "no-tls" | "foreign" | "not-understood"> {
  override readonly name = "WireError";
}

/** One for all: a run closes a connection for each account, and an error costs as much as the rest of it. */
const CLOSED = new WireError("lost", "the connection was closed");

/** How to check the server's certificate. */
export interface TlsOptions {
  /** PEM, in place of the system's authorities. */
  ca?: string;
  /** The name that the certificate must carry, where it isn't the host's. */
  serverName?: string;
  /** SHA-256 of the only certificates that are trusted, whoever signed them and for what name: 64 capital hexadecimal digits. */
  fingerprints256?: string[];
}

/**
 * One connection to a server whose protocol begins in clear and may go on in TLS: messages out, messages in, and the reason
 * once it is broken.
 */
export abstract class Wire<Message> implements Breakable {
  #socket: Socket | TLSSocket | undefined;
  #phase: "tcp" | "opening" | "open" = "tcp";
  #heard = false;
  #failure: WireError | undefined;
  readonly #arrived: Message[] = [];
  #resolveNext: ((message: Message) => void) | undefined;
  #rejectWait: ((error: WireError) => void) | undefined;

  /** Opens TCP and, unless `tls` is undefined, TLS: without a checked certificate nothing more is said. @throws WireError */
  async connect({ host, port }: TargetAddress, tls: TlsOptions | undefined): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const socket = connectTcp({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    this.#adopt(socket);
    await this.wait((resolve) => socket.once("connect", resolve));
    this.#phase = "opening";
    this.#listen(socket);
    if (tls !== undefined) await this.#startTls(socket, host, tls);
    this.#phase = "open";
  }

  /** False once it is broken or closed. */
  get usable(): boolean {
    return this.#failure === undefined;
  }

  /** The machine's own address on this connection, as far as nothing between translates it. */
  get localAddress(): string | undefined {
    return this.#socket?.localAddress;
  }

  /** The port of {@link localAddress}. */
  get localPort(): number | undefined {
    return this.#socket?.localPort;
  }

  send(...messages: Buffer[]): void {
    if (this.#failure === undefined) this.#socket?.write(Buffer.concat(messages));
  }

  /** The next message. Not to be called again before it has answered. @throws WireError */
  async next(): Promise<Message> {
    return this.#arrived.shift() ?? this.wait((resolve) => (this.#resolveNext = resolve));
  }

  /** Breaks the connection at once; what waits fails with the reason. */
  giveUp(why: "silent" | "aborted"): void {
    this.fail(new WireError(...givenUp(why, this.#phase === "tcp")));
  }

  /** Ends the connection in good manners. `loggedIn`: a session is said goodbye to; before that, that would be an error. */
  close({ loggedIn }: { loggedIn: boolean }): void {
    const socket = this.#socket;
    if (this.#failure !== undefined || socket === undefined) return;
    this.#failure = CLOSED;
    if (loggedIn) socket.end(this.goodbye);
    else socket.end();
    socket.unref(); // a program that has nothing else to do doesn't wait for the goodbye
    setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
  }

  /** What ends a session. */
  protected abstract readonly goodbye: Buffer;
  /** Agrees with the server on TLS, which begins with the next byte. @throws WireError `no-tls` if it has none */
  protected abstract requestTls(): Promise<void>;
  /** Takes what has come in, and hands on each whole message by {@link arrive}. */
  protected abstract read(chunk: Buffer): void;
  /** True if a part of a message has come in. */
  protected abstract readonly isMidMessage: boolean;

  /** A message has come in. */
  protected arrive(message: Message): void {
    if (this.#resolveNext === undefined) this.#arrived.push(message);
    else this.#resolveNext(message);
    this.#resolveNext = undefined;
  }

  /** Breaks the connection, for the first reason that there is. @returns that */
  protected fail(error: WireError): WireError {
    if (this.#failure === undefined) {
      this.#failure = error;
      this.#socket?.destroy();
      this.#rejectWait?.(error);
    }
    return this.#failure;
  }

  /** Waits for what `listen` hands on, or for the failure that comes instead. */
  protected wait<T>(listen: (resolve: (value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#rejectWait = reject;
      listen(resolve);
    });
  }

  async #startTls(socket: Socket, host: string, { ca, serverName, fingerprints256 }: TlsOptions): Promise<void> {
    await this.requestTls();
    // What somebody between sent in clear must not be taken for the server's, once the server is known.
    if (this.isMidMessage || this.#arrived.length > 0)
      throw this.fail(new WireError("foreign", "it went on in clear after agreeing to TLS"));
    socket.removeAllListeners("data");
    socket.removeAllListeners("close"); // from here on it is the TLS socket that ends, and knows why
    const secured = connectTls({
      socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}), // an IP address is no server name (RFC 6066, section 3)
      ...(ca === undefined ? {} : { ca }),
      ...(serverName === undefined
        ? {}
        : { checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate) }),
      ...(fingerprints256 === undefined ? {} : { rejectUnauthorized: false }), // the pins say it all, and are checked below
    });
    this.#adopt(secured);
    await this.wait<void>((resolve) => secured.once("secureConnect", resolve));
    const shown = secured.getPeerX509Certificate()?.fingerprint256;
    if (fingerprints256 !== undefined && !fingerprints256.includes(shown?.replaceAll(":", "") ?? ""))
      throw this.fail(new WireError("untrusted", `its certificate has the fingerprint ${shown ?? "of none"}`));
    this.#listen(secured);
  }

  #listen(socket: Socket | TLSSocket): void {
    socket.on("data", (chunk: Buffer) => {
      this.#heard = true;
      if (this.usable) this.read(chunk);
    });
  }

  #adopt(socket: Socket | TLSSocket): void {
    this.#socket = socket;
    // `error` keeps its listener for ever: without one, a late reset would end the process.
    socket.on("error", (error: NodeJS.ErrnoException) => this.#ended(error));
    socket.on("close", () => this.#ended(undefined));
  }

  #ended(error: NodeJS.ErrnoException | undefined): void {
    if (this.usable) this.fail(this.#describe(error));
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
}

/** The error for each failure of a wire. */
export function wireError(
  error: WireError,
  { service, address, isUsable }: { service: string; address: TargetAddress; isUsable: string },
): CoffreError {
  const where = formatAddress(address);
  const details = { host: address.host, port: address.port };
  switch (error.failure) {
    case "foreign":
    case "not-understood":
      return new CoffreError("UNREACHABLE", `What answers at ${where} isn't usable: ${error.message}`, {
        hint: `Check host and port; ${isUsable}.`,
        details,
      });
    case "untrusted":
      return new CoffreError("TLS_NOT_TRUSTED", `The certificate of ${where} isn't trusted: ${error.message}`, {
        hint: "Name the authority's certificate in tls.caFile or tls.ca; if only the name differs, in tls.serverName.",
        details,
      });
    case "no-tls":
      return new CoffreError("TLS_NOT_TRUSTED", `The server at ${where} offers no TLS`, {
        hint: "Turn on TLS on the server. In a network where nobody listens, tls.allowPlainTcp does without.",
        details,
      });
    case "not-up":
    case "silent":
    case "lost":
    case "aborted":
      return connectionError(error.failure, error.message, { service, address });
  }
}
