import { CoffreError } from "../core/errors.js";
import { parseInstant } from "../core/instant.js";
import type { CategoryPatch } from "../vault/port.js";
import type { CommandInput, OptionDefinition } from "./definition.js";

/** What `coffre category add` and `coffre category edit` may say of a category. */
export const CATEGORY_OPTIONS: readonly OptionDefinition[] = [
  { flags: "--description <text>", description: "a note for people" },
  { flags: "--read-only <yes|no>", description: "whether only managers change something in it and below" },
  {
    flags: "--expires-at <time>",
    description: "when grants end in it and below: 2026-12-31T18:00:00Z; an empty text for never",
  },
  { flags: "--inherit-grants <yes|no>", description: "whether grants on categories above hold here and below" },
];

/** What the options ask for; without those that weren't given. @throws CoffreError INVALID_INPUT */
export function categoryPatch({
  options,
}: CommandInput): Pick<CategoryPatch, "description" | "readOnly" | "expiresAt" | "inheritGrants"> {
  const text = (name: string) => (typeof options[name] === "string" ? options[name] : undefined);
  const [description, expiresAt] = [text("description"), text("expiresAt")];
  const readOnly = yesOrNo("--read-only", text("readOnly"));
  const inheritGrants = yesOrNo("--inherit-grants", text("inheritGrants"));
  return {
    ...(description === undefined ? {} : { description: description === "" ? null : description }),
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(expiresAt === undefined
      ? {}
      : { expiresAt: expiresAt === "" ? null : parseInstant("--expires-at", expiresAt) }),
    ...(inheritGrants === undefined ? {} : { inheritGrants }),
  };
}

function yesOrNo(flag: string, word: string | undefined): boolean | undefined {
  if (word === undefined) return undefined;
  if (word === "yes" || word === "no") return word === "yes";
  throw new CoffreError("INVALID_INPUT", `${flag} takes yes or no`);
}
