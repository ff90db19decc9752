import type { CommandDefinition } from "./definition.js";

type Load = () => Promise<CommandDefinition>;

// In the order of the help. The files are loaded one by one: a shell's completion or a `coffre read` in a script waits
// for what it needs and for nothing else.
const COMMANDS: Readonly<Record<string, Load>> = {
  "vault init": async () => (await import("./commands/vault-init.js")).vaultInit,
  "vault check": async () => (await import("./commands/vault-check.js")).vaultCheck,
  "vault backup": async () => (await import("./commands/vault-backup.js")).vaultBackup,
  "vault restore": async () => (await import("./commands/vault-restore.js")).vaultRestore,
  "vault drill": async () => (await import("./commands/vault-drill.js")).vaultDrill,
  "vault rekey": async () => (await import("./commands/vault-rekey.js")).vaultRekey,
  "vault key add": async () => (await import("./commands/vault-key-add.js")).vaultKeyAdd,
  "vault key rewrap": async () => (await import("./commands/vault-key-rewrap.js")).vaultKeyRewrap,
  "vault key remove": async () => (await import("./commands/vault-key-remove.js")).vaultKeyRemove,
  "vault policies": async () => (await import("./commands/vault-policies.js")).vaultPolicies,
  "vault key list": async () => (await import("./commands/vault-key-list.js")).vaultKeyList,
  serve: async () => (await import("./commands/serve.js")).serve,
  agent: async () => (await import("./commands/agent.js")).agent,
  "token create": async () => (await import("./commands/token-create.js")).tokenCreate,
  "token list": async () => (await import("./commands/token-list.js")).tokenList,
  "token revoke": async () => (await import("./commands/token-revoke.js")).tokenRevoke,
  "token expire": async () => (await import("./commands/token-expire.js")).tokenExpire,
  "mail list": async () => (await import("./commands/mail-list.js")).mailList,
  "mail retry": async () => (await import("./commands/mail-retry.js")).mailRetry,
  "box list": async () => (await import("./commands/box-list.js")).boxList,
  "box show": async () => (await import("./commands/box-show.js")).boxShow,
  "box deposits": async () => (await import("./commands/box-deposits.js")).boxDeposits,
  "box download": async () => (await import("./commands/box-download.js")).boxDownload,
  "box close": async () => (await import("./commands/box-close.js")).boxClose,
  "box minutes": async () => (await import("./commands/box-minutes.js")).boxMinutes,
  send: async () => (await import("./commands/send.js")).send,
  list: async () => (await import("./commands/list.js")).list,
  get: async () => (await import("./commands/get.js")).get,
  access: async () => (await import("./commands/access.js")).access,
  read: async () => (await import("./commands/read.js")).read,
  run: async () => (await import("./commands/run.js")).run,
  inject: async () => (await import("./commands/inject.js")).inject,
  scan: async () => (await import("./commands/scan.js")).scan,
  put: async () => (await import("./commands/put.js")).put,
  "category add": async () => (await import("./commands/category-add.js")).categoryAdd,
  "category edit": async () => (await import("./commands/category-edit.js")).categoryEdit,
  "category show": async () => (await import("./commands/category-show.js")).categoryShow,
  edit: async () => (await import("./commands/edit.js")).edit,
  history: async () => (await import("./commands/history.js")).history,
  rotate: async () => (await import("./commands/rotate.js")).rotate,
  resume: async () => (await import("./commands/resume.js")).resume,
  acknowledge: async () => (await import("./commands/acknowledge.js")).acknowledge,
  notify: async () => (await import("./commands/notify.js")).notify,
  attention: async () => (await import("./commands/attention.js")).attention,
  resolve: async () => (await import("./commands/resolve.js")).resolve,
  verify: async () => (await import("./commands/verify.js")).verify,
  import: async () => (await import("./commands/import.js")).importCommand,
  export: async () => (await import("./commands/export.js")).exportCommand,
  move: async () => (await import("./commands/move.js")).move,
  sync: async () => (await import("./commands/sync.js")).sync,
  events: async () => (await import("./commands/events.js")).events,
  doctor: async () => (await import("./commands/doctor.js")).doctor,
  completion: async () => (await import("./commands/completion.js")).completion,
};

/** Every command, in the order of the help. */
export function loadAllCommands(): Promise<CommandDefinition[]> {
  return Promise.all(Object.values(COMMANDS).map((load) => load()));
}

/** The command whose name these words begin with. */
export async function findCommand(words: readonly string[]): Promise<CommandDefinition | undefined> {
  const isBeginning = (name: string) => name.split(" ").every((word, index) => word === words[index]);
  return Object.entries(COMMANDS).find(([name]) => isBeginning(name))?.[1]();
}

/**
 * The commands that these words can mean. More than one is no harm (the parser decides); none means that the words need
 * the whole list: they ask for help, or for a suggestion.
 */
export function loadCommandsFor(words: readonly string[]): Promise<CommandDefinition[]> {
  const named = Object.keys(COMMANDS).filter((name) => words.includes(name.split(" ")[0] ?? ""));
  const wantsVersion = named.length === 0 && words.includes("--version");
  const wantsHelp = words[0] === "--help" || words[0] === "-h";
  const names = wantsHelp || (named.length === 0 && !wantsVersion) ? Object.keys(COMMANDS) : named;
  return Promise.all(names.map((name) => (COMMANDS[name] as Load)())); // a key of the table itself
}
