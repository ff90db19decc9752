import { isCoffreError } from "../../core/errors.js";
import type { InputOf, NamesOf, OperationName, OutputOf } from "../../vault/remote/operations.js";
import type { Caller } from "../app.js";

/** Carries out one operation for a caller, after it has looked at the caller's rights. */
export type Handler<Name extends OperationName> = (
  caller: Caller,
  input: InputOf<Name>,
) => Name extends NamesOf<"list"> ? AsyncIterable<OutputOf<Name>> : Promise<OutputOf<Name>>;

export type Handlers<Name extends OperationName> = { [Each in Name]: Handler<Each> };

/** For what is removed: one that is gone already is a success, whoever asks. */
export async function unlessGone<T>(looked: Promise<T>, work: (found: T) => Promise<void>): Promise<undefined> {
  const found = await looked.catch((error: unknown) => {
    if (isCoffreError(error, "NOT_FOUND")) return undefined;
    throw error;
  });
  if (found !== undefined) await work(found);
}

/** The items that pass. */
export async function* only<T>(items: AsyncIterable<T>, passes: (item: T) => boolean): AsyncIterable<T> {
  for await (const item of items) if (passes(item)) yield item;
}
