import { formatBytes, formatInstant } from "../../html/locale.js";
import { type CoffreError, type ErrorCode, isCoffreError } from "../../../core/errors.js";
import { kindsText } from "./frame.js";
import type { BoxRequest, BoxRole } from "./visitor.js";

/** What the vault takes in one file, and in one box, where the box says nothing. */
const DEFAULT_FILE_BYTES = 10_000_000_000;
const DEFAULT_BOX_BYTES = 50_000_000_000;

/** Why nothing can be handed in just now, and to managers what becomes of it; `undefined` if it can. */
export function blockedText({
  box,
  words,
  locale,
  role,
}: BoxRequest & { role?: BoxRole }): { title: string; text: string } | undefined {
  const isManager = role === "manager";
  switch (box.status) {
    case "archived":
      return { title: words.isArchived, text: words.archivedText };
    case "closed":
      return { title: words.isClosed, text: isManager ? words.closeHelp : words.closedText };
    case "expired":
      return { title: words.isExpired, text: words.expiredText(formatInstant(locale, box.expiresAt ?? "")) };
    case "open":
      return box.bytes >= (box.maxBytes ?? DEFAULT_BOX_BYTES)
        ? { title: words.isFull, text: isManager ? words.fullForManagers : words.fullText }
        : undefined;
  }
}

/** The largest file that the box takes. */
export function largestText({ box, locale }: BoxRequest): string {
  return formatBytes(locale, box.maxFileBytes ?? DEFAULT_FILE_BYTES);
}

/** How an upload that was refused is answered: HTTP's word, and a sentence in the visitor's language. */
export interface Refusal {
  status: number;
  text: string;
}

/** @returns `undefined` for a failure of the server's own */
export function refusalOf(error: unknown, request: BoxRequest): Refusal | undefined {
  if (!isCoffreError(error)) return undefined;
  if (error.code === "INVALID_INPUT") return refusedInput(error, request);
  if (error.code === "CONFLICT") return conflict(error, request);
  const { words } = request;
  const plain: Partial<Record<ErrorCode, Refusal>> = {
    NOT_FOUND: { status: 404, text: words.notFound },
    FORBIDDEN: { status: 403, text: words.notAllowed },
    LOCKED: { status: 423, text: words.isBusy },
    DISK_FULL: { status: 507, text: words.diskFull },
  };
  return plain[error.code];
}

function refusedInput({ details }: CoffreError, request: BoxRequest): Refusal {
  const { words, box } = request;
  if (details["field"] === "type" && details["size"] === 0) return { status: 415, text: words.isEmpty };
  if (details["field"] === "type") {
    return { status: 415, text: box.fileTypes ? words.wrongType(kindsText(box.fileTypes)) : words.wrongTypeAny };
  }
  // A declared size was compared with the largest file before (`refusedSize`).
  const limit = details["limit"];
  const isFile = typeof limit === "number" && limit >= (box.maxFileBytes ?? DEFAULT_FILE_BYTES);
  return { status: 413, text: isFile ? words.tooLarge(largestText(request)) : words.noRoom };
}

/** Refuses a file that the box never takes. */
export function refusedSize(request: BoxRequest, bytes: number): Refusal | undefined {
  if (bytes <= (request.box.maxFileBytes ?? DEFAULT_FILE_BYTES)) return undefined;
  return { status: 413, text: request.words.tooLarge(largestText(request)) };
}

function conflict({ details }: CoffreError, request: BoxRequest): Refusal {
  const { words } = request;
  const status = details["status"];
  // 403, not 409: tus has clients try again after that.
  if (status === "archived") return { status: 403, text: `${words.isArchived}. ${words.archivedText}` };
  if (status === "expired") return { status: 403, text: `${words.isExpired}.` };
  if (status !== undefined) return { status: 403, text: `${words.isClosed}. ${words.closedText}` };
  if (details["submittedAt"] !== undefined || details["state"] !== undefined) {
    return { status: 403, text: words.handedInAlready };
  }
  return { status: 409, text: words.wrongOffset };
}
