import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FOLDER_VARIABLE } from "../../provider/target/command/programs.js";

/** A folder of programs that this process allows, until it is closed. */
export class Programs {
  readonly folder: string;
  /** True if it was made here; another's is left as it is. */
  readonly #isOwn: boolean;
  readonly #before = process.env[FOLDER_VARIABLE];

  constructor(folder?: string) {
    this.#isOwn = folder === undefined;
    this.folder = folder ?? mkdtempSync(join(tmpdir(), "coffre-programs-"));
    if (this.#isOwn) chmodSync(this.folder, 0o755);
    process.env[FOLDER_VARIABLE] = this.folder;
  }

  /** Writes one: a shell script, unless it begins with `#!`. @returns its name */
  add(name: string, text: string, mode = 0o755): string {
    const path = join(this.folder, name);
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(path, text.startsWith("#!") ? text : `#!/bin/sh\n${text}\n`);
    chmodSync(path, mode);
    return name;
  }

  close(): void {
    if (this.#before === undefined) delete process.env[FOLDER_VARIABLE];
    else process.env[FOLDER_VARIABLE] = this.#before;
    if (this.#isOwn) rmSync(this.folder, { recursive: true, force: true });
  }
}
