import type { Clock } from "../core/clock.js";
import { CoffreError, isCoffreError } from "../core/errors.js";
import type { FieldType } from "../core/field.js";
import { formatReference, type Reference } from "../core/reference.js";
import type { Secret } from "../core/secret.js";
import { totpCode } from "../core/totp.js";
import type { ValueAnswer, ValueRequest, Vault } from "../vault/port.js";
import { failureOf, type Place, type PlacedFailure } from "./place.js";

/** A value that something asks for, and where it does. */
export interface WantedValue {
  reference: Reference;
  place: Place;
}

/** A value on its way into a process or a file. */
export interface DeliveredValue {
  /** Of one-time codes the code of this moment; of a file its bytes in base64. */
  value: Secret;
  type: FieldType;
  /** What else the vault answered about it. */
  answer: Omit<ValueAnswer, "value">;
}

/**
 * All values in one request, in the order asked; a reference that is given twice is read once.
 * @throws CoffreError with the code of the first that can't be read; its hint names the others by their places
 */
export async function readWanted(
  { vault, name, clock }: { vault: Vault; name: string; clock: Clock },
  wanted: readonly WantedValue[],
): Promise<DeliveredValue[]> {
  if (wanted.length === 0) return [];
  refuseOthers(name, wanted);
  const requests = new Map(wanted.map(({ reference }) => [formatReference(reference), requestOf(reference)]));
  const answers = await vault.readMany([...requests.values()]);
  const answerOf = new Map([...requests.keys()].map((text, index) => [text, answers[index]]));
  const found = wanted.map(({ reference }) => answerOf.get(formatReference(reference)));
  const failures = found.flatMap((answer, index): PlacedFailure[] => {
    const place = wanted[index]?.place;
    if (place === undefined || (answer !== undefined && !(answer instanceof Error))) return [];
    return [{ place, error: asCoffreError(answer) }];
  });
  const [first, ...others] = failures;
  if (first) throw failureOf([first, ...others]);
  const read = found.filter((answer): answer is ValueAnswer => answer !== undefined && !(answer instanceof Error));
  return read.map(({ value, ...answer }) => {
    const delivered = answer.type === "totp" ? totpCode(value, clock.now()).code : value;
    return { value: delivered, type: answer.type, answer };
  });
}

function requestOf(reference: Reference): ValueRequest {
  const { field, version } = reference;
  return {
    ...(reference.by === "id" ? { id: reference.id } : { path: reference.path }),
    ...(field === undefined ? {} : { field }),
    ...(version === undefined ? {} : { version }),
  };
}

function refuseOthers(name: string, wanted: readonly WantedValue[]): void {
  const [first, ...others] = wanted
    .filter(({ reference }) => reference.vault !== name)
    .map(({ reference, place }): PlacedFailure => {
      const problem = `The reference names the vault ${JSON.stringify(reference.vault)}, but ${JSON.stringify(name)} is configured`;
      const hint = "Configure the vault that the reference names, or use a reference of this one (`coffre list`).";
      return { place, error: new CoffreError("WRONG_VAULT", problem, { hint }) };
    });
  if (first) throw failureOf([first, ...others]);
}

function asCoffreError(answer: Error | undefined): CoffreError {
  if (isCoffreError(answer)) return answer;
  if (answer !== undefined) throw answer; // a mistake of ours
  return new CoffreError("BAD_RESPONSE", "The vault answered no value");
}
