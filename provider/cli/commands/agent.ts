import { hostname } from "node:os";
import { resolve } from "node:path";
import { requireUrl } from "../../config/index.js";
import { CoffreError } from "../../core/errors.js";
import type { Vault } from "../../vault/port.js";
import { NOT_EXECUTABLE, NOT_FOUND, runChild } from "../child.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { watchProcess } from "../parent-watch.js";
import { parseCount } from "../reference.js";
import { complain } from "./serve.js";

export const agent: CommandDefinition = {
  name: "agent",
  summary: "open the vault once, for all commands and programs of this user",
  description: [
    "Opens the configured vault, whatever it is, and answers for it on a unix socket that only this user may open. `coffre`, Pulumi programs and Coffre's resources go through it where `COFFRE_AGENT` names the socket: they need no key, no token and no login of their own.",
    "With a command (after `--`) it runs that with `COFFRE_AGENT` set, ends with it, and takes its exit code. Without one it prints the socket's path and stays until Ctrl-C, or until the process of --parent-pid has ended.",
    "It keeps nothing: each read asks the vault, so that no reader gets a value older than the vault's, and each write and rotation is the vault's own. It stands for one vault; a command that is configured to another one opens that itself.",
    "Whoever can open the socket can do what you can do in the vault: every process of this user, and root.",
  ],
  arguments: [{ name: "[command...]", description: "what to run with the agent, after --" }],
  options: [
    {
      flags: "--socket <path>",
      description: "where to listen (default $XDG_RUNTIME_DIR/coffre/agent.sock; with a command: a socket of its own)",
    },
    { flags: "--parent-pid <pid>", description: "end when this process has ended" },
  ],
  examples: [
    { command: "coffre agent -- pulumi up --yes", does: "one login for a whole run" },
    {
      command: `export COFFRE_AGENT="$XDG_RUNTIME_DIR/coffre/agent.sock"; coffre agent --parent-pid $$ >/dev/null &`,
      does: "for this shell, until it ends",
    },
  ],
  json: "Without a command an object: `socket`, `url` of the vault and `pid`. With one nothing: stdout is the command's.",
  exits: [
    { code: 5, when: "an agent listens there already, or what is there is no socket" },
    { code: NOT_EXECUTABLE, when: "the command can't be run" },
    { code: NOT_FOUND, when: "the command wasn't found; any other code is the command's own" },
  ],
  async run(context, { args, options }) {
    const parent = options["parentPid"] === undefined ? undefined : parseCount("--parent-pid", options["parentPid"]);
    const configuration = context.configuration();
    const { href } = requireUrl(configuration);
    const [{ startAgent }, { agentSocket }, { v1Front }] = await Promise.all([
      import("../../server/agent/agent.js"),
      import("../../server/agent/agent-socket.js"),
      import("../../server/v1/front.js"),
    ]);
    const socket =
      typeof options["socket"] === "string"
        ? resolve(options["socket"])
        : agentSocket(context.env, args.length === 0 ? undefined : process.pid);
    refuseSecond(context.env["COFFRE_AGENT"], socket);
    const ended = new AbortController();
    const unwatch = parent === undefined ? undefined : watchProcess(parent, () => ended.abort());
    try {
      const server = await startAgent({
        vault: await sessionOf(context),
        url: href,
        user: context.user,
        clock: context.clock,
        socket,
        fronts: [v1Front],
        complain: (error) => complain(context, error),
      });
      try {
        if (args.length > 0) {
          // Of a flag the command wouldn't know.
          const url = configuration.sources.url?.startsWith("flag") ? { COFFRE_URL: href } : {};
          context.handSignalsOver();
          return await runChild(context, args, { env: { ...url, COFFRE_AGENT: socket }, ended: ended.signal });
        }
        announce(context, { socket, url: href, pid: process.pid });
        await aborted(AbortSignal.any([context.signal, ended.signal]));
      } finally {
        await server.stop();
      }
    } finally {
      unwatch?.();
    }
  },
};

/** A shell may name the socket before its agent listens there; another one named means that an agent serves it already. */
function refuseSecond(named: string | undefined, socket: string): void {
  if (!named || resolve(named) === socket) return;
  throw new CoffreError("CONFLICT", `COFFRE_AGENT names another agent's socket than ${socket}`, {
    hint: "Use that agent, or unset COFFRE_AGENT first: `env -u COFFRE_AGENT coffre agent …`.",
  });
}

/** The vault, opened and proven to open: many readers at once share what one read of a file costs. */
async function sessionOf(context: CommandContext): Promise<Vault> {
  const vault = await context.directVault("agent");
  await vault.identity();
  const { EmbeddedVault } = await import("../../vault/embedded/embedded-vault.js");
  if (!(vault instanceof EmbeddedVault)) return vault;
  return vault.actingAs(`${context.user} (agent)`, hostname(), () => true);
}

function announce({ terminal, json }: CommandContext, facts: { socket: string; url: string; pid: number }): void {
  if (json) terminal.json(facts);
  else terminal.print(facts.socket);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener("abort", () => done(), { once: true });
  });
}
