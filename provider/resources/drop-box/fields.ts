import type { DropBox, DropBoxInput, DropBoxPatch } from "../../vault/port.js";
import { shownExpiry } from "../people/kind.js";
import { dropEmpty } from "../values.js";
import type { DropBoxInputs, DropBoxState } from "./schema.js";

/** What each optional field goes back to when the program declares it no more: as if it had never been given. */
const UNDECLARED = {
  managers: [],
  description: null,
  expiresAt: null,
  archivesAt: null,
  partitioned: false,
  depositNotice: true,
  downloadNotice: false,
  enabled: true,
  maxFileBytes: null,
  maxBytes: null,
  fileTypes: null,
  keepDays: null,
  phones: [],
} satisfies DropBoxPatch;

/** The fields of a box that a program may leave to people. */
const OPTIONAL = Object.keys(UNDECLARED) as (keyof typeof UNDECLARED)[];

/** What a new box is made of. */
export function newBox(inputs: DropBoxInputs, categoryId: string | null): DropBoxInput {
  const { name, recipients, onNameConflict } = inputs;
  const declared = OPTIONAL.filter((field) => inputs[field] !== undefined).map((field) => [field, inputs[field]]);
  return {
    name,
    categoryId,
    recipients,
    ...(onNameConflict === undefined ? {} : { onNameConflict }),
    ...(Object.fromEntries(declared) as Partial<DropBoxInput>), // each has the input's own type there
  };
}

/**
 * What a declaration changes of a box. What it declared before and no longer does is taken back; what it never declared
 * stays as people made it.
 */
export function changedFields(
  inputs: DropBoxInputs,
  categoryId: string | null,
  before: DropBoxState | undefined,
): DropBoxPatch {
  const { name, recipients } = inputs;
  const optional = OPTIONAL.filter((field) => inputs[field] !== undefined || before?.[field] !== undefined).map(
    (field) => [field, inputs[field] ?? UNDECLARED[field]],
  );
  return { name, categoryId, recipients, ...(Object.fromEntries(optional) as DropBoxPatch) };
}

/** The box in the words of the inputs. What no program declared is left out, unless it is only looked at. */
export function shownInputs(box: DropBox, state: DropBoxState): Record<string, unknown> {
  const looked = state.vaultStamp === undefined;
  const optional = OPTIONAL.filter((field) => looked || state[field] !== undefined);
  const shown: Record<string, unknown> = {
    name: box.name,
    recipients: box.recipients,
    ...Object.fromEntries(optional.map((field) => [field, box[field]])),
  };
  for (const field of ["expiresAt", "archivesAt"] as const) {
    if (field in shown) shown[field] = shownExpiry(state[field], box[field]);
  }
  return dropEmpty(shown);
}
