/**
 * What Coffre leaves in a role's comment, where DBAs see it too (`\du+`). `made`: a creation whose reply was lost is
 * known again as ours. `disabled`: NOLOGIN that Coffre set is taken back by Coffre; anybody else's is respected.
 */
const MARKS = { made: "[made by Coffre]", disabled: "[disabled by Coffre]" } as const;
export type RoleMark = keyof typeof MARKS;

/** True if the comment carries the mark. */
export function hasMark(comment: string | null, mark: RoleMark): boolean {
  return comment?.includes(MARKS[mark]) ?? false;
}

/** The comment with the mark, once; what people wrote stays. */
export function withMark(comment: string | null, mark: RoleMark): string {
  return [withoutMark(comment, mark), MARKS[mark]].filter((part) => part !== "").join(" ");
}

/** The comment without the mark; empty if nothing else was in it. */
export function withoutMark(comment: string | null, mark: RoleMark): string {
  return (comment ?? "").replace(MARKS[mark], "").replace(/ {2,}/g, " ").trim();
}
