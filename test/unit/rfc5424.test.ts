import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { rfc5424Lines } from "../../provider/cli/rfc5424.js";
import type { VaultEvent } from "../../provider/vault/port.js";

const VAULT = { id: "0c5e4c8e-3b1f-4a55-9a52-6f2c9d1b7e10", name: "prod", restoreCounter: 0, head: 9, headProof: "" };
const EVENT: VaultEvent = {
  seq: 9,
  at: "2026-01-31T02:00:00.123Z",
  actor: "ana@runner-3 (cli)",
  action: "credential.read",
  ids: ["cr_1"],
};
const line = (event: Partial<VaultEvent> = {}, host = "vault-1") =>
  rfc5424Lines({ ...EVENT, ...event }, VAULT, host).join("\n");

/** The grammar of RFC 5424 section 6, as far as these lines use it. */
const SYSLOG =
  /^<(\d{1,3})>1 (\S+) ([\x21-\x7e]{1,255}) ([\x21-\x7e]{1,48}) (-) ([\x21-\x7e]{1,32}) \[([\x21\x23-\x3c\x3e-\x5c\x5e-\x7e]{1,32})((?: [\x21\x23-\x3c\x3e-\x5c\x5e-\x7e]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\] (.*)$/su;

function parse(text: string): { data: [string, string][]; message: string; priority: number } {
  const match = SYSLOG.exec(text);
  if (!match) throw new Error(`no syslog: ${text}`);
  const pairs = [...(match[8] ?? "").matchAll(/ ([^=]+)="((?:[^"\\\]]|\\["\\\]])*)"/gsu)];
  const data = pairs.map(([, key = "", value = ""]): [string, string] => [key, value.replaceAll(/\\(["\\\]])/g, "$1")]);
  return { data, message: match[9] ?? "", priority: Number(match[1]) };
}

describe("an event as syslog", () => {
  test("has header, structured data and a message", () => {
    expect(line({ version: 3, detail: "of its rhythm" })).toBe(
      '<110>1 2026-01-31T02:00:00.123Z vault-1 coffre - credential.read [coffre@32473 seq="9" vault="prod" ' +
        'vaultId="0c5e4c8e-3b1f-4a55-9a52-6f2c9d1b7e10" actor="ana@runner-3 (cli)" id="cr_1" version="3" ' +
        'detail="of its rhythm"] credential.read by ana@runner-3 (cli), cr_1, version 3, of its rhythm',
    );
  });

  test("warns of what somebody who watches should see", () => {
    expect(parse(line({ action: "attention.raised" })).priority).toBe(13 * 8 + 4);
  });

  test("escapes quotes, backslashes and brackets, and keeps UTF-8 behind a mark", () => {
    const text = line({ detail: 'a "b" \\ ] c — é' });
    expect(text).toContain('detail="a \\"b\\" \\\\ \\] c — é"]');
    expect(text).toContain("] \ufeffcredential.read");
    expect(parse(text).data.find(([key]) => key === "detail")?.[1]).toBe('a "b" \\ ] c — é');
  });

  test("is one line, whatever the event holds, and gives back what was put in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), fc.string(), (detail, actor, host) => {
        const text = line({ detail, actor, action: actor }, host);
        expect(text).not.toMatch(/[\p{Cc}\n]/u);
        const { data } = parse(text);
        expect(data.map(([key]) => key)).toEqual(["seq", "vault", "vaultId", "actor", "id", "detail"]);
      }),
    );
  });

  test("of very many ids comes in parts with one number, none above the 8 KB that receivers take", () => {
    const ids = Array.from({ length: 250 }, (_, index) => `cr_${String(index).padStart(22, "0")}`);
    const lines = rfc5424Lines({ ...EVENT, ids }, VAULT, "h");
    expect(lines).toHaveLength(3);
    const parts = lines.map((each) => parse(each).data);
    expect(parts.flatMap((data) => data.filter(([key]) => key === "id").map(([, id]) => id))).toEqual(ids);
    expect(parts.map((data) => data.at(-1))).toEqual([
      ["part", "1/3"],
      ["part", "2/3"],
      ["part", "3/3"],
    ]);
    for (const each of lines) expect(Buffer.byteLength(each)).toBeLessThan(8_192);
  });
});
