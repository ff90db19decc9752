import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

const FOLDER = resolve(import.meta.dirname, "../../test/.work/pkg/node_modules/floors");

/**
 * The floor under a credential: a package in the same place and of the same form as Coffre's, whose resources have the
 * same properties in the same sizes, and do nothing at all. What they cost is Pulumi's own cost.
 */
export async function installFloor(): Promise<void> {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(join(FOLDER, "dynamic"), { recursive: true });
  const files = {
    "package.json": JSON.stringify({
      name: "floors",
      version: "0.1.0",
      type: "module",
      exports: { ".": "./index.js", "./dynamic/*": "./dynamic/*.cjs", "./package.json": "./package.json" },
    }),
    "index.js": PROGRAM_SIDE,
    "dynamic/category.cjs": pluginSide(`"ct_ZvsSHz2eqjlPIX2I1jsJc6"`, `path: news.name`),
    "dynamic/credential.cjs": pluginSide(
      // Ids are unique in a stack, as a vault's are.
      `"cr_" + require("node:crypto").randomBytes(16).toString("base64url")`,
      `currentVersion: 1, ref: "coffre://prod/databases/" + news.name, status: "done"`,
    ),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(FOLDER, name), text);
}

const PROGRAM_SIDE = `import * as pulumi from "@pulumi/pulumi";

let instance;
const options = (opts) => ({ ...opts, provider: (instance ??= new Provider()), deleteBeforeReplace: true });
const code = (name) => \`exports.handler=()=>require("floors/dynamic/\${name}")\`;
const ownerKey = (kind, name) => \`\${pulumi.getProject()}/\${pulumi.getStack()}/\${kind}/\${name}\`;

class Provider extends pulumi.ProviderResource {
  constructor() {
    const { url } = new pulumi.Config("floors").requireObject("settings");
    super("pulumi-nodejs", "floors", { "coffre:stack": "organization/shop/dev", "coffre:url": url });
  }
}

export class Category extends pulumi.CustomResource {
  constructor(name, args = {}, opts = {}) {
    const inputs = { ...args, name, ownerKey: ownerKey("Category", name) };
    super("floors:index:Category", name, { ...inputs, path: undefined, __provider: code("category") }, options(opts));
  }
}

export class Credential extends pulumi.CustomResource {
  constructor(name, args = {}, opts = {}) {
    const outputs = { ref: undefined, currentVersion: undefined, status: undefined };
    const inputs = { ...args, name, ownerKey: ownerKey("Credential", name) };
    super("floors:index:Credential", name, { ...inputs, ...outputs, __provider: code("credential") }, options(opts));
  }
}
`;

const pluginSide = (id: string, outputs: string) => `process.on("SIGINT", () => process.exit(0)); // as the engine asks
module.exports = {
  configure: async () => {},
  check: async (_olds, news) => ({ inputs: news, failures: [] }),
  diff: async () => ({ changes: false }),
  create: async ({ __provider, ...news }) => ({
    id: ${id},
    outs: {
      ...news,
      ${outputs},
      ownerToken: "LO-clZ9U01kLhxVdAfvX",
      vaultStamp: "a2694c97-08d8-4319-9091-988b6e385346:0:4:",
    },
  }),
  read: async (id, props) => ({ id, props }),
  update: async (_id, _olds, news) => ({ outs: news }),
  delete: async () => {},
};
`;
