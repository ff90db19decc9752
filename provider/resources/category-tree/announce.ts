import { isCoffreError } from "../../core/errors.js";
import { hookName } from "../../core/hook.js";
import { parseReference } from "../../core/reference.js";
import type { Secret } from "../../core/secret.js";
import { prepareHooks } from "../../rotation/notify/prepare.js";
import { type FailedTry, post, sendPatiently, tell } from "../../rotation/notify/send.js";
import { readValue } from "../../rotation/read-value.js";
import { resolveReference } from "../../rotation/resolve-reference.js";
import type { CategoryNotice, Hook, TreeCategory, TreeChange, VaultTree } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { copiesOf, type TreeCopy } from "./copies.js";
import type { CategoryTreeInputs } from "./schema.js";

/** So many messages are on their way at once, and are then written down as told: what is told again after a kill. */
const AT_ONCE = 8;

interface Message {
  notice: CategoryNotice;
  top: TreeCategory;
  copy: TreeCopy;
}

/** Copies that a hook, by its name, hasn't confirmed. */
export function untold(
  made: VaultTree,
  inputs: Pick<CategoryTreeInputs, "name" | "names" | "data">,
): Map<string, Message[]> {
  const copies = new Map(copiesOf(inputs).map((copy) => [copy.key, copy]));
  const messages = made.categories.flatMap((top) => {
    const copy = copies.get(top.part ?? "");
    return copy ? (top.notices ?? []).map((notice) => ({ notice, top, copy })) : [];
  });
  return Map.groupBy(messages, ({ notice }) => notice.hook);
}

/**
 * Tells hooks of the copies that are new to them. At least once: what a receiver has had when a run was killed is told again,
 * under the same id. Whatever a receiver does, this fails nothing: what isn't delivered stays booked for the next run.
 */
export async function announceCopies(
  context: ResourceContext,
  inputs: CategoryTreeInputs,
  { made, parentPath }: { made: VaultTree; parentPath: string },
): Promise<void> {
  const waiting = untold(made, inputs);
  if (waiting.size === 0) return;
  const hooks = new Map<string, Hook>();
  try {
    for (const hook of await prepareHooks(context.vault, inputs.notify ?? [])) hooks.set(hookName(hook), hook);
  } catch (error) {
    if (!isCoffreError(error)) throw error;
    context.notify(`nobody was told of new copies: ${error.problem}; the next \`up\` tries again`);
    return;
  }
  for (const [name, messages] of waiting) {
    const hook = hooks.get(name);
    // What is declared no more is told nothing more.
    if (hook) await announceTo(context, hook, messages, parentPath);
    else await settle(context, messages);
  }
}

async function announceTo(
  context: ResourceContext,
  hook: Hook,
  messages: readonly Message[],
  parentPath: string,
): Promise<void> {
  const send = await senderOf(context, hook);
  const { id: vaultId } = await context.vault.identity();
  for (let from = 0; from < messages.length; from += AT_ONCE) {
    const wave = messages.slice(from, from + AT_ONCE);
    const sent = await Promise.all(
      wave.map(async (message) => {
        const { notice } = message;
        const outcome = await sendPatiently(context.rotation, () =>
          send(notice.id, messageOf(vaultId, message, parentPath)),
        );
        return { message, problem: outcome.sent ? undefined : outcome.problem };
      }),
    );
    await settle(
      context,
      sent.flatMap(({ message, problem }) => (problem === undefined ? [message] : [])),
    );
    const failed = sent.filter(({ problem }) => problem !== undefined);
    if (failed.length === 0) continue;
    const left = messages.length - from - wave.length + failed.length;
    const which = left === 1 ? `the new copy ${failed[0]?.message.copy.name ?? ""}` : `${left} new copies`;
    context.notify(
      `${hookName(hook)} wasn't told of ${which}: ${failed[0]?.problem ?? ""}; the next \`up\` tries again`,
    );
    return; // the others would fail as well
  }
}

type Send = (id: string, message: object) => Promise<FailedTry | undefined>;

/** The signing secret is read once for all messages. */
async function senderOf(context: ResourceContext, hook: Hook): Promise<Send> {
  const { rotation } = context;
  if ("command" in hook) return (id, message) => tell(rotation, hook.command, { id, ...message });
  const { url, secretRef } = hook;
  let secret: Secret;
  try {
    const { id: credentialId } = await resolveReference(context.vault, secretRef);
    const { field } = parseReference(secretRef);
    secret = (await readValue(rotation, { id: credentialId, ...(field === undefined ? {} : { field }) })).value;
  } catch (error) {
    if (!isCoffreError(error)) throw error;
    const { problem } = error;
    return async () => ({ problem: `its signing secret: ${problem}`, mayPass: false });
  }
  return (id, message) => post(rotation, { url, id, body: JSON.stringify(message), secret });
}

/** What a receiver is told: which copy is new, and what the program says of it. */
function messageOf(vaultId: string, { notice, top, copy }: Message, parentPath: string): object {
  const above = parentPath === "" ? [] : parentPath.split("/");
  const { name, key, data } = copy;
  return {
    type: "category-tree.copied",
    timestamp: notice.at,
    data: {
      vaultId,
      categoryId: top.id,
      path: [...above, top.name],
      name,
      key,
      ...(data === undefined ? {} : { data }),
    },
  };
}

async function settle({ vault }: ResourceContext, messages: readonly Message[]): Promise<void> {
  const changes = messages.map(({ top, notice }): TreeChange => ({
    change: "settle-notices",
    id: top.id,
    delivered: [notice.id],
  }));
  if (changes.length > 0) await vault.changeTree(changes);
}
