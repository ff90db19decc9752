import { CoffreError, type ErrorCode } from "../core/errors.js";

/**
 * Why a run didn't do what it was to do. `not-installed`: nothing was started. `syntax`: Ansible refused the playbook, and no task
 * ran. `unreachable`: a host wasn't reached. `failed`: a task failed, or Ansible itself. `timed-out` and `cancelled`: everything of
 * the run was ended.
 */
export type AnsibleFailure = "not-installed" | "syntax" | "unreachable" | "failed" | "timed-out" | "cancelled";

const CODES: Readonly<Record<AnsibleFailure, ErrorCode>> = {
  "not-installed": "CONFIGURATION",
  syntax: "INVALID_INPUT",
  unreachable: "UNREACHABLE",
  failed: "TARGET_NOT_READY",
  "timed-out": "INTERRUPTED",
  cancelled: "INTERRUPTED",
};

const HINTS: Readonly<Record<AnsibleFailure, string>> = {
  "not-installed":
    "Install them: python3 -m venv ~/ansible && ~/ansible/bin/pip install ansible-core ansible-runner; then put ~/ansible/bin on PATH, or name it in `binFolder`.",
  syntax: "`ansible-playbook --syntax-check` shows the line.",
  unreachable: "Check address, port, host key and login of these hosts; run it again for them.",
  failed: "The events say which task it was; what a task with no_log said isn't shown.",
  "timed-out": "Give it more time (`timeLimitMs`), or find out what it waited for.",
  cancelled: "Hosts may be half-way: run it again.",
};

/** What a run ends with that isn't a success. The text names hosts and tasks, and quotes nothing of what they said. */
export class AnsibleError extends CoffreError {
  readonly failure: AnsibleFailure;
  /** The hosts that it is about, if it is about some. */
  readonly hosts: readonly string[];

  constructor(failure: AnsibleFailure, problem: string, options: ErrorOptions & { hosts?: readonly string[] } = {}) {
    const { hosts = [], ...rest } = options;
    super(CODES[failure], problem, { hint: HINTS[failure], details: { failure }, ...rest });
    this.failure = failure;
    this.hosts = hosts;
  }
}
