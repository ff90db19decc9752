import { expect, test } from "@jest/globals";
import { settingsSchemas } from "../../provider/config/settings-schemas.js";
import { FLAG_NAMES, parseSettings, SETTING_NAMES } from "../../provider/config/settings.js";

test("the names of settings are those of their schemas, in their order", () => {
  expect(SETTING_NAMES).toEqual(settingsSchemas().all.keyof().options);
  expect(FLAG_NAMES).toEqual(settingsSchemas().flags.keyof().options);
});

test.each(["file", "flags", "all"] as const)("texts of %s are taken without a schema as with it", (place) => {
  const values = ["x", "true", "mend", "{}", "", 7, null, {}, undefined];
  const all = [...SETTING_NAMES, "unknown"].flatMap((name) => values.map((value) => ({ [name]: value })));
  for (const raw of [...all, {}, { url: "x", keyFile: "y" }, { url: "x", keyFile: "" }, [], "x", null]) {
    expect({ raw, read: read(place, raw) }).toEqual({ raw, read: settingsSchemas()[place].safeParse(raw).data });
  }
  expect(read(place, { url: "x" })).toEqual({ url: "x" });
});

function read(place: "file" | "flags" | "all", raw: unknown): unknown {
  try {
    return parseSettings(place, raw, String);
  } catch {
    return undefined;
  }
}
