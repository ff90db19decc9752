import { CoffreError } from "../../core/errors.js";

/** Under whose name pages and mails stand. */
export interface Brand {
  /** One line. */
  name: string;
  /** `#rrggbb`: of buttons and of the line at the top. */
  colour: string;
}

export const DEFAULT_BRAND: Brand = { name: "Coffre", colour: "#1f5f8b" };

/** @throws CoffreError INVALID_INPUT for anything but `#rrggbb`: the value stands in style sheets */
export function parseColour(option: string, text: string): string {
  if (/^#[0-9a-f]{6}$/i.test(text)) return text.toLowerCase();
  throw new CoffreError("INVALID_INPUT", `${option} isn't a colour`, { hint: "Write six hex digits: #1f5f8b." });
}

/** Black or white, whichever can be read on this colour (WCAG 2.2: the higher contrast ratio). @param colour `#rrggbb` */
export function inkOn(colour: string): "#000000" | "#ffffff" {
  const light = luminance(colour);
  return (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? "#000000" : "#ffffff";
}

/** Relative luminance of WCAG 2.2, 0 to 1. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
