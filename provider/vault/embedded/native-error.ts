/** The property `name` of whatever was thrown. Not by `instanceof`: errors of Node's own can come from another realm. */
function propertyOf(error: unknown, name: string): unknown {
  return typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
}

/** `ENOENT`, `EACCES`, …; `undefined` if it is no failure of the system. */
export function systemCode(error: unknown): string | undefined {
  const code = propertyOf(error, "code");
  return typeof code === "string" ? code : undefined;
}

/** SQLite's primary result code, if it is an error of `node:sqlite`. */
export function sqliteCode(error: unknown): number | undefined {
  const code = propertyOf(error, "errcode");
  return typeof code === "number" ? code & 0xff : undefined;
}
