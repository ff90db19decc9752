/** Who is told when another version of a credential has become current. No secret in it. */
export type Hook = HttpHook | CommandHook;

export interface HttpHook {
  /** `https://…`, or `http://` on the machine itself. Stands in states and messages. */
  url: string;
  /** The reference, by id, of the secret that signs the messages: a credential's password, or a field of it. */
  secretRef: string;
}

export interface CommandHook {
  /** A program that is allowed where Coffre runs, by its name, and its arguments. */
  command: string[];
}

/** A hook in one line, unique in its credential: its address, or its words, those with blanks in quotes. */
export function hookName(hook: Hook): string {
  if ("url" in hook) return hook.url;
  return `command ${hook.command.map((word) => (/^[^\s"]+$/.test(word) ? word : JSON.stringify(word))).join(" ")}`;
}
