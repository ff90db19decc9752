import * as z from "zod";
import { CoffreError, isCoffreError } from "../../core/errors.js";
import type { TransitKey } from "../embedded/slots.js";
import { TokenRefused, TransitRefusal } from "./failures.js";
import { encodePath, Login, type LoginOptions } from "./login.js";
import { type Message, Server, type ServerOptions } from "./server.js";

/** Where a transit key is, and how Coffre logs in. */
export interface TransitPlace {
  server: ServerOptions;
  /** Path of the transit engine, for example `transit`. */
  mount: string;
  /** Name of the key in it. */
  key: string;
  login: LoginOptions;
}

const Encrypted = z.object({ data: z.object({ ciphertext: z.string().min(1) }) });
const Decrypted = z.object({ data: z.object({ plaintext: z.string() }) });
const Key = z.object({ data: z.object({ type: z.string(), derived: z.boolean(), exportable: z.boolean() }) });

/** Ciphers that can bind what they wrap to something else. */
const BINDING = /^(aes(128|256)-gcm96|x?chacha20-poly1305)$/;

/**
 * A key of HashiCorp Vault's or OpenBao's transit engine. Each call is a connection of its own: a vault asks once, when it
 * is opened.
 */
export class TransitEngineKey implements TransitKey {
  readonly #place: TransitPlace;

  constructor(place: TransitPlace) {
    this.#place = place;
  }

  async wrap(bytes: Uint8Array, bound: string): Promise<string> {
    return this.#connected(async (call) => {
      await this.#checkKey(call);
      const body = { plaintext: Buffer.from(bytes).toString("base64"), associated_data: base64(bound) };
      return (await call({ method: "POST", path: this.#path("encrypt"), body }, Encrypted)).data.ciphertext;
    });
  }

  async unwrap(wrapped: string, bound: string): Promise<Buffer | undefined> {
    return this.#connected(async (call) => {
      const body = { ciphertext: wrapped, associated_data: base64(bound) };
      try {
        const { data } = await call({ method: "POST", path: this.#path("decrypt"), body }, Decrypted);
        return Buffer.from(data.plaintext, "base64");
      } catch (error) {
        if (error instanceof TransitRefusal && error.reason === "other-key") return undefined;
        throw error;
      }
    });
  }

  /** Asked before something is wrapped: the engine makes a key that isn't there, and this one is to be somebody's. */
  async #checkKey(call: Call): Promise<void> {
    const { data } = await call({ method: "GET", path: this.#path("keys") }, Key).catch((error: unknown) => {
      throw isCoffreError(error, "NOT_FOUND") ? new TransitRefusal("no-key") : error;
    });
    if (BINDING.test(data.type) && !data.derived && !data.exportable) return;
    const what = data.derived ? "derived" : data.exportable ? "exportable" : `of the type ${data.type}`;
    throw new CoffreError("CONFIGURATION", `The transit key ${this.#name} is ${what}`, {
      hint: "Name one of the type aes256-gcm96, which is neither derived nor exportable: it binds what it wraps, and never leaves the server.",
    });
  }

  async #connected<T>(work: (call: Call) => Promise<T>): Promise<T> {
    const server = new Server(this.#place.server);
    const login = new Login(server, this.#place.login);
    try {
      await server.findActive();
      return await work((message, schema) => login.use((token) => server.call({ ...message, token }, schema)));
    } catch (error) {
      throw this.#explain(error);
    } finally {
      await server.close();
    }
  }

  #explain(error: unknown): unknown {
    const { key } = this.#place;
    const other = "Open the vault with another of its keys (COFFRE_KEY_FILE, COFFRE_PASSPHRASE_FILE)";
    if (error instanceof TransitRefusal && error.reason === "too-old") {
      return new CoffreError(
        "WRONG_KEY",
        `The transit key ${this.#name} opens nothing of so early a version any more`,
        {
          hint: `Lower its min_decryption_version, then \`coffre vault key rewrap\`. Or: ${other}.`,
          cause: error,
        },
      );
    }
    if (error instanceof TransitRefusal) {
      return new CoffreError("WRONG_KEY", `There is no transit key ${this.#name}`, {
        hint: `Check COFFRE_TRANSIT_KEY. If it was deleted, nothing opens this key slot any more. ${other}.`,
        cause: error,
      });
    }
    if (isCoffreError(error, "FORBIDDEN") && !(error instanceof TokenRefused)) {
      const { path = "", capability = "" } = error.details;
      const needs = `${this.#path("decrypt")} (update); to add or rewrap a slot also ${this.#path("encrypt")} (update) and ${this.#path("keys")} (read)`;
      return new CoffreError("FORBIDDEN", `The login may not use the transit key ${this.#name}`, {
        hint: `Its policy needs ${needs}.`,
        details: { path, capability },
        cause: error,
      });
    }
    if (isCoffreError(error, "NOT_FOUND")) {
      return new CoffreError("CONFIGURATION", `There is no transit engine for the key ${key} at ${this.#where}`, {
        hint: "Check COFFRE_TRANSIT_KEY: vault+https://<host>:<port>/<mount>?key=<name>.",
        cause: error,
      });
    }
    return error;
  }

  get #where(): string {
    return `${this.#place.server.origin}/${this.#place.mount}`;
  }

  get #name(): string {
    return `${this.#place.key} at ${this.#where}`;
  }

  #path(what: "keys" | "encrypt" | "decrypt"): string {
    return `${encodePath(this.#place.mount)}/${what}/${encodeURIComponent(this.#place.key)}`;
  }
}

type Call = <T>(message: Message, schema: z.ZodType<T>) => Promise<T>;

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
