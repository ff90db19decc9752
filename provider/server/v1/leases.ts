import type { RotationStep } from "../../vault/port.js";
import type { Caller } from "../app.js";
import { checkValue, writableCredential } from "./guard.js";
import type { Handlers } from "./handler.js";

export const LEASE_HANDLERS: Handlers<"acquire-lease" | "record" | "resolve-credential"> = {
  async "acquire-lease"(caller, { id, request, steps }) {
    await checkSteps(caller, id, steps);
    return caller.vault.acquireLease(id, request, steps);
  },
  async record(caller, { lease, steps }) {
    await checkSteps(caller, lease.credentialId, steps);
    return caller.vault.record(lease, steps);
  },
  async "resolve-credential"(caller, { id, decision }) {
    await writableCredential(caller, id);
    return caller.vault.resolveCredential(id, decision);
  },
};

async function checkSteps(caller: Caller, id: string, steps: readonly RotationStep[]): Promise<void> {
  const { categoryId } = await writableCredential(caller, id);
  for (const step of steps) if (step.step === "stage") await checkValue(caller, categoryId, step.value);
}
