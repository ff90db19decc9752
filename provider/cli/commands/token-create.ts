import { CoffreError } from "../../core/errors.js";
import { hasPassed, parseInstant } from "../../core/instant.js";
import type { EmbeddedVault } from "../../vault/embedded/embedded-vault.js";
import type { Role } from "../../server/principal.js";
import type { CommandDefinition } from "../definition.js";
import { printable } from "../terminal.js";
import { tokenShape, withTokens } from "./token-state.js";

const ROLE_NAMES = ["administrator", "moderator", "user", "reader"] as const satisfies readonly Role[];
const LONGEST_LABEL = 100;

export const tokenCreate: CommandDefinition = {
  name: "token create",
  summary: "make a token, by which `coffre serve` knows who asks",
  description: [
    "Makes a token for a user and prints it on stdout: once, since only a digest of it is kept. The server takes it at once, without a restart. Whoever has it is this user: put it where only the runner can read it (COFFRE_TOKEN_FILE).",
    "A user may do what the vault's grants give, from the next request on. `--role reader` cuts that to reading; a moderator keeps users, groups and who is in which; an administrator may do everything everywhere, and needs no user in the vault.",
  ],
  arguments: [{ name: "<user>", description: "the name of a user of the vault, or of an administrator" }],
  options: [
    { flags: "--role <role>", description: `${ROLE_NAMES.join(", ")} (default user)` },
    { flags: "--label <text>", description: "where it is used, for `coffre token list`" },
    { flags: "--expires <time>", description: "from when it is refused, such as 2026-12-31T18:00:00Z (default never)" },
    { flags: "--create-user", description: "make the vault's user if there is none of this name" },
  ],
  examples: [
    {
      command: "coffre token create runner-3 --create-user --label 'CI of the shop' > runner-3.token",
      does: "for a pipeline; grants to runner-3 say what it may do",
    },
    {
      command: "coffre token create ana --role administrator --expires 2026-12-31T18:00:00Z",
      does: "for a person, until the year's end",
    },
  ],
  json: "An object: `token` (the text, shown only here), `id`, `user`, `userId`, `role`, `label`, `createdAt`, `expiresAt`, `revokedAt`.",
  exits: [{ code: 3, when: "the vault has no user of this name" }],
  async run(context, { args: [name = ""], options }) {
    const { terminal } = context;
    const role = parseRole(options["role"] ?? "user");
    const label = parseLabel(options["label"] ?? "");
    const expires = options["expires"];
    const expiresAt = typeof expires === "string" ? parseInstant("--expires", expires) : undefined;
    // Before a user is made for it.
    if (hasPassed(expiresAt, context.clock.now())) {
      throw new CoffreError("INVALID_INPUT", "--expires has passed already", { hint: "Name a later time." });
    }
    const vault = await context.embeddedVault();
    const userId = await findUser(vault, name, { role, create: options["createUser"] === true });
    const { info, text } = await withTokens(context, (tokens) =>
      tokens.create({
        user: name,
        ...(userId === undefined ? {} : { userId }),
        role,
        label,
        ...(expiresAt === undefined ? {} : { expiresAt }),
      }),
    );
    if (context.json) {
      terminal.json({ token: text.reveal(), ...tokenShape(info) });
      return;
    }
    terminal.print(text.reveal());
    terminal.note(`This is the only time that the token ${info.id} of ${printable(info.user)} (${role}) is shown.`);
  },
};

function parseRole(text: unknown): Role {
  const role = ROLE_NAMES.find((each) => each === text);
  if (role) return role;
  throw new CoffreError("INVALID_INPUT", "--role is none that there is", {
    hint: `Known are ${ROLE_NAMES.join(", ")}.`,
  });
}

function parseLabel(text: unknown): string {
  if (typeof text === "string" && text.length <= LONGEST_LABEL && !/\p{Cc}/u.test(text)) return text;
  throw new CoffreError(
    "INVALID_INPUT",
    `--label is longer than ${LONGEST_LABEL} characters, or has a control character`,
  );
}

/** The id of the vault's user; an administrator needs none. @throws CoffreError NOT_FOUND */
async function findUser(
  { people }: EmbeddedVault,
  name: string,
  { role, create }: { role: Role; create: boolean },
): Promise<string | undefined> {
  const found = await people.findPrincipal("user", name);
  if (found) return found.id;
  if (create) return (await people.createPrincipal({ kind: "user", name })).id;
  if (role === "administrator") return undefined;
  throw new CoffreError("NOT_FOUND", `The vault has no user ${JSON.stringify(name)}`, {
    hint: "Declare a User in a stack, or add --create-user.",
  });
}
