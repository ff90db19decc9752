/** What a value is written as, or why it can't be: the end of a sentence about it. */
export type Escaped = { text: string } | { problem: string };

/** Ways to write a text so that what reads the file gets exactly it. */
export const ESCAPES = {
  json: (text: string): Escaped => ({ text: JSON.stringify(text) }),
  yaml: (text: string): Escaped => ({ text: yamlText(text) }),
  shell: (text: string): Escaped => (text.includes("\0") ? NUL : { text: singleQuoted(text) }),
  dotenv: dotenvText,
  jinja: (text: string): Escaped => ({ text: jinjaText(text) }),
  url: (text: string): Escaped => ({
    text: encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => percent(character)),
  }),
} as const;

export type EscapeName = keyof typeof ESCAPES;

const NUL: Escaped = { problem: "has a NUL character, which neither a shell nor a variable can hold" };

/** A double-quoted scalar, as YAML 1.1 and 1.2 read it: JSON's text, and escapes for what YAML doesn't take as it is. */
function yamlText(text: string): string {
  return escapeForYaml(JSON.stringify(text));
}

/** Text in YAML's double quotes without what YAML 1.1 takes for the end of a line, for nothing, or not at all. */
export function escapeForYaml(quoted: string): string {
  return quoted.replaceAll(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, unicode);
}

/**
 * An expression that Jinja renders as the text, whatever braces are in it; it may stand in YAML's single quotes. Without backslashes: in
 * a playbook and its variables Ansible takes those in an expression as they are, in a template as Jinja does.
 */
function jinjaText(text: string): string {
  const codes: number[] = [];
  const literal = text.replaceAll(/[^\x20-\x7e]|[{}%#'"\\]/gu, (character) => {
    codes.push(character.codePointAt(0) ?? 0);
    return "%c";
  });
  return `{{ "${literal}"${codes.length === 0 ? "" : ` | format(${codes.join(", ")})`} }}`;
}

/**
 * One form of a value that shells, Node and the dotenv libraries read alike: bare, else in single quotes, which all of them take
 * literally, else in double quotes if nothing in it means anything there.
 */
function dotenvText(text: string): Escaped {
  if (text.includes("\0")) return NUL;
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return { text };
  if (text.includes("\r")) return { problem: "has a carriage return, which readers of dotenv files take away" };
  if (!text.includes("'")) return { text: `'${text}'` };
  if (!/["$`\\!]/.test(text)) return { text: `"${text}"` };
  return { problem: "has a single quote beside \", $, `, \\ or !, which readers of dotenv files don't read alike" };
}

function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** As YAML writes it; only characters of four digits come here. */
function unicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
