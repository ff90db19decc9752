import { randomUUID } from "node:crypto";

/** What `/v1` answers of a drop-box, as far as it is asked here. `/v1/openapi.json` of a server describes all of it. */
export interface Box {
  id: string;
  path: string[];
  recipients: string[];
  description?: string;
  createdAt: string;
}

export interface Deposit {
  id: string;
  by: string;
  submittedAt?: string;
  files: { name: string; size?: number; sha256?: string; state: string }[];
}

/** The vault refused something, or didn't answer. */
export class VaultError extends Error {
  override readonly name = "VaultError";
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const PAUSES_MS = [200, 1_000, 3_000];
const ANSWER_MS = 60_000;
const PIECE_BYTES = 4 * 1024 * 1024;

/** The vault behind `coffre serve`, by the operations of `/v1`. */
export class Vault {
  readonly #url: string;
  readonly #token: string;
  /** Which start of the server answered last. */
  #start: string | undefined;

  /** @param url of `coffre serve`, without a path */
  constructor(url: string, token: string) {
    this.#url = url.replace(/\/$/, "");
    this.#token = token;
  }

  /** The page of a drop-box. */
  pageOf({ id }: Box): string {
    return `${this.#url}/boxes/${id}`;
  }

  /** One operation that changes nothing. @throws VaultError */
  async ask<T>(name: string, body: object): Promise<T> {
    return (JSON.parse(await this.#send(name, body, {})) as { value: T }).value;
  }

  /** One change. Sent again without an answer it is carried out once: the server knows it by its id. @throws VaultError */
  async change<T>(name: string, body: object): Promise<T> {
    const headers = { "x-coffre-request": randomUUID() };
    return (JSON.parse(await this.#send(name, body, headers)) as { value: T }).value;
  }

  /** All of a list. @throws VaultError */
  async list<T>(name: string, body: object): Promise<T[]> {
    const lines = (await this.#send(name, body, {})).trim().split("\n");
    const items: T[] = [];
    for (const line of lines) {
      const { item, error, end } = JSON.parse(line) as {
        item?: T;
        error?: { code: string; problem: string };
        end?: true;
      };
      if (error) throw new VaultError(error.code, error.problem);
      if (end) return items;
      if (item) items.push(item);
    }
    throw new VaultError("UNREACHABLE", `The list ${name} was cut`);
  }

  /** Deposits one file, and hands it in. @returns the deposit's id */
  async deposit(boxId: string, name: string, bytes: Uint8Array): Promise<string> {
    const { id: depositId } = await this.change<Deposit>("boxes/open-deposit", {
      boxId,
      input: { by: "us", inside: true },
    });
    const { id } = await this.change<{ id: string }>("boxes/create-file", {
      input: { depositId, name, size: bytes.length },
    });
    for (let offset = 0; offset < bytes.length; offset += PIECE_BYTES) {
      const piece = Buffer.from(bytes.subarray(offset, offset + PIECE_BYTES)).toString("base64");
      await this.change("boxes/append-file", { id, offset, bytes: piece });
    }
    await this.change("boxes/finish-file", { id, quarantine: false });
    await this.change("boxes/submit-deposit", { id: depositId });
    return depositId;
  }

  async #send(name: string, body: object, headers: Record<string, string>): Promise<string> {
    const sentTo = this.#start;
    for (let tries = 0; ; tries++) {
      try {
        const answer = await fetch(`${this.#url}/v1/${name}`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            authorization: `Bearer ${this.#token}`,
            // A server that was started anew since doesn't know what the first request did.
            ...(tries > 0 && sentTo !== undefined ? { "x-coffre-server": sentTo } : {}),
            ...headers,
          },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(ANSWER_MS),
        });
        this.#start = answer.headers.get("x-coffre-server") ?? this.#start;
        const text = await answer.text();
        if (answer.ok) return text;
        throw refusalOf(answer.status, text);
      } catch (error) {
        const pause = PAUSES_MS[tries];
        if (error instanceof VaultError || pause === undefined) throw unreachable(error);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}

function refusalOf(status: number, text: string): VaultError {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; problem: string } };
    return new VaultError(error.code, error.problem);
  } catch {
    return new VaultError("BAD_RESPONSE", `The server answered ${status}, and not as Coffre does`);
  }
}

function unreachable(error: unknown): VaultError {
  if (error instanceof VaultError) return error;
  return new VaultError("UNREACHABLE", "The vault's server didn't answer", { cause: error });
}
