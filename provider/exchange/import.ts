import { createHash } from "node:crypto";
import { CoffreError, isCoffreError } from "../core/errors.js";
import { PASSWORD_FIELD } from "../core/field.js";
import { checkPassword, mergePolicies } from "../core/policy.js";
import type { Category, Credential, Vault } from "../vault/port.js";
import { collect } from "../core/collect.js";
import { currentOf, type ExchangeEntry, type ExchangeFile, type ExchangeNote, pathText } from "./entry.js";
import { addPasswords, type CauseOf, createEntries, makeCategories } from "./write-vault.js";
import { compareEntries } from "./compare.js";
import { readCredentials, interrupted } from "./read-vault.js";
import { updateEntry } from "./update.js";

/** What happens to an entry whose place is taken by another one. */
export type OnExisting = "fail" | "skip" | "update";

export interface ImportRequest {
  vault: Vault;
  file: ExchangeFile;
  /** Of the file's bytes: a second run of the same file finds what the first one wrote. */
  fileDigest: string;
  /** The category into which everything comes. Default: the root. */
  into?: readonly string[];
  onExisting: OnExisting;
  /** Takes passwords that break the policy of their category. Default: they are problems. */
  keepWeak?: boolean;
  dryRun?: boolean;
  signal?: AbortSignal;
  /** Told how many of how many entries were written. */
  progress?: (done: number, all: number) => void;
}

/** What becomes of one entry. */
export interface ImportStep {
  action: "create" | "update" | "skip" | "unchanged";
  entry: ExchangeEntry;
  /** The entry that is there already. */
  credential?: Credential;
}

export interface ImportReport {
  steps: ImportStep[];
  notes: ExchangeNote[];
  /** While there is one, nothing is written. */
  problems: ExchangeNote[];
}

/** So many entries are made by one write, where a write is many requests. */
const BATCH = 200;

/**
 * Brings the entries of a file into a vault. Everything is looked at before the first write; in a vault of one file all new
 * entries are made by a single write. A run that was killed is gone on with by the next one of the same file.
 * @throws CoffreError what a write throws; then what this run had made is taken away again
 */
export async function importFile(request: ImportRequest): Promise<ImportReport> {
  const { vault, file, into = [], dryRun = false } = request;
  const entries = file.entries.map((entry) => ({ ...entry, path: [...into, ...entry.path] }));
  const causeOf = await causesOf(request, file.entries, entries);
  const report: ImportReport = { steps: [], notes: [...file.notes], problems: [...file.problems] };
  const categories = await collect(vault.listCategories());
  await plan(request, entries, causeOf, report);
  checkPolicies(request, categories, entries, report);
  if (report.problems.length > 0 || dryRun) return report;
  await apply(request, report, causeOf);
  return report;
}

/** Which entry of which file, by digests of this vault: of the values nothing can be learned from them. */
async function causesOf(
  { vault, fileDigest, into = [] }: ImportRequest,
  before: readonly ExchangeEntry[],
  entries: readonly ExchangeEntry[],
): Promise<CauseOf> {
  const digest = (await vault.digest(`import ${pathText(into)} ${fileDigest}`)).slice(0, 16);
  const places = new Map(entries.map((entry, index) => [entry, shortDigest(pathText(before[index]?.path ?? []))]));
  return (entry, field, number) => `import:${digest}:${places.get(entry) ?? ""}:${field}:${String(number)}`;
}

function shortDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

async function plan(
  request: ImportRequest,
  entries: readonly ExchangeEntry[],
  causeOf: CauseOf,
  report: ImportReport,
): Promise<void> {
  const there = new Map<string, Credential>();
  for await (const credential of request.vault.listCredentials()) there.set(pathText(credential.path), credential);
  for (const entry of entries) {
    const credential = there.get(pathText(entry.path));
    if (!credential) report.steps.push({ action: "create", entry });
    else if (isOfThisFile(credential, entry, causeOf)) report.steps.push({ action: "unchanged", entry, credential });
    else if (request.onExisting === "skip") report.steps.push({ action: "skip", entry, credential });
    else if (request.onExisting === "update") planUpdate(report, entry, credential);
    else report.problems.push({ where: entry.origin, what: `there is an entry ${pathText(entry.path)} already` });
  }
}

/** Made of this very entry by an earlier run, of which a kill may have left it without its later passwords. */
function isOfThisFile({ versions, fields }: Credential, entry: ExchangeEntry, causeOf: CauseOf): boolean {
  const [first] = entry.values;
  if (!first) return versions.length === 0 && fields.length === 0;
  const cause = causeOf(entry, first.field, 1);
  const causes = [
    ...versions.flatMap(({ causes }) => causes),
    ...fields.flatMap(({ versions: kept }) => kept.map((one) => one.cause)),
  ];
  return causes.includes(cause);
}

