import { TAG_BYTES } from "./seal.js";

/** The statements of one sealed table. */
export type TableSql = ReturnType<typeof sqlOf>;

/** @param columns the clear columns besides id and revision */
export function sqlOf(name: string, columns: readonly string[]) {
  const names = ["id", ...columns, "revision", "body"];
  const select = `SELECT ${names.join(", ")} FROM ${name}`;
  const assignments = names.slice(1).map((column) => `${column} = ?`);
  return {
    selectAny: select,
    select: `${select} ORDER BY rowid`,
    selectOne: `${select} WHERE id = ?`,
    selectMany: `${select} WHERE id IN (SELECT value FROM json_each(?))`,
    insert:
      `INSERT INTO ${name} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")}) ` +
      "ON CONFLICT (id) DO NOTHING",
    ids: `SELECT id FROM ${name} ORDER BY rowid`,
    place:
      `INSERT INTO ${name} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")}) ` +
      `ON CONFLICT (id) DO UPDATE SET ${names
        .slice(1)
        .map((column) => `${column} = excluded.${column}`)
        .join(", ")}`,
    update: `UPDATE ${name} SET ${assignments.join(", ")} WHERE id = ? AND revision = ?`,
    remove: `DELETE FROM ${name} WHERE id = ?`,
    scan: `SELECT id FROM ${name} NOT INDEXED WHERE id = ?`,
    tags: `SELECT id, substr(body, -${TAG_BYTES}) AS tag FROM ${name}`,
  };
}
