import { type CommandDefinition, GLOBAL_OPTIONS, GROUPS, type OptionDefinition } from "./definition.js";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** A script for `shell` that completes these commands. */
export function completionScript(shell: Shell, definitions: readonly CommandDefinition[]): string {
  switch (shell) {
    case "bash":
      return bashScript(definitions);
    case "zsh":
      // zsh runs bash's completions once asked to.
      return `autoload -Uz bashcompinit && bashcompinit\n${bashScript(definitions)}`;
    case "fish":
      return fishScript(definitions);
  }
}

/** What may follow `coffre` and each group: their words, with what they are for. */
function wordsAfter(prefix: string, definitions: readonly CommandDefinition[]): Map<string, string> {
  const words = new Map<string, string>();
  const start = prefix === "" ? "" : `${prefix} `;
  for (const { name, summary } of definitions) {
    if (!name.startsWith(start)) continue;
    const word = name.slice(start.length).split(" ")[0] ?? "";
    words.set(word, GROUPS[start + word] ?? summary);
  }
  return words;
}

function flagsOf(options: readonly OptionDefinition[] = []): string[] {
  const shown = options.filter(({ hidden }) => hidden !== true);
  return shown.flatMap(({ flags }) => flags.match(/--[a-z-]+/g) ?? []);
}

function bashScript(definitions: readonly CommandDefinition[]): string {
  const groups = ["", ...Object.keys(GROUPS)].map(
    (group) => `    "${group}") words="${[...wordsAfter(group, definitions).keys()].join(" ")}" ;;`,
  );
  const commands = definitions.map(({ name, options, takesReferences }) => {
    const refs = takesReferences === true ? "; refs=1" : "";
    return `    "${name}") words="${flagsOf(options).join(" ")}"${refs} ;;`;
  });
  return `# bash completion for coffre: source it
_coffre() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" words="" refs="" index word
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$command $word" in
${[...definitions.map(({ name }) => name), ...Object.keys(GROUPS)].map((name) => `      "${name.includes(" ") ? "" : " "}${name}") command="${name}" ;;`).join("\n")}
    esac
  done
  case "$command" in
${[...groups, ...commands].join("\n")}
  esac
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$words ${flagsOf(GLOBAL_OPTIONS).join(" ")} --help" -- "$current"))
  elif [[ -n "$refs" ]]; then
    COMPREPLY=($(compgen -W "$(coffre list --paths --quiet 2>/dev/null </dev/null)" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -F _coffre coffre
`;
}

function fishScript(definitions: readonly CommandDefinition[]): string {
  const lines = ["# fish completion for coffre", "complete -c coffre -f"];
  const quote = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  for (const group of ["", ...Object.keys(GROUPS)]) {
    const words = wordsAfter(group, definitions);
    const seen = group === "" ? "__fish_use_subcommand" : isAt(group, [...words.keys()]);
    for (const [word, summary] of words)
      lines.push(`complete -c coffre -n ${quote(seen)} -a ${word} -d ${quote(summary)}`);
  }
  for (const { flags, description } of GLOBAL_OPTIONS) {
    for (const flag of flagsOf([{ flags, description }]))
      lines.push(`complete -c coffre -l ${flag.slice(2)} -d ${quote(description)}`);
  }
  for (const { name, options = [], takesReferences } of definitions) {
    const seen = isAt(name, []);
    if (takesReferences === true) {
      lines.push(`complete -c coffre -n ${quote(seen)} -a '(coffre list --paths --quiet 2>/dev/null </dev/null)'`);
    }
    for (const option of options) {
      for (const flag of flagsOf([option])) {
        lines.push(`complete -c coffre -n ${quote(seen)} -l ${flag.slice(2)} -d ${quote(option.description)}`);
      }
    }
  }
  return `${lines.join("\n")}\n`;
}

/** True in fish once all these words were typed, and none of those that may come next. */
function isAt(name: string, next: readonly string[]): string {
  const typed = name.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`);
  const open = next.length === 0 ? [] : [`not __fish_seen_subcommand_from ${next.join(" ")}`];
  return [...typed, ...open].join("; and ");
}
