/** Coffre for Pulumi programs: `import * as coffre from "coffre"`. */
export type { PasswordPolicy } from "./core/policy.js";
export { Category } from "./resources/category/resource.js";
export type { CategoryArgs } from "./resources/category/resource.js";
export { CategoryTree } from "./resources/category-tree/resource.js";
export type {
  CategoryTreeArgs,
  TreeCopyArgs,
  TreeGrantArgs,
  TreeNodeArgs,
  TreeTemplateArgs,
} from "./resources/category-tree/resource.js";
export { Credential } from "./resources/credential/resource.js";
export type {
  CommandHookArgs,
  CredentialArgs,
  HookArgs,
  HttpHookArgs,
  RotationArgs,
  RotationWindowArgs,
  SecretFieldArgs,
} from "./resources/credential/resource.js";
export type { CredentialProgress } from "./resources/credential/schema.js";
export { DropBox } from "./resources/drop-box/resource.js";
export type { DropBoxArgs } from "./resources/drop-box/resource.js";
export { Grant } from "./resources/grant/resource.js";
export type { GrantArgs } from "./resources/grant/resource.js";
export { GroupMembership } from "./resources/group-membership/resource.js";
export type { GroupMembershipArgs } from "./resources/group-membership/resource.js";
export { Group } from "./resources/group/resource.js";
export type { GroupArgs } from "./resources/group/resource.js";
export { User } from "./resources/user/resource.js";
export type { UserArgs } from "./resources/user/resource.js";
export { Transfer } from "./resources/transfer/resource.js";
export type { SentFile, TransferArgs, TransferFileArgs } from "./resources/transfer/resource.js";
export { VaultSync } from "./resources/vault-sync/resource.js";
export type { VaultSyncArgs } from "./resources/vault-sync/resource.js";
export type { GrantRole } from "./vault/port.js";
export type { GetCategoryResult, GetCredentialResult, GetGroupResult, GetUserResult } from "./resources/lookup.js";
export {
  getCategory,
  getCategoryOutput,
  getCredential,
  getCredentialOutput,
  getGroup,
  getGroupOutput,
  getUser,
  getUserOutput,
} from "./shell/functions.js";
export type { GetCategoryArgs, GetCredentialArgs, GetGroupArgs, GetUserArgs } from "./shell/functions.js";
export type { PasswordHashScheme } from "./shell/password-hash.js";
export { Provider } from "./shell/register.js";
export type { ProviderArgs } from "./shell/register.js";
export { ansible, command, linux, mysql, postgres } from "./shell/targets.js";
export type { AnsibleArgs, CommandArgs, LinuxArgs, MysqlArgs, PostgresArgs, Target } from "./shell/targets.js";
