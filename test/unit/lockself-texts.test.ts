import { expect, test } from "@jest/globals";
import { fromBase64, LONGEST_TEXT, shownText } from "../../provider/vault/lockself/texts.js";

test("a copy for people is the text itself, or says how it is encoded: also of one that looks encoded", () => {
  expect(shownText("plain & simple")).toBe("plain & simple");
  for (const text of ["", " space", "a\tb", "base64:YQ=="]) {
    const shown = shownText(text);
    expect(shown).toMatch(/^base64:/);
    expect(fromBase64(shown.slice("base64:".length))).toBe(text);
  }
  expect(shownText("x".repeat(LONGEST_TEXT + 1))).toBe("(too long for one entry: it stands in those beside it)");
});
