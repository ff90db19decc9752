import * as z from "zod";
import type { NewTransfer, Transfer, TransferFile, TransferInput, TransferPatch } from "../../port.js";
import { CategoryId, complete, Id, Instant, OwnerShape, SecretText } from "./common.js";

const owner = OwnerShape.exactOptional();
const Texts = z.array(z.string()).max(2_000);
const Count = z.int().nonnegative();

export const TransferInputShape = complete<TransferInput>()(
  z.strictObject({
    categoryId: CategoryId,
    from: z.string(),
    to: Texts.exactOptional(),
    message: z.string().exactOptional(),
    expiresAt: Instant,
    maxDownloads: z.number().exactOptional(),
    password: SecretText.exactOptional(),
    encryptedFor: z.string().exactOptional(),
    owner,
  }) satisfies z.ZodType<TransferInput>,
);

export const TransferPatchShape = complete<TransferPatch>()(
  z.strictObject({
    token: z.string().exactOptional(),
    to: Texts.exactOptional(),
    message: z.string().nullable().exactOptional(),
    expiresAt: Instant.exactOptional(),
    maxDownloads: z.number().nullable().exactOptional(),
    password: SecretText.nullable().exactOptional(),
    owner,
  }) satisfies z.ZodType<TransferPatch>,
);

const TransferFileShape = complete<TransferFile>()(
  z.object({
    id: Id,
    name: z.string(),
    size: Count.exactOptional(),
    sha256: z.string().exactOptional(),
    downloads: Count,
  }) satisfies z.ZodType<TransferFile>,
);

export const TransferShape = complete<Transfer>()(
  z.object({
    id: Id,
    categoryId: CategoryId,
    from: z.string(),
    to: Texts,
    message: z.string().exactOptional(),
    expiresAt: Instant,
    maxDownloads: Count.exactOptional(),
    hasPassword: z.boolean(),
    passwordSetAt: Instant.exactOptional(),
    encryptedFor: z.string().exactOptional(),
    owned: z.boolean(),
    createdAt: Instant,
    sentAt: Instant.exactOptional(),
    archivedAt: Instant.exactOptional(),
    status: z.enum(["draft", "open", "used", "locked", "expired", "archived"]),
    files: z.array(TransferFileShape),
    downloadCount: Count,
  }) satisfies z.ZodType<Transfer>,
);

/** The link is in clear here, once: on its way to whoever sends. */
export const NewTransferShape = complete<NewTransfer>()(
  z.object({ transfer: TransferShape, link: SecretText }) satisfies z.ZodType<NewTransfer>,
);
