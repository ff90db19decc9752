import { CoffreError } from "../../core/errors.js";
import { type PolicyText, policyTexts } from "../../vault/hashicorp/policies.js";
import type { CommandDefinition } from "../definition.js";
import { readRights } from "../rights.js";
import { printable } from "../terminal.js";

export const vaultPolicies: CommandDefinition = {
  name: "vault policies",
  summary: "print the policies of a HashiCorp Vault or OpenBao server that the grants mean",
  description: [
    "For a vault in a mount of HashiCorp Vault or OpenBao: prints the policy that Coffre itself needs, and one for each user and group that has a grant, as text to review and apply. It applies nothing.",
    "A reader's policy names the entries of each category that the grants open, one category after the other: what inherits nothing stays closed, and a category that is made later is open to nobody until this is run again. Editors and managers read by their policy, and change entries through Coffre: a change by hand would be overwritten by the next rotation.",
    "Nobody but Coffre needs what lies below `.coffre`: pending and earlier values stand there. Whoever has Coffre's own policy reads everything, whatever the grants say.",
  ],
  options: [{ flags: "--only <name>", description: "only the policy of this name, without a heading: for a pipe" }],
  examples: [
    { command: "coffre vault policies", does: "all of them, each with its name" },
    {
      command: "coffre vault policies --only coffre-prod-runner | bao policy write coffre-prod-runner -",
      does: "give Coffre what it needs",
    },
  ],
  json: "An array, one object for each policy: `name`, `principal` (`id`, `kind`, `name`; `null` for Coffre's own), `policy` (HCL), `unnamed` (paths of categories that no policy can name, for a `+` or `*` in them).",
  exits: [{ code: 2, when: "the vault isn't in a server's mount, or no policy has that name" }],
  async run(context, { options }) {
    const { terminal } = context;
    const { url } = context.configuration();
    const vault = await context.vault();
    if (url === undefined || !("mount" in url)) {
      throw new CoffreError("NOT_SUPPORTED", "Only a KV engine has policies, and this vault is in none", {
        hint: "`coffre access` shows its grants.",
      });
    }
    const { name } = await vault.identity();
    const { mount, root } = url;
    const rights = await readRights(vault);
    const all = policyTexts({ vault: name, mount, root, rights, now: context.clock.now() });
    const only = options["only"];
    const shown = typeof only === "string" ? all.filter((policy) => policy.name === only) : all;
    if (shown.length === 0) {
      throw new CoffreError("INVALID_INPUT", "There is no policy of that name", {
        hint: `There are ${all.map((policy) => policy.name).join(", ")}.`,
      });
    }
    for (const { unnamed } of shown) for (const path of unnamed) terminal.warn(unnamedText(path));
    if (context.json) {
      terminal.json(shown.map(policyShape));
      return;
    }
    for (const [index, { name: policyName, text }] of shown.entries()) {
      if (typeof only !== "string") terminal.print(`${index === 0 ? "" : "\n"}# policy ${policyName}`);
      terminal.print(text);
    }
  },
};

function unnamedText(path: readonly string[]): string {
  return `no policy can name the category ${printable(path.join("/"))}: a * or + in it would be a wildcard. It is left out.`;
}

function policyShape({ name, who, text, unnamed }: PolicyText) {
  return { name, principal: who === "coffre" ? null : who, policy: text, unnamed };
}
