/** True if both types are the same, `any` being the same as nothing else. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for `true`. */
export function holds<T extends true>(): T | undefined {
  return undefined;
}
