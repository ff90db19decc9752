import { serialize } from "pg-protocol";
import type { BackendMessage } from "pg-protocol/dist/messages.js";
import { Parser } from "pg-protocol/dist/parser.js";
import { Wire, WireError } from "../common/wire.js";

// Why not pg's Client: it answers whatever form of password the server asks for, clear text included; it fills gaps from
// PG* variables; and a kind of authentication that it doesn't know ends the process, thrown in a socket's event. Here one
// connection serves the admin, the look and the proof, with pg's own library for the messages.

/** No message of a login or of our statements comes near it. */
const LONGEST_MESSAGE = 1 << 20;
/** What a server's first message can be: a question, an error, a notice, or an older version of the protocol. */
const FIRST_LETTERS = Buffer.from("RENv");

/** One connection to a PostgreSQL server. Mere notices are dropped. */
export class PostgresWire extends Wire<BackendMessage> {
  protected readonly goodbye = serialize.end();
  #understood = false;
  #unparsedBytes = 0;
  readonly #parser = new Parser();
  #answerOnTls: ((answer: string) => void) | undefined;

  protected get isMidMessage(): boolean {
    return this.#unparsedBytes > 0;
  }

  protected async requestTls(): Promise<void> {
    const answering = this.wait<string>((resolve) => (this.#answerOnTls = resolve));
    this.send(serialize.requestSsl());
    const answer = await answering;
    if (answer === "N") throw this.fail(new WireError("no-tls", "it offers no TLS"));
    if (answer !== "S") throw this.fail(new WireError("foreign", "it didn't answer as PostgreSQL does"));
  }

  protected read(chunk: Buffer): void {
    if (this.#answerOnTls !== undefined) {
      this.#answerOnTls(String(chunk));
      this.#answerOnTls = undefined;
      return;
    }
    const isFirst = !this.#understood && this.#unparsedBytes === 0;
    this.#unparsedBytes += chunk.length;
    const isForeign = isFirst && !FIRST_LETTERS.includes(chunk.subarray(0, 1));
    if (isForeign || this.#unparsedBytes > LONGEST_MESSAGE) {
      this.fail(new WireError("foreign", "it didn't answer as PostgreSQL does"));
      return;
    }
    try {
      this.#parser.parse(chunk, (message) => {
        this.#unparsedBytes = 0;
        this.#understood = true;
        const { name } = message;
        if (name !== "notice" && name !== "parameterStatus" && name !== "notification") this.arrive(message);
      });
    } catch {
      this.fail(new WireError("not-understood", "it asks for something that Coffre doesn't know, such as GSSAPI"));
    }
  }
}
