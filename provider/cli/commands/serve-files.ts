import type { Clock } from "../../core/clock.js";
import { CoffreError } from "../../core/errors.js";
import type { ScannerProgram } from "../../server/files/run-scanner.js";
import type { ScannerOptions } from "../../server/files/scanner.js";
import type { EmbeddedVault } from "../../vault/embedded/embedded-vault.js";
import type { OptionDefinition } from "../definition.js";
import { parseCount } from "../reference.js";

const DEFAULT_SECONDS = 300;
const DEFAULT_MEMORY = "4GB";
/** What a scanner may unpack one file to, beyond that file's own size. */
const UNPACKED_BYTES = 1e9;

/** What `coffre serve` can be told about what people deposit. */
export const FILE_OPTIONS: OptionDefinition[] = [
  {
    flags: "--scanner <command>",
    description:
      "a program, by its absolute path, and its arguments: every file is in quarantine until it says that it is clean",
  },
  {
    flags: "--scanner-seconds <number>",
    description: `how long it may take for one file (default ${DEFAULT_SECONDS})`,
  },
  { flags: "--scanner-memory <size>", description: `what memory it may ask for (default ${DEFAULT_MEMORY})` },
  {
    flags: "--quota <size>",
    description: "the most that all files together may take, such as 200GB (default: no limit)",
  },
];

type Options = Readonly<Record<string, unknown>>;

/** What the options say. */
export interface FileSettings {
  quota?: number;
  program?: ScannerProgram;
}

/** @throws CoffreError INVALID_INPUT, CONFIGURATION for a program that can't be run here */
export async function readFileSettings(options: Options): Promise<FileSettings> {
  const { scanner, scannerSeconds, scannerMemory, quota } = options;
  if (scanner === undefined && (scannerSeconds ?? scannerMemory) !== undefined) {
    throw new CoffreError("INVALID_INPUT", "--scanner-seconds and --scanner-memory belong to --scanner", {
      hint: "Name the scanner.",
    });
  }
  const limit = quota === undefined ? {} : { quota: parseSize("--quota", quota) };
  if (typeof scanner !== "string") return limit;
  const { parseScanner } = await import("../../server/files/run-scanner.js");
  const program: ScannerProgram = {
    argv: await parseScanner(scanner),
    seconds: scannerSeconds === undefined ? DEFAULT_SECONDS : parseCount("--scanner-seconds", scannerSeconds),
    memoryBytes: parseSize("--scanner-memory", scannerMemory ?? DEFAULT_MEMORY),
    moreBytes: UNPACKED_BYTES,
  };
  return { ...limit, program };
}

/** What looks after files until it is stopped. */
export interface FileKeeping {
  stop(): Promise<void>;
}

/** From now on files are limited, looked at and tidied up, as the settings say. */
export async function keepFiles(
  vault: EmbeddedVault,
  { quota, program }: FileSettings,
  { clock, complain }: { clock: Clock; complain: (error: unknown) => void },
): Promise<FileKeeping> {
  const { Housekeeping } = await import("../../server/files/housekeeping.js");
  if (quota !== undefined) vault.ruleFiles({ quota });
  const scanner = program && (await startScanner({ vault, program, clock, complain }));
  const housekeeping = new Housekeeping({ boxes: vault.boxes, clock, complain });
  housekeeping.start();
  return {
    async stop() {
      await Promise.all([scanner?.stop(), housekeeping.stop()]);
    },
  };
}

async function startScanner(options: ScannerOptions): Promise<FileKeeping> {
  const { Scanner } = await import("../../server/files/scanner.js");
  const scanner = new Scanner(options);
  await scanner.start();
  return scanner;
}

const FACTORS: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** @throws CoffreError INVALID_INPUT */
function parseSize(option: string, value: unknown): number {
  const [, digits, unit = ""] = /^(\d{1,9})\s*([kmgt]?)b?$/i.exec(String(value)) ?? [];
  const bytes = Number(digits) * (FACTORS[unit.toLowerCase()] ?? NaN);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new CoffreError("INVALID_INPUT", `${option} isn't a size`, {
    hint: "Write 200GB, 500MB or a number of bytes.",
  });
}
