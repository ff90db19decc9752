import type { Readable } from "node:stream";
import type { MultipartFile } from "@fastify/multipart";
import type { FastifyReply, FastifyRequest } from "fastify";
import * as z from "zod";
import { typedText } from "../../../core/drop-box.js";
import { safeFileName } from "../../../core/file-name.js";
import { giveBack, lendEach } from "../../../core/give-back.js";
import { asCoffreError, statusOf } from "../../failures.js";
import { html } from "../../html/html.js";
import { sendOn, sendPage } from "../reply.js";
import { boxPage } from "./box-page.js";
import { ownDeposit, ownFile, ownOpenDeposit } from "./deposits.js";
import { type Refusal, refusalOf } from "./states.js";
import { type Guest, requireOwnForm } from "./visitor.js";

/** Of one form. */
export const MOST_FILES = 100;

const SubmitForm = z.object({ token: z.string(), note: z.string().max(4_000).optional() });

/** A file of a form that wasn't taken, and why. */
interface RefusedFile extends Refusal {
  name: string;
}

/**
 * Takes the files of a plain form, one after the other as they come, whatever their size. One that is refused ends none of the
 * others: all that weren't taken are named on the page that follows.
 */
export async function takeFiles(guest: Guest, sent: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { words, place } = guest;
  const refused: RefusedFile[] = [];
  let isChecked = false;
  let isTooMany = false;
  let taken = 0;
  let last = "";
  try {
    for await (const part of sent.parts()) {
      if (part.type === "field") {
        if (part.fieldname === "token") requireOwnForm(guest, sent, part.value);
        isChecked ||= part.fieldname === "token";
        continue;
      }
      // The token stands before the files in the form.
      if (!isChecked) requireOwnForm(guest, sent, undefined);
      if (part.filename === "" || part.fieldname !== "files") {
        part.file.resume(); // an empty field for files is sent as a file without a name
        continue;
      }
      last = safeFileName(part.filename);
      const refusal = await takeFile(guest, part);
      if (refusal) refused.push({ name: last, ...refusal });
      else taken += 1;
    }
  } catch (error) {
    if ((error as { code?: unknown }).code !== "FST_FILES_LIMIT") throw error;
    isTooMany = true; // those behind it are passed over without their names
  }
  if (refused.length === 0 && !isTooMany) {
    if (taken > 0) return sendOn(reply, place);
    return sendPage(reply, 400, await boxPage(guest, { kind: "bad", text: words.noFileChosen }));
  }
  const text = html`<strong>${taken > 0 ? words.someNotTaken : words.notTaken}</strong>
    <ul>
      ${refused.map(({ name, text: why }) => html`<li><bdi>${name}</bdi> – ${why}</li>`)}
      ${isTooMany && html`<li>${words.tooManyFiles(MOST_FILES)} ${words.notTakenAfter} <bdi>${last}</bdi></li>`}
    </ul>`;
  const status = refused[0]?.status ?? 413;
  return sendPage(reply, status, await boxPage(await asItIsNow(guest), { kind: "bad", text }));
}

/** @returns why it isn't taken; the rest of it was passed over then. @throws what the connection failed by */
async function takeFile(guest: Guest, { file, filename }: MultipartFile): Promise<Refusal | undefined> {
  const { files } = guest.vault.boxes;
  try {
    const { id: depositId } = await ownDeposit(guest);
    const { id } = await files.create({ depositId, name: filename });
    try {
      await files.append(id, 0, lendEach(inTurn(file)));
      await files.finish(id);
    } catch (error) {
      await files.abort(id); // without a script nobody goes on with it
      throw error;
    }
    return undefined;
  } catch (error) {
    if (file.errored) throw error; // there is nothing behind it, and nobody who reads an answer
    for await (const piece of file) giveBack(piece as Uint8Array);
    const refusal = refusalOf(error, guest);
    if (refusal) return refusal;
    guest.pages.complain(error);
    return { status: 500, text: `${guest.words.failed}.` };
  }
}

/** The same pieces, of which the rest can still be had when the reader stops. */
function inTurn(file: Readable): AsyncIterable<Uint8Array> {
  return file.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
}

/** Takes a file out of the deposit that is being made. */
export async function removeFile(guest: Guest, sent: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  requireOwnForm(guest, sent, (sent.body as { token?: unknown } | undefined)?.token);
  const { fileId = "" } = sent.params as Record<string, string | undefined>;
  await deleteOwnFile(guest, fileId);
  return sendOn(reply, guest.place);
}

/** @throws HttpFailure 404 */
export async function deleteOwnFile(guest: Guest, id: string): Promise<void> {
  const { files } = guest.vault.boxes;
  const { state } = await ownFile(guest, id);
  await (state === "uploading" ? files.abort(id) : files.deleteFile(id));
}

/** Hands the deposit in. A file that isn't whole is never left out silently. */
export async function handIn(guest: Guest, sent: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { data } = SubmitForm.safeParse(sent.body);
  requireOwnForm(guest, sent, data?.token);
  const { vault, words, place, pages } = guest;
  const { boxes } = vault;
  const open = await ownOpenDeposit(guest);
  const refuse = async (text: string) => sendPage(reply, 409, await boxPage(guest, { kind: "bad", text }));
  if (!open || open.files.length === 0) return refuse(words.nothingToHandIn);
  try {
    for (const { id, state, received, size } of open.files) {
      if (state !== "uploading") continue;
      if (received !== size) return await refuse(words.notWhole);
      await boxes.files.finish(id); // the server ended before it could
    }
    const note = data?.note === undefined ? "" : typedText(data.note);
    const { id } = await boxes.submitDeposit(open.id, note ? { note } : {});
    pages.wake();
    return await sendOn(reply, `${place}/deposits/${id}`);
  } catch (error) {
    return answerRefusal(guest, reply, error);
  }
}

/** What the vault refuses, on the page that it concerns. @throws what is the server's own failure */
async function answerRefusal(guest: Guest, reply: FastifyReply, error: unknown): Promise<FastifyReply> {
  const refusal = refusalOf(error, guest);
  if (!refusal || statusOf(asCoffreError(error)) === 404) throw error;
  return sendPage(reply, refusal.status, await boxPage(await asItIsNow(guest), { kind: "bad", text: refusal.text }));
}

/** It may be closed, or full, by now. */
async function asItIsNow(guest: Guest): Promise<Guest> {
  return { ...guest, box: await guest.pages.vault.boxes.readBox(guest.box.id) };
}
