import type { Secret } from "../../provider/core/secret.js";
import { applySteps, statusOf } from "../../provider/vault/journal.js";
import type { Credential, Lease, RotationStep, ValueAnswer, ValueRequest, Vault } from "../../provider/vault/port.js";
import { intercept } from "../fixtures/intercept.ts";

/**
 * The mistake that the journal is there to prevent: a vault that says it has written the new version and keeps it in
 * memory until the target has it. Whoever is killed in between has lost the password. The crash proof must find that.
 */
export function withoutJournal(vault: Vault): Vault {
  let unwritten: RotationStep[] = [];
  let shown: Credential | undefined;

  const record = async (lease: Lease, steps: readonly RotationStep[]): Promise<Credential> => {
    const staged = steps.some(({ step }) => step === "stage") || unwritten.length > 0;
    if (!staged) return vault.record(lease, steps);
    if (steps.some(({ step }) => step === "promote" || step === "release")) {
      const all = [...unwritten, ...steps];
      unwritten = [];
      return vault.record(lease, all);
    }
    unwritten.push(...steps);
    const before = (shown ??= await vault.readCredential(lease.credentialId));
    const { versions, journal } = applySteps(before, steps, new Date());
    shown = { ...before, versions, journal, hasToken: (token) => before.hasToken(token) };
    shown.status = statusOf(shown);
    return shown;
  };

  const readMany = async (requests: readonly ValueRequest[]): Promise<(ValueAnswer | Error)[]> => {
    const stage = unwritten.find((step) => step.step === "stage");
    const pending = shown?.journal.pending?.version;
    const [request] = requests;
    if (!stage || !shown || request?.version !== pending || request?.id !== shown.id) return vault.readMany(requests);
    return [answer(shown, stage.value, pending ?? 0)];
  };

  return intercept(oneAfterTheOther(vault), ({ method, args }, proceed) => {
    // Both with the arguments that the port gives them.
    if (method === "record") return record(args[0] as Lease, args[1] as RotationStep[]);
    if (method === "readMany") return readMany(args[0] as ValueRequest[]);
    return proceed();
  });
}

/** Without the methods that do two of these things at once. */
function oneAfterTheOther(vault: Vault): Vault {
  const joined: readonly (string | symbol)[] = ["acquireAsSeen", "recordReadBack"] satisfies (keyof Vault)[];
  return new Proxy(vault, {
    get(target, name) {
      const found: unknown = joined.includes(name) ? undefined : Reflect.get(target, name);
      // `this` is the vault itself, since private fields are found on no proxy.
      return typeof found === "function" ? (...args: unknown[]): unknown => Reflect.apply(found, target, args) : found;
    },
  });
}

function answer({ id, path, status }: Credential, value: Secret, version: number): ValueAnswer {
  return { id, path, field: "password", type: "secret", version, status, value };
}
