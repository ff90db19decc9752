import { CoffreError } from "../../core/errors.js";
import { completionScript, SHELLS } from "../completion-script.js";
import type { CommandDefinition } from "../definition.js";

export const completion: CommandDefinition = {
  name: "completion",
  summary: "print a completion script for a shell",
  description: [
    "Prints a script that completes commands, options and, from the configured vault, paths of credentials. Completing a path opens the vault with the configured key; it never asks for a passphrase.",
  ],
  arguments: [{ name: "<shell>", description: SHELLS.join(", ") }],
  examples: [
    { command: "source <(coffre completion bash)", does: "in ~/.bashrc" },
    { command: "source <(coffre completion zsh)", does: "in ~/.zshrc, after compinit" },
    { command: "coffre completion fish > ~/.config/fish/completions/coffre.fish", does: "for fish" },
  ],
  json: "An object: `shell`, `script`.",
  async run(context, { args: [shell = ""] }) {
    const known = SHELLS.find((name) => name === shell);
    if (known === undefined) {
      throw new CoffreError("INVALID_INPUT", "There is no completion for this shell", {
        hint: `Known are ${SHELLS.join(", ")}.`,
      });
    }
    const { loadAllCommands } = await import("../commands.js");
    const script = completionScript(known, await loadAllCommands());
    if (context.json) context.terminal.json({ shell: known, script });
    else context.terminal.write(script);
  },
};
