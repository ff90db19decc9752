import { expect, test } from "@jest/globals";
import { ansibleDriver } from "../../provider/target/ansible/driver.js";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBnYDvAVEsDQq5KNwjB8SNeeKi1NHXPSWSkxq9xKBBDU";
const ADMIN = { username: "keeper", passwordEnv: "KEEPER" };
const TARGET = {
  host: "Web-1.example.com",
  look: "look.yml",
  playbook: "set.yml",
  verify: { playbook: "prove.yml" },
  admin: ADMIN,
};

test("a description is parsed with defaults, and again to the same", () => {
  const spec = ansibleDriver.parse(TARGET, "deploy");
  expect(spec).toMatchObject({ account: "ansible://deploy@web-1.example.com:22", repeatable: true, onDelete: "keep" });
  expect(ansibleDriver.parse(spec.description, "deploy")).toEqual(spec);
});

test("a proof over SSH has an address of its own", () => {
  const spec = ansibleDriver.parse({ ...TARGET, verify: { ssh: { hostKey: KEY, port: 2222 } } }, "deploy");
  expect(spec.verifyAddresses).toEqual([{ host: "web-1.example.com", port: 2222 }]);
});

test.each([
  ["a path in the place of a playbook", { playbook: "../set.yml" }],
  ["a variable of Ansible's own", { variables: { ansible_connection: "local" } }],
  ["a variable of Coffre's own", { variables: { coffre_host: "x" } }],
  ["a host's own way to connect", { inventory: { a: { host: "a", ansible_connection: "local" } } }],
  ["no look where a login is handed over", { look: undefined }],
  ["a removal without a playbook", { onDelete: "drop" }],
  ["a fingerprint, which Ansible can't hold a host to", { verify: { ssh: { hostKey: "SHA256:" + "a".repeat(43) } } }],
  ["no proof of what can't be repeated", { verify: "none", repeatable: false }],
  ["control characters", { variables: { x: "a\nb" } }],
])("%s is refused", (_what, more) => {
  expect(() => ansibleDriver.parse({ ...TARGET, ...more }, "deploy")).toThrow(
    expect.objectContaining({ code: "INVALID_INPUT" }),
  );
});

test("without an allowed folder nothing runs", async () => {
  const spec = ansibleDriver.parse(TARGET, "deploy");
  const { Secret } = await import("../../provider/core/secret.js");
  delete process.env["COFFRE_PLAYBOOKS"];
  const login = { username: "keeper", password: new Secret("x"), self: false };
  await expect(ansibleDriver.connect(spec, login)).rejects.toMatchObject({ code: "CONFIGURATION" });
  await expect(ansibleDriver.verify(spec, new Secret("x"), spec.address)).resolves.toMatchObject({
    proof: "unreachable",
  });
});
