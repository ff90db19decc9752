// What a program that runs playbooks may write. Compiled, never run.
import {
  type AnsibleError,
  type HostStatus,
  type RunEvent,
  type RunResult,
  runPlaybook,
  template,
} from "coffre/ansible-runner";
import { type Equal, holds } from "./equality.js";

export const run = runPlaybook({
  playbook: "/srv/site.yml",
  inventory: {
    web: {
      hosts: { "web-1": { ansible_host: "192.0.2.1", tags: ["a", { b: null }] } },
      vars: { x: template("{{ y }}") },
    },
  },
  variables: { count: 3, name: "x" },
  onWarning: ({ task, file }) => console.warn(file, task),
});
holds<Equal<Awaited<ReturnType<(typeof run)["successful"]>>, RunResult>>();
holds<Equal<RunResult["hosts"][string], HostStatus>>();
holds<Equal<(typeof run)["events"], AsyncIterable<RunEvent>>>();
holds<
  Equal<AnsibleError["failure"], "not-installed" | "syntax" | "unreachable" | "failed" | "timed-out" | "cancelled">
>();

// @ts-expect-error: no such option
runPlaybook({ playbook: "/srv/site.yml", extraVars: {} });
// @ts-expect-error: a function is no value of a variable
runPlaybook({ playbook: "/srv/site.yml", variables: { x: () => 1 } });
// @ts-expect-error: a host's variables are a mapping
runPlaybook({ playbook: "/srv/site.yml", inventory: { all: { hosts: { a: "x" } } } });
