/** What useradd takes everywhere, and upper case and dots, which directories bring. Nothing in it means anything to a shell. */
const ACCOUNT = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;
const PATH = /^\/[A-Za-z0-9_./+-]{1,200}$/;
/** Options before the key's type (`from="…"`) aren't taken: they could run commands. */
const PUBLIC_KEY = /^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}( [A-Za-z0-9@._+=:-]+)*$/;

/** What is wrong with an account's name, as the end of a sentence; `undefined` if nothing is. */
export function accountNameProblem(name: string): string | undefined {
  if (name === "") return "is empty";
  if (ACCOUNT.test(name)) return undefined;
  return "must be 1 to 32 letters, digits, and . _ -, beginning with a letter or _";
}

export function isPath(text: string): boolean {
  return PATH.test(text);
}

/** One line of an authorized_keys file, without options. */
export function isPublicKeyLine(text: string): boolean {
  return PUBLIC_KEY.test(text);
}