function planUpdate(report: ImportReport, entry: ExchangeEntry, credential: Credential): void {
  const { targets, owned, journal, valueManagedBy } = credential;
  const problem =
    targets.length > 0 || valueManagedBy === "coffre"
      ? "has a password that Coffre draws and sets"
      : owned
        ? "is declared by a stack"
        : journal.pending
          ? "has a version that is pending"
          : undefined;
  if (problem === undefined) report.steps.push({ action: "update", entry, credential });
  else
    report.problems.push({
      where: entry.origin,
      what: `the entry ${pathText(entry.path)} ${problem}, and isn't changed by a file`,
    });
}

function checkPolicies(
  { keepWeak = false }: ImportRequest,
  categories: readonly Category[],
  entries: readonly ExchangeEntry[],
  report: ImportReport,
): void {
  const known = new Map(categories.map(({ path, policies }) => [pathText(path), policies]));
  for (const entry of entries) {
    const password = currentOf(entry, PASSWORD_FIELD);
    let policies: Category["policies"] | undefined;
    for (let length = entry.path.length - 1; length > 0 && !policies; length -= 1)
      policies = known.get(pathText(entry.path.slice(0, length)));
    if (!password || !policies || policies.length === 0) continue;
    const broken = checkPassword(mergePolicies(policies), password.value);
    if (broken.length === 0) continue;
    const what = `it breaks the policy of its category: ${broken.map(({ message }) => message).join("; ")}`;
    (keepWeak ? report.notes : report.problems).push({ where: entry.origin, field: PASSWORD_FIELD, what });
  }
}

async function apply(request: ImportRequest, report: ImportReport, causeOf: CauseOf): Promise<void> {
  const { vault, file, into = [], signal, progress } = request;
  const creates = report.steps.filter(({ action }) => action === "create").map(({ entry }) => entry);
  const descriptions = new Map(
    file.categories.map(({ path, description }) => [pathText([...into, ...path]), { description }]),
  );
  const parents = creates.map(({ path }) => path.slice(0, -1));
  const made = { categories: [] as string[], credentials: [] as string[] };
  let done = 0;
  const tell = (more: number) => progress?.((done += more), report.steps.length);
  try {
    const { ids, made: categories } = await makeCategories(vault, parents, descriptions);
    made.categories = categories;
    const size = vault.capabilities.events === "own" ? Math.max(1, creates.length) : BATCH;
    for (let at = 0; at < creates.length; at += size) {
      if (signal?.aborted) throw interrupted();
      const batch = await createEntries(vault, creates.slice(at, at + size), ids, causeOf);
      made.credentials.push(...batch.map(({ credential }) => credential.id));
      for (const { entry, credential } of batch) await addPasswords(vault, credential, entry, causeOf);
      tell(batch.length);
    }
  } catch (error) {
    throw await undone(vault, made, error);
  }
  for (const step of report.steps) {
    if (step.action === "create" || !step.credential) continue;
    if (signal?.aborted) throw interrupted();
    if (step.action === "unchanged") await addPasswords(vault, step.credential, step.entry, causeOf);
    if (step.action === "update" && (await isSame(vault, step.credential, step.entry))) step.action = "unchanged";
    if (step.action === "update") await updateEntry(vault, step.credential, step.entry, causeOf);
    tell(1);
  }
}

async function isSame(vault: Vault, credential: Credential, wanted: ExchangeEntry): Promise<boolean> {
  const [there] = await readCredentials(vault, [credential], { history: false });
  return there !== undefined && compareEntries(wanted, there.entry, "current").length === 0;
}

/** Takes away what this run has made, so that a failure leaves the vault as it was. */
async function undone(
  vault: Vault,
  made: { categories: string[]; credentials: string[] },
  error: unknown,
): Promise<unknown> {
  let left = 0;
  for (const id of made.credentials) await vault.deleteCredential(id, {}).catch(() => (left += 1));
  for (const id of made.categories.toReversed()) await vault.deleteCategory(id, {}).catch(() => (left += 1));
  if (!isCoffreError(error)) return error;
  const state = left === 0 ? "Nothing was imported." : "A part of it is there: run it again to go on.";
  const { code, problem, hint, details } = error;
  return new CoffreError(code, problem, {
    hint: hint === undefined ? state : `${hint} ${state}`,
    details,
    cause: error,
  });
}
