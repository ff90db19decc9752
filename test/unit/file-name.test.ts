import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { freeFileName, safeFileName } from "../../provider/core/file-name.js";

test.each([
  ["report.pdf", "report.pdf"],
  ["../../etc/passwd", "passwd"],
  ["C:\\Users\\ana\\report.pdf", "report.pdf"],
  ["a\u0000b\nc.txt", "abc.txt"],
  ["invoice\u202efdp.exe", "invoicefdp.exe"],
  ["zero\u200bwidth\ufeff.txt", "zerowidth.txt"],
  [".bashrc", "_bashrc"],
  ["--help", "__help"],
  ["~root", "_root"],
  ["CON.txt", "_CON.txt"],
  ["lpt1", "_lpt1"],
  ["a<b>|c?.txt", "a_b__c_.txt"],
  ["ends with dots...", "ends with dots"],
  ["..", "file"],
  ["", "file"],
  ["   ", "file"],
  ["e\u0301t\u00e9.txt", "\u00e9t\u00e9.txt"],
  ["half \ud83d.txt", "half \ufffd.txt"],
  [`${"x".repeat(300)}.xlsx`, `${"x".repeat(195)}.xlsx`],
  ["ü".repeat(300), "ü".repeat(100)],
])("%j becomes %j", (given, safe) => {
  expect(safeFileName(given)).toBe(safe);
});

test("whatever was sent, the name is safe, not too long, and stays as it is when it is made safe again", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 400 }), (given) => {
      const name = safeFileName(given);
      expect(name).not.toMatch(/[/\\\p{Cc}\p{Cf}"<>|?*:%]|^[.~-]|[. ]$/u);
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(201);
      expect(name.length).toBeGreaterThan(0);
      expect(safeFileName(name)).toBe(name);
    }),
  );
});

test("a name that is taken, in any case, gets a number before its ending", () => {
  expect(freeFileName("a.txt", [])).toBe("a.txt");
  expect(freeFileName("a.txt", ["A.TXT", "a (2).txt"])).toBe("a (3).txt");
  expect(freeFileName("noext", ["noext"])).toBe("noext (2)");
});
