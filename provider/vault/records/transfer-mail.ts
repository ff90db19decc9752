import type { Secret } from "../../core/secret.js";
import type { TransferFile } from "../port-transfers.js";
import type { VaultContext } from "./context.js";
import { bookMail } from "./outbox.js";
import type { WriteRows } from "./rows.js";
import type { TransferRow } from "./transfer-rows.js";

/** `transfer-sent`, to each of `addresses`: the link, and what is behind it until when. It is gone from the vault once it was sent. */
export function bookTransferMail(
  tx: WriteRows,
  context: VaultContext,
  { row, files, link }: { row: TransferRow; files: readonly TransferFile[]; link: Secret },
  addresses: readonly string[],
): void {
  const parameters = {
    link: link.reveal(),
    from: row.from,
    message: row.message ?? null,
    expiresAt: row.expiresAt,
    password: row.password !== undefined,
    maxDownloads: row.maxDownloads ?? null,
    encrypted: row.encryptedFor !== undefined,
    files: files.map(({ name, size = 0, sha256 = "" }) => [name, size, sha256]),
  };
  bookMail(
    tx,
    context,
    addresses.map((to) => ({ to, template: "transfer-sent", parameters, about: [row.id], notAfter: row.expiresAt })),
  );
}
