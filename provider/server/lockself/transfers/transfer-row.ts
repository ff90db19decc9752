import * as z from "zod";

/** 20 MiB: what the known client sends at once. */
export const LARGEST_CHUNK = 20 * 1024 * 1024;
/** 100 MiB: what it sends at most. */
export const LARGEST_TRANSFER = 100 * 1024 * 1024;
/** All transfers that a server keeps at once. */
export const MOST_BYTES = 2 * 1024 * 1024 * 1024;
/** An upload that isn't whole after so long is given up. */
export const UPLOAD_HOURS = 24;
/** So long the report of a transfer that has ended can be read. */
export const REPORT_DAYS = 30;
/** Files aren't removed so soon after a download began. */
export const LONGEST_DOWNLOAD_MS = 3_600_000;
/** Wrong passwords that one transfer bears in {@link WRONG_MINUTES}. */
export const MOST_WRONG = 10;
export const WRONG_MINUTES = 15;

/** What is kept of a transfer. Neither its password nor its links: of these only digests. */
export const TransferRow = z.object({
  /** The client's own id, which groups the chunks of one upload. */
  uuid: z.string(),
  /** Name of the user whose it is. */
  sender: z.string(),
  name: z.string(),
  description: z.string(),
  totalSize: z.number(),
  /** Bytes of each chunk that has come. */
  chunks: z.array(z.number().nullable()),
  /** Downloads that are allowed; 0: any number. */
  maxDl: z.number(),
  expiresAt: z.string().optional(),
  createdAt: z.string(),
  completedAt: z.string().optional(),
  /** Since when the files are gone. */
  endedAt: z.string().optional(),
  /** Base64. */
  salt: z.string(),
  /** The key of the file, which only password and server together open. Base64. */
  wrappedKey: z.string(),
  /** SHA-256 of the secrets in the links. */
  downloadDigest: z.string().optional(),
  reportDigest: z.string().optional(),
  downloads: z.array(z.object({ at: z.string(), address: z.string() })),
  /** When wrong passwords were given lately. */
  wrong: z.array(z.string()),
});
export type TransferRow = z.infer<typeof TransferRow>;

/** Whether everything has come. */
export function isWhole({ chunks, totalSize }: TransferRow): boolean {
  return chunks.every((size) => size !== null) && sizeOf(chunks) === totalSize;
}

export function sizeOf(chunks: TransferRow["chunks"]): number {
  return chunks.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

/** Whether nobody can fetch it any more, or ever could. */
export function hasEnded({ maxDl, downloads, expiresAt, completedAt, createdAt }: TransferRow, now: Date): boolean {
  const until =
    completedAt === undefined
      ? Date.parse(createdAt) + UPLOAD_HOURS * 3_600_000
      : Date.parse(expiresAt ?? "9999-12-31");
  return until <= now.getTime() || (maxDl > 0 && downloads.length >= maxDl);
}
