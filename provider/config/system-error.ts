/** The system's word for a failure, such as `ENOENT`; not by class, since errors may come from another realm. */
export function systemCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown reason";
}
