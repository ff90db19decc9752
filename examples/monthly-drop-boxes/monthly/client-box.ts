import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Part } from "../../split-workbook/split/parts.ts";
import type { Tickets } from "./tickets.ts";
import type { Box, Deposit, Vault } from "./vault.ts";

/** One client's month, as it is to be. */
export interface Wanted {
  part: Part;
  /** E-mail addresses of those who get the part, and hand it in again. */
  recipients: string[];
}

/** What one month has in common. */
export interface Month {
  /** `2026-03`. */
  name: string;
  categoryId: string;
  /** Until when they may hand in. ISO 8601. */
  expiresAt: string;
}

/** What came back from a client. */
export interface Returned {
  by: string;
  /** ISO 8601. */
  at: string;
  files: string[];
}

/** What was done for one client; what stood there already is no news. */
export interface Outcome {
  client: string;
  rows: number;
  page: string;
  sha256: string;
  ticket: string;
  /** Steps of this run: `box`, `deposit`, `notice`, `ticket`. None: all was there. */
  done: string[];
  /** In the box of the month before. */
  before: Returned[];
  /** In this month's box. */
  now: Returned[];
}

/**
 * Does for one client what isn't done yet; killed anywhere and run again, it goes on. The people of a box are entered last, in one
 * write with the mail that tells them: so each gets one mail, and only once the file is there.
 * @param earlier the client's newest archived box
 */
export async function serveClient(
  { vault, tickets, month }: { vault: Vault; tickets: Tickets; month: Month },
  { part, recipients }: Wanted,
  earlier: Box | undefined,
): Promise<Outcome> {
  const { client } = part;
  const done: string[] = [];
  const found = await vault.ask<Box | undefined>("boxes/find-box", { categoryId: month.categoryId, name: client });
  const isOurs = found?.description?.endsWith(markOf(month)) === true;
  const last = found && !isOurs ? found : earlier;
  const before = last ? returnedIn(await depositsOf(vault, last), last) : [];
  let box = found;
  if (!box || !isOurs) {
    box = await vault.change<Box>("boxes/create-box", {
      input: {
        name: client,
        categoryId: month.categoryId,
        recipients: [],
        description: `Your figures of ${month.name}. Download the workbook, complete it, and hand it in here.\n${markOf(month)}`,
        expiresAt: month.expiresAt,
        onNameConflict: "replace",
      },
    });
    done.push("box");
  }

  const bytes = await readFile(part.file);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const deposits = await depositsOf(vault, box);
  if (
    !deposits.some(
      ({ submittedAt, files }) => submittedAt !== undefined && files.some((file) => file.sha256 === sha256),
    )
  ) {
    // What a killed run had begun.
    for (const { id, submittedAt } of deposits) {
      if (submittedAt === undefined) await vault.change("boxes/delete-deposit", { id });
    }
    await vault.deposit(box.id, basename(part.file), bytes);
    done.push("deposit");
  }

  const told = box.recipients;
  if (!recipients.every((address) => told.includes(address))) {
    box = await vault.change<Box>("boxes/update-box", { id: box.id, patch: { recipients } });
    done.push("notice");
  }

  const page = vault.pageOf(box);
  const ticket = await tickets.open({
    externalId: `monthly-drop-boxes/${month.name}/${box.id}`,
    subject: `${client}: figures of ${month.name}`,
    body: `The drop-box of ${client} for ${month.name} is open until ${month.expiresAt}: ${page}\nTold: ${recipients.join(", ")}`,
  });
  if (ticket.isNew) done.push("ticket");
  const now = returnedIn(deposits, box);
  return { client, rows: part.rows, page, sha256, ticket: ticket.number, done, before, now };
}

/** What tells this month's box from an earlier one of the same name: the last line of what it says. */
function markOf({ name }: Month): string {
  return `Reference: ${name}`;
}

function depositsOf(vault: Vault, { id }: Box): Promise<Deposit[]> {
  return vault.list<Deposit>("boxes/list-deposits", { boxId: id });
}

/** What people of the box handed in; what we put there is nobody's of them. */
function returnedIn(deposits: readonly Deposit[], { recipients }: Box): Returned[] {
  return deposits.flatMap(({ by, submittedAt, files }) =>
    submittedAt !== undefined && recipients.includes(by)
      ? [{ by, at: submittedAt, files: files.map(({ name }) => name) }]
      : [],
  );
}
