import { describe, expect, test } from "@jest/globals";
import { parseVaultUrl } from "../../provider/config/index.js";

const base = { folder: "/project", home: "/home/ana", source: "environment variable COFFRE_URL" };

describe("the URL of a vault behind `coffre serve`", () => {
  test("names a host, and its authority where this machine doesn't know it; the port is 8730", () => {
    expect(parseVaultUrl("COFFRE+HTTPS://Vault.Example.com", base)).toEqual({
      scheme: "coffre+https",
      origin: "https://vault.example.com:8730",
      login: { by: "token" },
      href: "coffre+https://vault.example.com:8730",
    });
    const url = parseVaultUrl("coffre+https://vault.example.com:443/?caFile=./ca.pem", base);
    expect(url).toMatchObject({ origin: "https://vault.example.com:443", caFile: "/project/ca.pem" });
    expect(parseVaultUrl(url.href, { ...base, folder: "/elsewhere" })).toEqual(url);
  });

  test.each(["127.0.0.1:8730", "localhost", "[::1]:9000"])("is plain http on the machine itself: %s", (host) => {
    expect(parseVaultUrl(`coffre+http://${host}`, base)).toMatchObject({ scheme: "coffre+http" });
  });

  test.each([
    ["coffre+http://vault.example.com", "plain http"],
    ["coffre+http://127.0.0.1.example.com", "plain http"],
    ["coffre+https://ana:hunter2@vault.example.com", "user name or password"],
    ["coffre+https://vault.example.com/hunter2", "more than a host"],
    ["coffre+https://vault.example.com#hunter2", "more than a host"],
    ["coffre+https://vault.example.com?token=hunter2", "a parameter"],
    ["coffre+https://vault.example.com?caFile=a&caFile=b", "a parameter"],
    ["coffre+https://vault.example.com?caFile=", "empty caFile"],
    ["coffre+https://:8730", "can't be read"],
  ])("%s is refused, and nothing of it repeated", (text, problem) => {
    let message = "";
    try {
      parseVaultUrl(text, base);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain(problem);
    expect(message).not.toContain("hunter2");
  });
});
