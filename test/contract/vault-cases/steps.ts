import { Secret } from "../../../provider/core/secret.js";
import type { RotationStep, TargetRecord } from "../../../provider/vault/port.js";

export function target(user: string, more: Partial<TargetRecord> = {}): TargetRecord {
  return {
    kind: "postgres",
    account: `postgres://${user}@db.example.com:5432`,
    description: { host: "db.example.com", database: "orders" },
    accountMade: false,
    ...more,
  };
}

/** The steps of one healthy rotation after its set, up to the promotion. */
export function finish(version: number, account: string): RotationStep[] {
  return [
    { step: "set-started", version, account },
    { step: "set-confirmed", version, account },
    { step: "verified", version, account },
    { step: "promote", version, verified: true },
  ];
}

export function stage(value: string, ...accounts: string[]): RotationStep {
  return { step: "stage", value: new Secret(value), causes: ["first"], accounts };
}
