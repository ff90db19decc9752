/** Stands where a program's template holds itself, which nothing that crosses the engine can: `check` refuses it. */
export const HOLDS_ITSELF = "holds itself";
