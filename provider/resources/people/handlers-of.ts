import type { ResourceContext } from "../context.js";
import type { CheckResult } from "../failures.js";
import type { Properties } from "../values.js";
import type { EntryKind, SharedInputs } from "./kind.js";
import { createEntry, deleteEntry, readEntry, updateEntry } from "./life.js";
import { checkEntry, checkEntryOffline, diffEntry, diffEntryOffline } from "./review.js";

/** Whether an `up` has something to do, and the inputs for which another entry takes this one's place. */
export interface DiffResult {
  changes: boolean;
  replaces?: string[];
}

/** What a front needs of a resource: pure decisions over the vault's port. */
export interface Handlers {
  checkOffline(news: Properties): CheckResult | Promise<CheckResult>;
  check(context: ResourceContext, olds: Properties, news: Properties): Promise<CheckResult>;
  diffOffline(olds: Properties, news: Properties): DiffResult;
  diff(context: ResourceContext, id: string, olds: Properties, news: Properties): Promise<DiffResult>;
  create(context: ResourceContext, news: Properties): Promise<{ id: string; outs: Record<string, unknown> }>;
  read(
    context: ResourceContext,
    id: string,
    props: Properties,
  ): Promise<{ id?: string; props?: Record<string, unknown> }>;
  update(
    context: ResourceContext,
    id: string,
    olds: Properties,
    news: Properties,
  ): Promise<{ outs: Record<string, unknown> }>;
  remove(context: ResourceContext, id: string, props: Properties): Promise<void>;
}

/** The handlers of one kind. */
export function handlersOf<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
): Handlers {
  return {
    checkOffline: (news) => checkEntryOffline(kind, news),
    check: (context, olds, news) => checkEntry(kind, context, olds, news),
    diffOffline: (olds, news) => diffEntryOffline(kind, olds, news),
    diff: (context, id, olds, news) => diffEntry(kind, context, id, olds, news),
    create: (context, news) => createEntry(kind, context, news),
    read: (context, id, props) => readEntry(kind, context, id, props),
    update: (context, id, olds, news) => updateEntry(kind, context, id, olds, news),
    remove: (context, id, props) => deleteEntry(kind, context, id, props),
  };
}
