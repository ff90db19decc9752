import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ownerKey } from "../../provider/core/owner-key.js";
import type { OwnerKeyParts } from "../../provider/core/owner-key.js";

const part = fc.oneof(fc.constantFrom("a", "a/b", "a$b", "%2F", "$", "/", ""), fc.string({ maxLength: 4 }));
const parts: fc.Arbitrary<OwnerKeyParts> = fc.record(
  { owner: part, project: part, stack: part, parentTypes: fc.array(part, { maxLength: 2 }), kind: part, name: part },
  { requiredKeys: ["project", "stack", "parentTypes", "kind", "name"] },
);

test("two declarations have one key only if they are the same", () => {
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      expect(ownerKey(one) === ownerKey(other)).toBe(fc.stringify(ordered(one)) === fc.stringify(ordered(other)));
    }),
    { numRuns: 5000 },
  );

  function ordered({ owner, project, stack, parentTypes, kind, name }: OwnerKeyParts) {
    return [owner, project, stack, [...parentTypes, kind], name];
  }
});

test("the key is readable, and is the one that earlier releases wrote", () => {
  const declared = { project: "shop", stack: "prod", parentTypes: [], kind: "Credential", name: "orders-app" };
  expect(ownerKey(declared)).toBe("shop/prod/Credential/orders-app");
  expect(ownerKey({ ...declared, parentTypes: ["acme:index:Site"], name: "a/b$c%d", owner: "eu" })).toBe(
    "eu/shop/prod/acme:index:Site$Credential/a%2Fb%24c%25d",
  );
});
