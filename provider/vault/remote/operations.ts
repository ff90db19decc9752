import * as z from "zod";
import {
  BoxInputShape,
  BoxPatchShape,
  BoxRemovalShape,
  BoxShape,
  BytesShape,
  ContentShape,
  DepositInputShape,
  DepositShape,
  FileInputShape,
  FileShape,
  ReaderShape,
  TidyShape,
  VerdictShape,
} from "./shapes/boxes.js";
import { CategoryInputShape, CategoryPatchShape, CategoryShape } from "./shapes/category.js";
import { CategoryId, Id, Path, ProofShape, SecretText } from "./shapes/common.js";
import { CredentialInputShape, CredentialPatchShape, CredentialShape } from "./shapes/credential.js";
import {
  BookingShape,
  LeaseRequestShape,
  LeaseShape,
  OutcomeShape,
  ResolutionShape,
  StepShape,
} from "./shapes/journal.js";
import {
  GrantInputShape,
  GrantPatchShape,
  GrantShape,
  Kind,
  MembershipInputShape,
  MembershipPatchShape,
  MembershipShape,
  PrincipalInputShape,
  PrincipalPatchShape,
  PrincipalShape,
} from "./shapes/people.js";
import {
  EventFilterShape,
  EventShape,
  FoundValueShape,
  IdentityShape,
  ValueAnswerShape,
  ValueQueryShape,
  ValueRequestShape,
} from "./shapes/reading.js";
import { NewTransferShape, TransferInputShape, TransferPatchShape, TransferShape } from "./shapes/transfers.js";
import { TreeChangeShape, TreeQueryShape, TreeShape } from "./shapes/tree.js";
import { MOST_AT_ONCE } from "./wire.js";

/**
 * One method of the port as it travels: a POST to `/v1/<its name>` with a JSON body. `ask` changes nothing and may be
 * repeated; `change` carries a request's id, so that the server carries it out once; `list` is answered line by line.
 */
export interface Operation<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  kind: "ask" | "change" | "list";
  input: Input;
  /** Of a list: one item. */
  output: Output;
}

function ask<I extends z.ZodType, O extends z.ZodType>(input: I, output: O) {
  return { kind: "ask" as const, input, output };
}
function change<I extends z.ZodType, O extends z.ZodType>(input: I, output: O) {
  return { kind: "change" as const, input, output };
}
function list<I extends z.ZodType, O extends z.ZodType>(input: I, output: O) {
  return { kind: "list" as const, input, output };
}

const Nothing = z.undefined();
const Empty = z.strictObject({});
const ById = z.strictObject({ id: Id });
const ByPath = z.strictObject({ path: Path });
const Ended = z.strictObject({ id: Id, proof: ProofShape });
const Archived = ProofShape.extend({ supersededBy: Id.exactOptional() });
const ListFilter = z.strictObject({ stack: z.string().exactOptional(), archived: z.boolean().exactOptional() });
const Steps = z.array(StepShape);
const Owned = z.strictObject({ kind: z.enum(["credential", "category"]), ownerKey: z.string() });
const OwnedPerson = z.strictObject({ kind: z.enum(["principal", "membership", "grant"]), ownerKey: z.string() });
const patch = <Shape extends z.ZodType>(shape: Shape) => z.strictObject({ id: Id, patch: shape });
const input = <Shape extends z.ZodType>(shape: Shape) => z.strictObject({ input: shape });

