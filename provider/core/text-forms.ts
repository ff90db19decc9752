/**
 * The forms in which other programs write a text within theirs: JSON, URLs, shells, YAML, and how Python, Node and Bash show values.
 * Without the text itself, unless a form is just that; none for what isn't well-formed.
 */
export function textForms(text: string): string[] {
  if (!text.isWellFormed()) return [];
  const json = JSON.stringify(text).slice(1, -1);
  const url = encodeURIComponent(text);
  // Each quotation mark in JSON has a backslash of its own before it.
  const escaped = json.replaceAll('\\"', '"');
  return [
    json,
    // Go's and PHP's encoders, and those that keep to ASCII.
    json.replaceAll("<", "\\u003c").replaceAll(">", "\\u003e").replaceAll("&", "\\u0026"),
    json.replaceAll("/", "\\/"),
    json.replaceAll(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`),
    url,
    url.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    url.replaceAll(/[!'()*~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`),
    new URLSearchParams({ v: text }).toString().slice(2),
    // Between the quotation marks of shells: by a backslash, as Python's shlex.quote and Ansible's `quote`, and by `declare -p`.
    text.replaceAll("'", "'\\''"),
    text.replaceAll("'", `'"'"'`),
    text.replaceAll(/[\\"$`]/g, "\\$&"),
    // Without any: with a backslash before each special sign, and as Bash's `printf %q`.
    text.replaceAll(/[^\w@%+=:,./-]/g, "\\$&"),
    text.replaceAll(/^[~#]|[!"$&'()*,;<>?[\\\]^`{|} ]/g, "\\$&"),
    // YAML's single quotes; Python's repr and Node's inspect with either kind.
    text.replaceAll("'", "''"),
    escaped,
    escaped.replaceAll("'", "\\'"),
  ];
}
