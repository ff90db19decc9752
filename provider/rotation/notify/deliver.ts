import { isCoffreError } from "../../core/errors.js";
import { hookName } from "../../core/hook.js";
import { parseReference } from "../../core/reference.js";
import type { Credential, Hook, Notice, NoticeOutcome, VaultIdentity } from "../../vault/port.js";
import type { RotationContext } from "../context.js";
import { readValue } from "../read-value.js";
import { referenceOf, resolveReference } from "../resolve-reference.js";
import { post, sendPatiently, type Sent, tell } from "./send.js";

/**
 * Tells the credential's hooks what they don't know yet. At least once: a receiver whose answer was lost, or two runs at
 * the same time, tell it again, under the same id. Whatever a receiver does, this never fails: what isn't delivered stays
 * in the vault for the next run. A hook that failed is left alone for the rest of the run.
 * @returns the credential as it is after that
 */
export async function deliverNotices(context: RotationContext, credential: Credential): Promise<Credential> {
  const { notices, notify, id, archivedAt } = credential;
  if (notices.length === 0 || archivedAt !== undefined) return credential;
  try {
    const identity = await context.vault.identity();
    const outcomes = await Promise.all(notify.map((hook) => deliverTo(context, hook, identity, credential)));
    const settled = outcomes.flat();
    return settled.length === 0 ? credential : await context.vault.updateCredential(id, { notices: settled });
  } catch (error) {
    // The rotation is done, and what was delivered may be so again.
    if (isCoffreError(error)) return credential;
    throw error;
  }
}

/** In order; the first that fails ends it, since the others would too. */
async function deliverTo(
  context: RotationContext,
  hook: Hook,
  identity: VaultIdentity,
  credential: Credential,
): Promise<NoticeOutcome[]> {
  const name = hookName(hook);
  const outcomes: NoticeOutcome[] = [];
  for (const notice of credential.notices.filter((one) => one.hook === name)) {
    const { id } = notice;
    const deaf = context.deafHooks.get(name);
    if (deaf !== undefined) {
      // That it failed is known of this one too; what was tried before says more.
      if (notice.problem === undefined) outcomes.push({ id, outcome: "failed", tries: 0, problem: deaf });
      continue;
    }
    const sent = await deliver(context, hook, id, messageOf(identity, credential, notice));
    if (sent.sent) {
      outcomes.push({ id, outcome: "delivered" });
      continue;
    }
    const { tries, problem } = sent;
    outcomes.push({ id, outcome: "failed", tries, problem });
    context.deafHooks.set(name, problem);
  }
  return outcomes;
}

async function deliver(context: RotationContext, hook: Hook, id: string, message: object): Promise<Sent> {
  if ("command" in hook) return sendPatiently(context, () => tell(context, hook.command, { id, ...message }));
  const { url, secretRef } = hook;
  try {
    const { id: credentialId } = await resolveReference(context.vault, secretRef);
    const { field } = parseReference(secretRef);
    const { value } = await readValue(context, { id: credentialId, ...(field === undefined ? {} : { field }) });
    const posting = { url, id, body: JSON.stringify(message), secret: value };
    return await sendPatiently(context, () => post(context, posting));
  } catch (error) {
    if (!isCoffreError(error)) throw error;
    return { sent: false, tries: 0, problem: `its signing secret: ${error.problem}` };
  }
}

/** What a receiver is told: which credential, and that this version is current. Never a value. */
function messageOf(identity: VaultIdentity, credential: Credential, { version, at }: Notice): object {
  const { ref, idRef } = referenceOf(identity, credential);
  const { id: credentialId, path } = credential;
  const data = { vaultId: identity.id, credentialId, path, ref, idRef, version };
  return { type: "credential.promoted", timestamp: at, data };
}

/** The same for what a rotation answers. */
export async function announced<Outcome extends { credential: Credential }>(
  context: RotationContext,
  outcome: Outcome,
): Promise<Outcome> {
  return { ...outcome, credential: await deliverNotices(context, outcome.credential) };
}

/** What is still to be told after a try, one line for each hook, for people. */
export function untold({ notices }: Pick<Credential, "notices">): string[] {
  const failed = notices.filter(({ problem }) => problem !== undefined);
  return [...new Map(failed.map((notice) => [notice.hook, notice])).values()].map(
    ({ hook, version, problem = "" }) => `${hook} wasn't told of version ${version}: ${problem}`,
  );
}
