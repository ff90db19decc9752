import { formatReference, type Reference } from "../core/reference.js";
import { digester, newDigestKey } from "../core/value-digest.js";
import type { FoundValue, Vault } from "../vault/port.js";
import { comparesNothing, MOST_DIGESTS } from "../vault/port-compare.js";
import { tellCandidates } from "./candidates.js";
import { checkReferences, type ReferenceProblem } from "./check-references.js";
import type { NotLooked, ScannedFile } from "./files.js";
import { type FoundReference, referencesIn } from "./references.js";

/** What is looked for. */
export interface ScanOptions {
  vault: Vault;
  files: AsyncIterable<ScannedFile>;
  references: boolean;
  values: boolean;
  /** Aborted: what was found by then is answered. */
  signal: AbortSignal;
}

/** Something that has no business in the tree. Lines count from 1, columns from 1 in characters. */
export type Finding =
  | ({ kind: "value"; path: string; line: number } & { value: Omit<FoundValue, "digest"> })
  | ({ kind: "reference"; path: string; line: number; column: number; reference?: Reference } & ReferenceProblem);

export interface ScanResult {
  /** By file, in the order of the tree; within one by line. */
  findings: Finding[];
  notLooked: NotLooked[];
  /** How many files were looked into. */
  files: number;
  references: number;
  /** References of other vaults, which weren't checked, by the vault's name. */
  elsewhere: Map<string, number>;
}

/** Characters of text that are held until the vault has said which of their words are values. */
const TEXT_AT_ONCE = 32 * 1024 * 1024;

interface TextFile {
  path: string;
  text: string;
}

/**
 * Looks through files for references that lead to no value, and for values of the vault. Values are compared by the vault
 * itself, by digests under a key of this call: none is read. @throws CoffreError what the vault throws; NOT_SUPPORTED if values are
 * looked for and it can't compare
 */
export async function scan({ vault, files, references, values, signal }: ScanOptions): Promise<ScanResult> {
  if (values && vault.findValues === undefined) throw comparesNothing();
  const result: ScanResult = { findings: [], notLooked: [], files: 0, references: 0, elsewhere: new Map() };
  const compared = values ? new Comparison(vault) : undefined;
  const placed: { path: string; found: FoundReference }[] = [];
  for await (const file of files) {
    if (signal.aborted) break;
    if (!("text" in file)) {
      result.notLooked.push(file);
      continue;
    }
    result.files += 1;
    if (references) for (const found of referencesIn(file.text)) placed.push({ path: file.path, found });
    if (compared) result.findings.push(...(await compared.add(file)));
  }
  if (compared) result.findings.push(...(await compared.rest()));
  result.references = placed.length;
  result.findings.push(...(await judge(vault, placed, result.elsewhere)));
  return { ...result, findings: result.findings.sort(byPlace) };
}

function byPlace(left: Finding, right: Finding): number {
  if (left.path !== right.path) return left.path < right.path ? -1 : 1;
  return left.line - right.line;
}

async function judge(
  vault: Vault,
  placed: readonly { path: string; found: FoundReference }[],
  elsewhere: Map<string, number>,
): Promise<Finding[]> {
  if (placed.length === 0) return [];
  const { name } = await vault.identity();
  const ours = placed.flatMap(({ found }) =>
    "reference" in found && found.reference.vault === name ? [found.reference] : [],
  );
  const problems = await checkReferences(vault, ours);
  return placed.flatMap(({ path, found }): Finding[] => {
    const { line, column } = found;
    const place = { kind: "reference", path, line, column } as const;
    if ("problem" in found) return [{ ...place, code: "INVALID_INPUT", problem: found.problem }];
    const { reference } = found;
    if (reference.vault !== name) {
      elsewhere.set(reference.vault, (elsewhere.get(reference.vault) ?? 0) + 1);
      return [];
    }
    const problem = problems.get(formatReference(reference));
    return problem === undefined ? [] : [{ ...place, reference, ...problem }];
  });
}

/** Texts wait until there are enough of them for one request; each word of them is sent once. */
class Comparison {
  readonly #vault: Vault;
  readonly #key = newDigestKey();
  readonly #digest = digester(this.#key);
  #files: TextFile[] = [];
  #characters = 0;
  #seen = new Set<string>();
  #candidates = new Set<string>();

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  async add(file: TextFile): Promise<Finding[]> {
    this.#files.push(file);
    this.#characters += file.text.length;
    tellCandidates(file.text, (candidate) => this.#candidates.add(candidate), this.#seen);
    const isFull = this.#characters >= TEXT_AT_ONCE || this.#candidates.size >= MOST_DIGESTS;
    return isFull ? this.rest() : [];
  }

  /** Compares what waits. */
  async rest(): Promise<Finding[]> {
    const [files, candidates] = [this.#files, [...this.#candidates]];
    [this.#files, this.#characters, this.#seen, this.#candidates] = [[], 0, new Set(), new Set()];
    const known = new Map<string, FoundValue[]>();
    for (let at = 0; at < candidates.length; at += MOST_DIGESTS) {
      await this.#ask(candidates.slice(at, at + MOST_DIGESTS), known);
    }
    return known.size === 0 ? [] : files.flatMap((file) => findingsIn(file, known));
  }

  /** Adds what the vault says to `known`. */
  async #ask(candidates: readonly string[], known: Map<string, FoundValue[]>): Promise<void> {
    const digests = candidates.map(this.#digest);
    const found = (await this.#vault.findValues?.({ key: this.#key, digests: digests.join("") })) ?? [];
    if (found.length === 0) return;
    const byDigest = Map.groupBy(found, ({ digest }) => digest);
    for (const [index, digest] of digests.entries()) {
      const values = byDigest.get(digest);
      const candidate = candidates[index];
      if (values && candidate !== undefined) known.set(candidate, values);
    }
  }
}

function findingsIn({ path, text }: TextFile, known: ReadonlyMap<string, FoundValue[]>): Finding[] {
  const findings = new Map<string, Finding>();
  tellCandidates(text, (candidate, line) => {
    for (const { digest: _digest, ...value } of known.get(candidate) ?? []) {
      // One place is one finding, in however many forms the value stands there.
      const key = [line, value.credentialId, value.field, value.version].join(" ");
      findings.set(key, { kind: "value", path, line, value });
    }
  });
  return [...findings.values()];
}
