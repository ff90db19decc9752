import { createHash } from "node:crypto";
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import type { MailServer } from "../../test/fixtures/mail-server.js";
import { PlainBrowser } from "../../test/fixtures/pages-scene.js";

const BLOCK_BYTES = 1024 * 1024;
const PAUSE_MS = 20;

/** What `coffre serve` is told so that its mail goes to this server. */
export function mailArguments({ port }: MailServer): string[] {
  return [
    "--mail-host",
    "127.0.0.1",
    "--mail-port",
    String(port),
    "--mail-tls",
    "none",
    "--mail-from",
    "a@example.com",
  ];
}

/** A browser on a drop-box's page, let in by the code that came by mail. */
export async function signInByMail(
  origin: string,
  { boxId, address, mail }: { boxId: string; address: string; mail: MailServer },
): Promise<PlainBrowser> {
  const browser = new PlainBrowser(origin);
  const place = `/boxes/${boxId}`;
  await browser.get(place);
  await browser.post(`${place}/code`, { email: address });
  const codeIn = () => /^ {4}(\d+)$/m.exec(mail.textTo(address) ?? "")?.[1];
  while (codeIn() === undefined) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  await browser.post(`${place}/sign-in`, { code: codeIn() ?? "" });
  await browser.get(place);
  return browser;
}

/** A file on its way into a drop-box by tus, as the page's script sends it, that can be cut. */
export class PageUpload {
  readonly #origin: string;
  readonly #browser: PlainBrowser;
  readonly #size: number;
  readonly #path: string;

  private constructor(origin: string, browser: PlainBrowser, size: number, path: string) {
    this.#origin = origin;
    this.#browser = browser;
    this.#size = size;
    this.#path = path;
  }

  /** Announces a file of `size` bytes, which are those of {@link contentHash}. */
  static async begin(
    origin: string,
    { browser, boxId, name, size }: { browser: PlainBrowser; boxId: string; name: string; size: number },
  ): Promise<PageUpload> {
    const { status, headers, text } = await browser.send(`/boxes/${boxId}/uploads`, {
      method: "POST",
      headers: {
        "tus-resumable": "1.0.0",
        "x-form-token": browser.token,
        "upload-length": String(size),
        "upload-metadata": `filename ${Buffer.from(name).toString("base64")}`,
      },
    });
    if (status !== 201) throw new Error(`the upload wasn't begun: ${status} ${text}`);
    return new PageUpload(origin, browser, size, headers.get("location") ?? "");
  }

  /** The file's id. */
  get id(): string {
    return this.#path.slice(this.#path.lastIndexOf("/") + 1);
  }

  /** How many bytes the server has acknowledged. */
  async offset(): Promise<number> {
    const { status, headers } = await this.#browser.send(this.#path, {
      method: "HEAD",
      headers: { "tus-resumable": "1.0.0" },
    });
    if (status !== 200) throw new Error(`the upload's offset wasn't answered: ${status}`);
    return Number(headers.get("upload-offset"));
  }

  /**
   * Sends everything from `offset` on.
   * @param cutAt where the connection breaks off, without an answer. Default: at the end, once it was answered
   * @param sent told of each position that was handed to the connection, which goes on once that has ended
   * @throws Error with the status and the text of any answer but 204
   */
  async send(offset: number, { cutAt, sent }: { cutAt?: number; sent?: (at: number) => unknown } = {}): Promise<void> {
    const sending = request(this.#origin + this.#path, {
      method: "PATCH",
      headers: {
        "tus-resumable": "1.0.0",
        "x-form-token": this.#browser.token,
        cookie: this.#browser.cookie,
        "upload-offset": String(offset),
        "content-type": "application/offset+octet-stream",
        "content-length": String(this.#size - offset),
      },
    });
    const ended = answerOf(sending);
    const content = Readable.from(blocks(offset, cutAt ?? this.#size));
    let at = offset;
    for await (const block of content as AsyncIterable<Buffer>) {
      if (!sending.write(block)) await Promise.race([once(sending, "drain"), ended]);
      at += block.length;
      await sent?.(at);
      if (sending.destroyed) break;
    }
    if (cutAt !== undefined) {
      sending.destroy();
      await ended.catch(() => undefined);
      return;
    }
    sending.end();
    const { status, text } = await ended;
    if (status !== 204) throw new Error(`the upload was answered with ${String(status)}: ${text}`);
  }
}

/** SHA-256, in hex, of the content that an upload of this size has. */
export function contentHash(size: number): string {
  const hash = createHash("sha256");
  for (const block of blocks(0, size)) hash.update(block);
  return hash.digest("hex");
}

/** The same bytes at each place, whoever sends them. */
function* blocks(from: number, to: number): Iterable<Buffer> {
  for (let at = from; at < to;) {
    const number = Math.floor(at / BLOCK_BYTES);
    const block = Buffer.alloc(BLOCK_BYTES, createHash("sha256").update(String(number)).digest());
    const part = block.subarray(at - number * BLOCK_BYTES, Math.min(BLOCK_BYTES, to - number * BLOCK_BYTES));
    yield part;
    at += part.length;
  }
}

async function answerOf(sending: ClientRequest): Promise<{ status: number | undefined; text: string }> {
  const [answer] = (await once(sending, "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of answer.setEncoding("utf8") as AsyncIterable<string>) text += piece;
  return { status: answer.statusCode, text };
}
