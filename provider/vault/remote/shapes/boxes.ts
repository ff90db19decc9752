import * as z from "zod";
import type {
  Deposit,
  DepositInput,
  DropBox,
  DropBoxInput,
  DropBoxPatch,
  DropBoxRemoval,
  FileInput,
  StoredFile,
  TidyReport,
} from "../../port.js";
import { CategoryId, complete, Id, Instant, OwnerShape } from "./common.js";

const owner = OwnerShape.exactOptional();
const Texts = z.array(z.string()).max(2_000);
const Count = z.int().nonnegative();

export const BoxInputShape = complete<DropBoxInput>()(
  z.strictObject({
    name: z.string(),
    categoryId: CategoryId,
    recipients: Texts,
    managers: Texts.exactOptional(),
    description: z.string().exactOptional(),
    expiresAt: Instant.exactOptional(),
    archivesAt: Instant.exactOptional(),
    partitioned: z.boolean().exactOptional(),
    depositNotice: z.boolean().exactOptional(),
    downloadNotice: z.boolean().exactOptional(),
    enabled: z.boolean().exactOptional(),
    maxFileBytes: z.number().exactOptional(),
    maxBytes: z.number().exactOptional(),
    fileTypes: Texts.exactOptional(),
    keepDays: z.number().exactOptional(),
    phones: Texts.exactOptional(),
    onNameConflict: z.enum(["fail", "replace"]).exactOptional(),
    owner,
  }) satisfies z.ZodType<DropBoxInput>,
);

export const BoxPatchShape = complete<DropBoxPatch>()(
  z.strictObject({
    token: z.string().exactOptional(),
    name: z.string().exactOptional(),
    categoryId: CategoryId.exactOptional(),
    recipients: Texts.exactOptional(),
    managers: Texts.exactOptional(),
    description: z.string().nullable().exactOptional(),
    expiresAt: Instant.nullable().exactOptional(),
    archivesAt: Instant.nullable().exactOptional(),
    partitioned: z.boolean().exactOptional(),
    depositNotice: z.boolean().exactOptional(),
    downloadNotice: z.boolean().exactOptional(),
    enabled: z.boolean().exactOptional(),
    maxFileBytes: z.number().nullable().exactOptional(),
    maxBytes: z.number().nullable().exactOptional(),
    fileTypes: Texts.nullable().exactOptional(),
    keepDays: z.number().nullable().exactOptional(),
    phones: Texts.exactOptional(),
    owner,
  }) satisfies z.ZodType<DropBoxPatch>,
);

export const BoxRemovalShape = complete<DropBoxRemoval>()(
  z.strictObject({
    token: z.string().exactOptional(),
    onlyEmpty: z.boolean().exactOptional(),
  }) satisfies z.ZodType<DropBoxRemoval>,
);

export const BoxShape = complete<DropBox>()(
  z.object({
    id: Id,
    name: z.string(),
    categoryId: CategoryId,
    path: z.array(z.string()),
    recipients: Texts,
    managers: Texts,
    description: z.string().exactOptional(),
    expiresAt: Instant.exactOptional(),
    archivesAt: Instant.exactOptional(),
    partitioned: z.boolean(),
    depositNotice: z.boolean(),
    downloadNotice: z.boolean(),
    enabled: z.boolean(),
    maxFileBytes: Count.exactOptional(),
    maxBytes: Count.exactOptional(),
    fileTypes: Texts.exactOptional(),
    keepDays: Count.exactOptional(),
    phones: Texts,
    owned: z.boolean(),
    createdAt: Instant,
    archivedAt: Instant.exactOptional(),
    status: z.enum(["open", "expired", "closed", "archived"]),
    depositCount: Count,
    bytes: Count,
    url: z.string().exactOptional(),
  }) satisfies z.ZodType<DropBox>,
);

export const DepositInputShape = complete<DepositInput>()(
  z.strictObject({
    by: z.string().min(1).max(300),
    inside: z.boolean().exactOptional(),
    note: z.string().exactOptional(),
  }) satisfies z.ZodType<DepositInput>,
);

export const FileInputShape = complete<FileInput>()(
  z.strictObject({
    depositId: Id,
    name: z.string(),
    size: z.number().exactOptional(),
  }) satisfies z.ZodType<FileInput>,
);

export const FileShape = complete<StoredFile>()(
  z.object({
    id: Id,
    depositId: Id,
    boxId: Id,
    name: z.string(),
    givenName: z.string(),
    state: z.enum(["uploading", "quarantine", "ready", "refused"]),
    received: Count,
    size: Count.exactOptional(),
    sha256: z.string().exactOptional(),
    type: z.object({ extension: z.string(), mime: z.string() }).exactOptional(),
    reason: z.string().exactOptional(),
    createdAt: Instant,
    finishedAt: Instant.exactOptional(),
  }) satisfies z.ZodType<StoredFile>,
);

export const DepositShape = complete<Deposit>()(
  z.object({
    id: Id,
    boxId: Id,
    by: z.string(),
    note: z.string().exactOptional(),
    openedAt: Instant,
    submittedAt: Instant.exactOptional(),
    files: z.array(FileShape),
  }) satisfies z.ZodType<Deposit>,
);

export const VerdictShape = z.union([
  z.strictObject({ clean: z.literal(true) }),
  z.strictObject({ clean: z.literal(false), reason: z.string().max(1_000) }),
]);

export const TidyShape = complete<TidyReport>()(
  z.object({
    archivedBoxes: z.array(Id),
    deletedDeposits: z.array(Id),
    abortedFiles: z.array(Id),
    archivedTransfers: z.array(Id),
  }) satisfies z.ZodType<TidyReport>,
);

/** Bytes as they travel: base64. */
export const BytesShape = z.base64();
/** Who reads: see `Files.read`. */
export const ReaderShape = z.union([z.strictObject({ by: z.string().min(1).max(300) }), z.literal("scanner")]);
/** A file's content: first the file, then its bytes in order. */
export const ContentShape = z.union([z.object({ file: FileShape }), z.object({ bytes: BytesShape })]);
