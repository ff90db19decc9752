import { CoffreError } from "../../core/errors.js";
import { issueText } from "../../core/issue-text.js";
import { type Operation, type OperationName, OPERATIONS } from "../../vault/remote/operations.js";
import type { Caller } from "../app.js";
import { BOX_HANDLERS } from "./boxes.js";
import { CATEGORY_HANDLERS } from "./categories.js";
import { CREDENTIAL_HANDLERS } from "./credentials.js";
import type { Handlers } from "./handler.js";
import { LEASE_HANDLERS } from "./leases.js";
import { PEOPLE_HANDLERS } from "./people.js";
import { TRANSFER_HANDLERS } from "./transfers.js";
import { TREE_HANDLERS } from "./trees.js";
import { VAULT_HANDLERS } from "./vault.js";

const HANDLERS: Handlers<OperationName> = {
  ...VAULT_HANDLERS,
  ...CATEGORY_HANDLERS,
  ...TREE_HANDLERS,
  ...CREDENTIAL_HANDLERS,
  ...LEASE_HANDLERS,
  ...PEOPLE_HANDLERS,
  ...BOX_HANDLERS,
  ...TRANSFER_HANDLERS,
};

/** The operation that looks at every value that its caller may read. */
export const COUNTED: OperationName = "find-values";

/** A handler, whatever its operation: what it is given was parsed by that operation's own schema. */
type AnyHandler = (caller: Caller, input: unknown) => Promise<unknown> | AsyncIterable<unknown>;

/** Carries out an operation for a caller. @param input what {@link parseInput} answered for it */
export function handle(name: OperationName, caller: Caller, input: unknown): Promise<unknown> | AsyncIterable<unknown> {
  return (HANDLERS[name] as AnyHandler)(caller, input);
}

/** @throws CoffreError INVALID_INPUT that names the field and what it must be; nothing of what was sent */
export function parseInput(name: OperationName, body: unknown): unknown {
  const { input }: Operation = OPERATIONS[name];
  const { data, error } = input.safeParse(body, { error: issueText });
  if (!error) return data;
  const [issue] = error.issues;
  const field = issue?.path.map(String).join(".") ?? "";
  throw new CoffreError(
    "INVALID_INPUT",
    `${field === "" ? "The request's body" : field} ${issue?.message ?? "is wrong"}`,
    {
      hint: "`/v1/openapi.json` describes every request.",
      ...(field === "" ? {} : { details: { field } }),
    },
  );
}
