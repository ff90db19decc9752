import { describe, expect, test } from "@jest/globals";
import { parseVaultUrl, type ServerUrl } from "../../provider/config/index.js";

const base = { folder: "/project", home: "/home/ana", source: "environment variable COFFRE_URL" };

function parse(url: string): ServerUrl {
  const parsed = parseVaultUrl(url, base);
  if (!("mount" in parsed)) throw new Error("no URL of a KV engine");
  return parsed;
}

describe("the URL of a vault on a server", () => {
  test("names host and mount; the port is 8200, the login a token, unless it says otherwise", () => {
    expect(parse("vault+https://vault.example.com/secret")).toEqual({
      scheme: "vault+https",
      origin: "https://vault.example.com:8200",
      mount: "secret",
      root: [],
      login: { by: "token" },
      href: "vault+https://vault.example.com:8200/secret",
    });
    expect(parse("vault+https://vault.example.com:443/team/kv/").origin).toBe("https://vault.example.com:443");
  });

  test("says everything that isn't secret, in any order", () => {
    const url = parse(
      "VAULT+HTTPS://Vault.Example.com/team/kv?namespace=eu%2Fops&root=coffre/prod&caFile=./ca.pem&roleId=r-1&auth=approle",
    );
    expect(url).toMatchObject({
      origin: "https://vault.example.com:8200",
      mount: "team/kv",
      root: ["coffre", "prod"],
      namespace: "eu/ops",
      caFile: "/project/ca.pem",
      login: { by: "approle", mount: "approle", roleId: "r-1" },
    });
    expect(parse(url.href)).toEqual(url);
    expect(parse("vault+https://v/kv?auth=kubernetes&role=ci&authMount=k8s%2Feu&caFile=~/ca.pem")).toMatchObject({
      caFile: "/home/ana/ca.pem",
      login: { by: "kubernetes", mount: "k8s/eu", role: "ci" },
    });
    expect(parse("vault+https://v/kv?auth=jwt&role=ci").login).toEqual({ by: "jwt", mount: "jwt", role: "ci" });
  });

  test("may be plain http only where it says so", () => {
    expect(parse("vault+http://127.0.0.1:8200/kv?allowPlainHttp=true").origin).toBe("http://127.0.0.1:8200");
    expect(() => parse("vault+http://127.0.0.1:8200/kv")).toThrow("plain http");
  });

  test.each([
    ["vault+https://vault.example.com", "names no mount"],
    ["vault+https://vault.example.com/?root=x", "names no mount"],
    ["vault+https://:8200/kv", "can't be read"],
    ["vault+https://ana:hunter2@v/kv", "user name or password"],
    ["vault+https://v/kv#hunter2", "has a #"],
    ["vault+https://v/a//b", "mount that is empty"],
    ["vault+https://v/kv%zz", "%"],
    ["vault+https://v/kv?root=a//b", "root that is empty"],
    ["vault+https://v/kv?token=hunter2", "unknown parameter token"],
    ["vault+https://v/kv?hunter2%20=x", "unknown parameter (not shown)"],
    ["vault+https://v/kv?root=a&root=b", "root twice"],
    ["vault+https://v/kv?auth=ldap", "wrong auth"],
    ["vault+https://v/kv?auth=approle", "no roleId"],
    ["vault+https://v/kv?auth=jwt", "no role"],
    ["vault+https://v/kv?role=ci", "role, which auth=token doesn't use"],
    ["vault+https://v/kv?auth=jwt&role=x&roleId=y", "roleId, which auth=jwt doesn't use"],
    ["vault+https://v/kv?allowPlainHttp=true", "allowPlainHttp"],
    ["vault+http://v/kv?allowPlainHttp=yes", "wrong allowPlainHttp"],
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
