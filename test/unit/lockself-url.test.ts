import { describe, expect, test } from "@jest/globals";
import { parseVaultUrl } from "../../provider/config/index.js";
import type { LockselfUrl } from "../../provider/config/lockself-url.js";

const base = { folder: "/project", home: "/home/ana", source: "environment variable COFFRE_URL" };

function parse(url: string): LockselfUrl {
  const parsed = parseVaultUrl(url, base);
  if (!("space" in parsed)) throw new Error("no URL of LockSelf's");
  return parsed;
}

describe("the URL of a vault in LockSelf", () => {
  test("names the host, and the space Coffre unless it says another; the token goes in LockSelf's own header", () => {
    const expected = {
      scheme: "lockself+https",
      origin: "https://api.lockself.com",
      space: ["Coffre"],
      auth: "header",
      href: "lockself+https://api.lockself.com/Coffre",
    };
    expect(parse("lockself+https://api.lockself.com")).toEqual(expected);
    expect(parse("lockself+https://api.lockself.com/")).toEqual(expected);
    expect(parse("lockself+https://api.lockself.com:8443/Robots/").origin).toBe("https://api.lockself.com:8443");
  });

  test("says everything that isn't secret, in any order, and reads what it writes", () => {
    const url = parse(
      "LOCKSELF+HTTPS://API.LockSelf.com/Robots%20%26%20more/A%2FB?settleMs=0&caFile=ca.pem&auth=bearer&organization=12",
    );
    expect(url).toEqual({
      scheme: "lockself+https",
      origin: "https://api.lockself.com",
      space: ["Robots & more", "A/B"],
      organizationId: 12,
      auth: "bearer",
      settleMs: 0,
      caFile: "/project/ca.pem",
      href:
        "lockself+https://api.lockself.com/Robots%20%26%20more/A%2FB" +
        "?auth=bearer&caFile=%2Fproject%2Fca.pem&organization=12&settleMs=0",
    });
    expect(parse(url.href)).toEqual(url);
    expect(parse("lockself+https://l/x?caFile=~/ca.pem").caFile).toBe("/home/ana/ca.pem");
    expect(parse("lockself+https://l/x?settleMs=60000").settleMs).toBe(60_000);
  });

  test("is plain http on this machine only", () => {
    for (const host of ["127.0.0.1:8730", "localhost:8730", "[::1]:8730"]) {
      expect(parse(`lockself+http://${host}/x`).origin).toBe(`http://${host}`);
    }
  });

  test.each([
    ["lockself+https://:443/x", "can't be read"],
    ["lockself+https://ana:hunter2@l/x", "user name or password"],
    ["lockself+https://l/x#hunter2", "has a #"],
    ["lockself+http://lockself.example.com/x", "plain http to another machine"],
    ["lockself+http://127.0.0.1.example.com/x", "plain http to another machine"],
    ["lockself+https://l/x?token=hunter2", "unknown parameter"],
    ["lockself+https://l/x?auth=header&auth=bearer", "parameter twice"],
    ["lockself+https://l/x?auth=hunter2", "wrong auth"],
    ["lockself+https://l/x?organization=hunter2", "wrong organization"],
    ["lockself+https://l/x?organization=1234567890", "wrong organization"],
    ["lockself+https://l/x?settleMs=1.5", "wrong settleMs"],
    ["lockself+https://l/x?settleMs=60001", "wrong settleMs"],
    ["lockself+https://l/x?caFile=", "wrong caFile"],
    ["lockself+https://l/hunter2%zz", "%"],
    ["lockself+https://l/a//hunter2", "empty"],
  ])("%s: %s", (url, problem) => {
    let seen: unknown;
    try {
      parse(url);
    } catch (error) {
      seen = error;
    }
    expect(seen).toMatchObject({ code: "CONFIGURATION" });
    expect((seen as Error).message).toContain(problem);
    expect((seen as Error).message).toContain("COFFRE_URL");
    expect((seen as Error).message).not.toContain("hunter2");
  });
});
