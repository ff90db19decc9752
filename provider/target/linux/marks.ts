/**
 * What Coffre leaves in an account's comment field, where people see it too (`getent passwd`). `made`: a creation whose
 * reply was lost is known again as ours. `disabled`: what Coffre disabled Coffre enables again; anybody else's lock is
 * respected.
 */
export const MARKS = { made: "(made by Coffre)", disabled: "(disabled by Coffre)" } as const;
