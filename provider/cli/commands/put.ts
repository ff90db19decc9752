import { CoffreError } from "../../core/errors.js";
import { checkPassword } from "../../core/policy.js";
import type { Secret } from "../../core/secret.js";
import { commandCause } from "../../rotation/causes.js";
import { policyFor } from "../../rotation/draw.js";
import { withLease } from "../../rotation/lease.js";
import type { Credential, RotationStep, Vault } from "../../vault/port.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { pathText } from "../describe.js";
import { askNewHidden, readHiddenInput } from "../prompt.js";
import { findCredential } from "../reference.js";
import { currentVersion } from "../shape.js";
import { REFUSED_SECRET_OPTIONS, refuseSecretOptions } from "../usage.js";
import { referenceOf } from "../../rotation/resolve-reference.js";

const LEASE_SECONDS = 30;

export const put: CommandDefinition = {
  name: "put",
  summary: "give a value that people bring, for example a partner's API key",
  description: [
    "Gives a new value to a credential whose value is managed by people (`valueManagedBy: external`). The value comes from stdin, or is asked for without being shown; never from an argument, which every user of the machine could see. One line end at its end is left out.",
    "The value is checked against the category's password policy. The value before it stays in the history. If the credential needs attention, the new value settles it.",
  ],
  arguments: [{ name: "<ref>", description: "the credential" }],
  options: REFUSED_SECRET_OPTIONS,
  examples: [
    { command: "coffre put Partners/mail-api", does: "type it, twice, without seeing it" },
    { command: "pass show mail-api | coffre put Partners/mail-api", does: "take it from another program" },
  ],
  json: "An object: `ref`, `id`, `version`, `previousVersion`.",
  exits: [{ code: 2, when: "the value breaks the policy, or Coffre manages this credential's value itself" }],
  takesReferences: true,
  async run(context, { args: [ref = ""], options }) {
    refuseSecretOptions(options);
    const { terminal } = context;
    const vault = await context.vault();
    const credential = await findCredential(vault, ref);
    refuseManaged(credential);
    const value = terminal.canAsk
      ? await askNewHidden(`New value of ${pathText(credential)}: `)
      : await readHiddenInput();
    await checkPolicy(vault, credential, value);
    const after = await store(context, credential, value);

    const version = currentVersion(after)?.number ?? null;
    if (context.json) {
      const { ref: canonical } = referenceOf(await vault.identity(), after);
      const previousVersion = currentVersion(credential)?.number ?? null;
      terminal.json({ ref: canonical, id: after.id, version, previousVersion });
    } else {
      terminal.print(`${pathText(after)}: version ${String(version)} is current.`);
    }
  },
};

/** @throws CoffreError INVALID_INPUT */
function refuseManaged(credential: Credential): void {
  if (credential.valueManagedBy === "external") return;
  throw new CoffreError("INVALID_INPUT", `The value of ${pathText(credential)} is managed by Coffre`, {
    hint: '`coffre rotate` draws and sets a new one. For values that people bring declare valueManagedBy: "external".',
  });
}

/** @throws CoffreError POLICY that names every broken rule, and nothing of the value */
async function checkPolicy(vault: Vault, credential: Credential, value: Secret): Promise<void> {
  const broken = checkPassword(await policyFor(vault, credential.categoryId), value);
  if (broken.length === 0) return;
  throw new CoffreError(
    "POLICY",
    `The value breaks the policy of its category. ${broken.map(({ message }) => message).join(" ")}`,
    {
      hint: "Nothing was changed.",
    },
  );
}

/** Steps as of a rotation that has no target: staged and promoted in one write, under the lease. */
async function store(context: CommandContext, { id }: Credential, value: Secret): Promise<Credential> {
  return withLease(await context.rotation(), id, LEASE_SECONDS, (leased) => {
    const { versions, journal } = leased.credential;
    const numbers = versions.map(({ number }) => number);
    // A person who brings the value has decided: that is what an admin's entry waits for whose login was refused.
    const decided: RotationStep[] = journal.attention ? [{ step: "clear-attention" }] : [];
    return leased.record(
      ...decided,
      { step: "stage", value, causes: [commandCause()], accounts: [] },
      { step: "promote", version: Math.max(0, ...numbers) + 1, verified: false },
      { step: "release" },
    );
  });
}
