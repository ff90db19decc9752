/** Coffre for Pulumi programs: `import * as coffre from "coffre"`. */
export type { PasswordPolicy } from "./core/policy.js";
export { Category } from "./resources/category/resource.js";
export type { CategoryArgs } from "./resources/category/resource.js";
export { Credential } from "./resources/credential/resource.js";
export type { CredentialArgs, RotationArgs, SecretFieldArgs } from "./resources/credential/resource.js";
export type { CredentialProgress } from "./resources/credential/schema.js";
export { Provider } from "./shell/register.js";
export type { ProviderArgs } from "./shell/register.js";
export { linux, postgres } from "./shell/targets.js";
export type { LinuxArgs, PostgresArgs, Target } from "./shell/targets.js";
