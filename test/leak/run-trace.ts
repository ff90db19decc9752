import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ProcessSampler } from "./processes.ts";
import { LeakSearch } from "./search.ts";

const EVERY_MS = 100;

/**
 * Collects what can be seen of a playbook's run while it goes on: command lines and environments of all processes, and every file
 * below its private folder and other folders, also one that is there for a moment only.
 */
export class RunTrace {
  readonly processes = new ProcessSampler();
  /** What was read, by path and the file's state. */
  readonly files = new Map<string, Buffer>();
  readonly #mark: string;
  readonly #folders: string[];
  readonly #timer: NodeJS.Timeout;
  #privateFolder: string | undefined;

  /** @param socket the agent of the run, by which its processes are known */
  constructor(socket: string, folders: readonly string[]) {
    this.#mark = `COFFRE_AGENT=${socket}`;
    this.#folders = [...folders];
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  stop(): void {
    this.processes.stop();
    clearInterval(this.#timer);
  }

  /** Processes of the run that are still there: by their environment, or by a title that names its folder, as kept connections have. */
  left(): string[] {
    if (this.#privateFolder === undefined) throw new Error("The run's private folder was never seen.");
    const now = new ProcessSampler();
    now.stop();
    now.sample();
    const marks = [this.#mark, this.#privateFolder];
    return [...now.seen].flatMap(([text, place]) => (marks.some((mark) => text.includes(mark)) ? [place] : []));
  }

  /** Looks for values in all of it, and in what the run has told. */
  search(secrets: Readonly<Record<string, string>>, told: readonly object[]): LeakSearch {
    const search = new LeakSearch(secrets);
    for (const [text, place] of this.processes.seen) search.in(place, Buffer.from(text, "latin1"));
    for (const [path, content] of this.files) search.in(`file ${path}`, content);
    for (const [index, event] of told.entries()) search.in(`event ${String(index)}`, JSON.stringify(event));
    return search;
  }

  #look(): void {
    if (this.#privateFolder === undefined) this.#findPrivateFolder();
    for (const folder of this.#folders) if (existsSync(folder)) this.#read(folder);
  }

  #findPrivateFolder(): void {
    for (const text of this.processes.seen.keys()) {
      const home = text.includes(this.#mark) ? /(?:^|\0)ANSIBLE_HOME=([^\0]+)/.exec(text)?.[1] : undefined;
      if (home === undefined) continue;
      this.#privateFolder = dirname(home);
      this.#folders.push(this.#privateFolder);
      return;
    }
  }

  #read(folder: string): void {
    try {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        const { size, mtimeMs } = statSync(path);
        const key = `${path} ${String(size)} ${String(mtimeMs)}`;
        if (!this.files.has(key)) this.files.set(key, readFileSync(path));
      }
    } catch {
      // what was there a moment ago is gone
    }
  }
}
