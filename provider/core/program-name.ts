/** True for the name of a file, and of nothing outside of its folder: what may stand in a vault and be run elsewhere. */
export function isProgramName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name);
}
