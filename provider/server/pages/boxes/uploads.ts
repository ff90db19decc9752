import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { MemoryLocker, Server } from "@tus/server";
import { DataStore, Upload } from "@tus/utils";
import { lendEach } from "../../../core/give-back.js";
import { PAGE_HEADERS } from "../reply.js";
import { ownDeposit, ownFile } from "./deposits.js";
import { refusalOf, refusedSize } from "./states.js";
import { deleteOwnFile } from "./upload-form.js";
import type { Guest } from "./visitor.js";

/** One upload at a time of each file; whoever comes back after a broken connection ends what is left of the first. */
const locker = new MemoryLocker();
/** No byte for so long: the connection is gone, and what came is acknowledged. */
const SILENCE_MS = 60_000;

/** Speaks tus 1.0 (https://tus.io/protocols/resumable-upload), with the files of a person's own deposit behind it. */
export async function speakTus(guest: Guest, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { place } = guest;
  const server = new Server({
    path: `${place}/uploads`,
    datastore: new DepositStore(guest),
    locker,
    relativeLocation: true,
    allowedOrigins: () => false, // for no other site's pages
    onUploadFinish: async (_request, { id }) => {
      const { files } = guest.vault.boxes;
      await files.finish(id).catch((error: unknown) => refuse(guest, error));
      return {};
    },
  });
  const { raw, method } = request;
  raw.setTimeout(SILENCE_MS, () => raw.destroy());
  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]);
  const answer = await server.handleWeb(
    new Request(new URL(request.url, "http://localhost"), {
      method,
      headers,
      ...(method === "PATCH" ? { body: bodyOf(raw), duplex: "half" } : {}),
    }),
  );
  const said = Object.fromEntries(answer.headers);
  return reply
    .status(answer.status)
    .headers({ ...PAGE_HEADERS, ...said })
    .send(await answer.text());
}

/**
 * What comes, as it came: Node's own conversion copies each piece, and takes more before anybody asks for it. A connection that
 * breaks is an end, so that what came counts.
 */
function bodyOf(raw: IncomingMessage): ReadableStream<Uint8Array> {
  const pieces = raw.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array, undefined>;
  return new ReadableStream(
    {
      async pull(controller) {
        const piece = await pieces.next().catch(() => undefined);
        if (!piece || piece.done) controller.close();
        else controller.enqueue(piece.value);
      },
    },
    { highWaterMark: 0 },
  );
}

/** The files of the deposit that somebody is making, as tus sees them. */
class DepositStore extends DataStore {
  override extensions = ["creation", "termination"];
  readonly #guest: Guest;

  constructor(guest: Guest) {
    super();
    this.#guest = guest;
  }

  /** The vault names the file: the upload's id is that one. */
  override async create(upload: Upload): Promise<Upload> {
    const { vault } = this.#guest;
    const { size = 0, metadata } = upload;
    const tooLarge = refusedSize(this.#guest, size);
    if (tooLarge) throw asTusError(tooLarge);
    try {
      const { id: depositId } = await ownDeposit(this.#guest);
      const { id } = await vault.boxes.files.create({ depositId, name: metadata?.["filename"] ?? "", size });
      upload.id = id;
      return upload;
    } catch (error) {
      return refuse(this.#guest, error);
    }
  }

  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    try {
      const { received } = await this.#guest.vault.boxes.files.append(id, offset, lendEach(stream));
      return received;
    } catch (error) {
      return refuse(this.#guest, error);
    }
  }

  override async getUpload(id: string): Promise<Upload> {
    try {
      const { received, size = received, state } = await ownFile(this.#guest, id);
      return new Upload({ id, size, offset: state === "uploading" ? received : size });
    } catch (error) {
      return refuse(this.#guest, error);
    }
  }

  override async remove(id: string): Promise<void> {
    await deleteOwnFile(this.#guest, id).catch((error: unknown) => refuse(this.#guest, error));
  }
}

/** @throws what tus answers with: a status and a sentence for the person; what is the server's own failure, as nothing but that */
function refuse(guest: Guest, error: unknown): never {
  const refusal = refusalOf(error, guest);
  if (refusal) throw asTusError(refusal);
  guest.pages.complain(error);
  throw asTusError({ status: 500, text: guest.words.failed });
}

/** The shape that the library answers with; it isn't an `Error`. */
function asTusError({ status, text }: { status: number; text: string }): Error {
  return Object.assign(new Error(text), { status_code: status, body: text });
}
