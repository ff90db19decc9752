/** Playbooks for TypeScript programs, with or without a vault: `import { runPlaybook } from "coffre/ansible-runner"`. */
export { CoffreError } from "../core/errors.js";
export { AnsibleError, type AnsibleFailure } from "./errors.js";
export type { HostStatus, RunEvent } from "./events.js";
export type { ForgottenNoLog } from "./no-log.js";
export { type AnsibleValue, type AnsibleVariables, type Inventory, type InventoryGroup, template } from "./options.js";
export { type PlaybookArgs, type PlaybookRun, runPlaybook, type RunResult } from "./run.js";
