import type { FastifyReply, FastifyRequest } from "fastify";
import * as z from "zod";
import { lendEach } from "../../../core/give-back.js";
import { asCoffreError, statusOf } from "../../failures.js";
import { sendOn, sendPage } from "../reply.js";
import { boxPage } from "./box-page.js";
import { ownDeposit, ownFile, ownOpenDeposit } from "./deposits.js";
import { refusalOf } from "./states.js";
import { type Guest, requireOwnForm } from "./visitor.js";

const SubmitForm = z.object({ token: z.string(), note: z.string().max(4_000).optional() });

/** Takes the files of a plain form, one after the other as they come, whatever their size. */
export async function takeFiles(guest: Guest, sent: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { words, vault } = guest;
  const { files } = vault.boxes;
  let isChecked = false;
  let taken = 0;
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
      const { id: depositId } = await ownDeposit(guest);
      const { id } = await files.create({ depositId, name: part.filename });
      try {
        await files.append(id, 0, lendEach(part.file));
        await files.finish(id);
      } catch (error) {
        await files.abort(id); // without a script nobody goes on with it
        throw error;
      }
      taken += 1;
    }
  } catch (error) {
    return answerRefusal(guest, reply, error);
  }
  return taken > 0
    ? sendOn(reply, guest.place)
    : sendPage(reply, 400, await boxPage(guest, { kind: "bad", text: words.noFileChosen }));
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
    const note = data?.note?.replaceAll("\r\n", "\n").trim();
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
  const box = await guest.pages.vault.boxes.readBox(guest.box.id); // it may be closed by now
  return sendPage(reply, refusal.status, await boxPage({ ...guest, box }, { kind: "bad", text: refusal.text }));
}