/** Every method of the port, by the name under which it travels: the one table of server, client and their description. */
export const OPERATIONS = {
  identity: ask(Empty, IdentityShape),
  "has-heads": ask(z.strictObject({ proofs: z.array(z.string()).max(MOST_AT_ONCE) }), z.array(z.boolean())),
  digest: ask(z.strictObject({ text: z.string() }), z.string()),

  "create-category": change(input(CategoryInputShape), CategoryShape),
  "read-category": ask(ById, CategoryShape),
  "update-category": change(patch(CategoryPatchShape), CategoryShape),
  "delete-category": change(Ended, Nothing),
  "list-categories": list(Empty, CategoryShape),
  "find-category": ask(ByPath, CategoryShape.optional()),
  "read-tree": ask(z.strictObject({ query: TreeQueryShape }), TreeShape),
  "change-tree": change(z.strictObject({ changes: z.array(TreeChangeShape).max(MOST_AT_ONCE) }), z.array(Id)),

  "create-credentials": change(z.strictObject({ inputs: z.array(CredentialInputShape) }), z.array(CredentialShape)),
  "read-credential": ask(ById, CredentialShape),
  "has-token": ask(z.strictObject({ id: Id, token: z.string() }), z.boolean()),
  "update-credential": change(patch(CredentialPatchShape), CredentialShape),
  "archive-credential": change(z.strictObject({ id: Id, proof: Archived }), Nothing),
  "delete-credential": change(Ended, Nothing),
  "unarchive-credential": change(z.strictObject({ id: Id, categoryId: CategoryId }), CredentialShape),
  "find-credential": ask(ByPath, CredentialShape.optional()),
  "find-owned": ask(Owned, Id.optional()),
  "list-credentials": list(ListFilter, CredentialShape),
  "list-dependants": ask(ById, z.array(Id)),
  "read-many": ask(
    z.strictObject({ requests: z.array(ValueRequestShape).max(MOST_AT_ONCE) }),
    z.array(ValueAnswerShape),
  ),
  "find-values": ask(ValueQueryShape, z.array(FoundValueShape)),

  "acquire-lease": change(
    z.strictObject({ id: Id, request: LeaseRequestShape, steps: Steps }),
    z.object({ lease: LeaseShape, credential: CredentialShape }),
  ),
  record: change(z.strictObject({ lease: LeaseShape, steps: Steps }), CredentialShape),
  "book-login": change(z.strictObject({ booking: BookingShape }), Nothing),
  "settle-login": change(z.strictObject({ bookingId: z.string(), outcome: OutcomeShape }), Nothing),
  "clear-logins": change(z.strictObject({ account: z.string() }), Nothing),
  "resolve-credential": change(z.strictObject({ id: Id, decision: ResolutionShape }), CredentialShape),
  "list-events": list(EventFilterShape, EventShape),

  "people/create-principal": change(input(PrincipalInputShape), PrincipalShape),
  "people/read-principal": ask(ById, PrincipalShape),
  "people/update-principal": change(patch(PrincipalPatchShape), PrincipalShape),
  "people/delete-principal": change(Ended, Nothing),
  "people/find-principal": ask(z.strictObject({ kind: Kind, name: z.string() }), PrincipalShape.optional()),
  "people/list-principals": list(Empty, PrincipalShape),
  "people/create-membership": change(input(MembershipInputShape), MembershipShape),
  "people/read-membership": ask(ById, MembershipShape),
  "people/update-membership": change(patch(MembershipPatchShape), MembershipShape),
  "people/delete-membership": change(Ended, Nothing),
  "people/find-membership": ask(z.strictObject({ groupId: Id, memberId: Id }), MembershipShape.optional()),
  "people/list-memberships": list(Empty, MembershipShape),
  "people/create-grant": change(input(GrantInputShape), GrantShape),
  "people/read-grant": ask(ById, GrantShape),
  "people/update-grant": change(patch(GrantPatchShape), GrantShape),
  "people/delete-grant": change(Ended, Nothing),
  "people/find-grant": ask(z.strictObject({ categoryId: CategoryId, principalId: Id }), GrantShape.optional()),
  "people/list-grants": list(Empty, GrantShape),
  "people/find-owned": ask(OwnedPerson, Id.optional()),

  "boxes/create-box": change(input(BoxInputShape), BoxShape),
  "boxes/read-box": ask(ById, BoxShape),
  "boxes/update-box": change(patch(BoxPatchShape), BoxShape),
  "boxes/archive-box": change(Ended, Nothing),
  "boxes/delete-box": change(z.strictObject({ id: Id, proof: BoxRemovalShape }), Nothing),
  "boxes/find-box": ask(z.strictObject({ categoryId: CategoryId, name: z.string() }), BoxShape.optional()),
  "boxes/list-boxes": list(z.strictObject({ archived: z.boolean().exactOptional() }), BoxShape),
  "boxes/find-owned": ask(z.strictObject({ ownerKey: z.string() }), Id.optional()),
  "boxes/open-deposit": change(z.strictObject({ boxId: Id, input: DepositInputShape }), DepositShape),
  "boxes/read-deposit": ask(ById, DepositShape),
  "boxes/submit-deposit": change(ById.extend({ note: z.string().exactOptional() }), DepositShape),
  "boxes/delete-deposit": change(ById, Nothing),
  "boxes/list-deposits": list(z.strictObject({ boxId: Id, by: z.string().exactOptional() }), DepositShape),
  "boxes/tidy": change(Empty, TidyShape),
  "boxes/create-file": change(input(FileInputShape), FileShape),
  "boxes/read-file": ask(ById, FileShape),
  "boxes/append-file": change(z.strictObject({ id: Id, offset: z.int().nonnegative(), bytes: BytesShape }), FileShape),
  "boxes/finish-file": change(z.strictObject({ id: Id, quarantine: z.boolean() }), FileShape),
  "boxes/abort-file": change(ById, Nothing),
  "boxes/judge-file": change(z.strictObject({ id: Id, verdict: VerdictShape }), FileShape),
  "boxes/read-content": list(z.strictObject({ id: Id, reader: ReaderShape.exactOptional() }), ContentShape),
  "boxes/delete-file": change(ById, Nothing),

  "transfers/create": change(input(TransferInputShape), NewTransferShape),
  "transfers/read": ask(ById, TransferShape),
  "transfers/update": change(
    z.strictObject({ id: Id, patch: TransferPatchShape, link: SecretText.exactOptional() }),
    TransferShape,
  ),
  "transfers/send": change(z.strictObject({ id: Id, link: SecretText.exactOptional() }), TransferShape),
  "transfers/archive": change(Ended, Nothing),
  "transfers/list": list(z.strictObject({ archived: z.boolean().exactOptional() }), TransferShape),
  "transfers/find-owned": ask(z.strictObject({ ownerKey: z.string() }), Id.optional()),
} satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;
/** As it is once it was parsed: values are `Secret`s. */
export type InputOf<Name extends OperationName> = z.output<(typeof OPERATIONS)[Name]["input"]>;
export type OutputOf<Name extends OperationName> = z.output<(typeof OPERATIONS)[Name]["output"]>;
/** The names of one kind. */
export type NamesOf<Kind extends Operation["kind"]> = {
  [Name in OperationName]: (typeof OPERATIONS)[Name]["kind"] extends Kind ? Name : never;
}[OperationName];
