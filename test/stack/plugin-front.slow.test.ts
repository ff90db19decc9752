import { expect, test } from "@jest/globals";
import { chmod } from "node:fs/promises";
import { join, resolve } from "node:path";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, output, resourceNamed, versionsOf } from "./harness.ts";

const PACKAGE = resolve(import.meta.dirname, "../.work/pkg/node_modules/coffre/dist");

// A plugin of the test's own on the same handlers, as a later release may ship one: small, and only what this test asks.
const PLUGIN = `#!/usr/bin/env node
const { createRequire } = require("node:module");
const fromHere = createRequire(process.cwd() + "/package.json");
const sdk = fromHere.resolve("@pulumi/pulumi/package.json");
const need = createRequire(sdk);
const grpc = need("@grpc/grpc-js");
const services = need("./proto/provider_grpc_pb");
const messages = need("./proto/provider_pb");
const { PluginInfo } = need("./proto/plugin_pb");
const { Empty } = need("google-protobuf/google/protobuf/empty_pb");
const { Struct } = need("google-protobuf/google/protobuf/struct_pb");
const front = () => import(${JSON.stringify(join(PACKAGE, "shell/front.js"))});

let config = {};
const lookup = (key) => (key === "coffre:stack" ? "organization/shop/dev" : config[key.replace(/^coffre:/, "")]);
const kindOf = (request) => (request.getUrn().includes("coffre:index:Category") ? "category" : "credential");
const plain = (struct) => {
  const { __provider, ...properties } = struct?.toJavaScript() ?? {}; // what the dynamic front left in the state
  return properties;
};
const answer = (Message, fill) => async (call, callback) => {
  try {
    const message = new Message();
    await fill(message, call.request);
    callback(null, message);
  } catch (error) {
    callback({ code: grpc.status.UNKNOWN, details: error.message });
  }
};
const same = (Message) => answer(Message, (message, request) => message.setInputs(request.getNews()));

const server = new grpc.Server();
server.addService(services.ResourceProviderService, {
  getPluginInfo: answer(PluginInfo, (message) => message.setVersion("0.2.0")),
  checkConfig: same(messages.CheckResponse),
  diffConfig: answer(messages.DiffResponse, (message) => message.setChanges(1)),
  configure: answer(messages.ConfigureResponse, (message, request) => {
    config = request.getArgs()?.toJavaScript() ?? {};
    message.setAcceptsecrets(false);
  }),
  check: answer(messages.CheckResponse, async (message, request) => {
    const { inputs, failures } = await (await front()).check(kindOf(request), lookup, plain(request.getOlds()), plain(request.getNews()));
    if (failures.length > 0) throw new Error(failures[0].reason);
    message.setInputs(Struct.fromJavaScript(inputs));
  }),
  diff: answer(messages.DiffResponse, async (message, request) => {
    const { changes } = await (await front()).diff(kindOf(request), lookup, request.getId(), plain(request.getOlds()), plain(request.getNews()));
    message.setChanges(changes ? 2 : 1);
  }),
  update: answer(messages.UpdateResponse, async (message, request) => {
    const { outs } = await (await front()).update(kindOf(request), lookup, request.getId(), plain(request.getOlds()), plain(request.getNews()));
    message.setProperties(Struct.fromJavaScript(outs));
  }),
  delete: answer(Empty, async (_message, request) => (await front()).remove(kindOf(request), lookup, request.getId(), plain(request.getProperties()))),
  cancel: answer(Empty, () => {}),
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_error, port) => console.log(port));
`;

const DYNAMIC = `
const mail = new coffre.Category("Mail");
new coffre.Credential("smtp", { categoryId: mail.id, username: "mailer", tags: ["mail"] });
`;

/** The same program as a later release would register it: no code in the resources, and the package's own plugin. */
const ON_THE_PLUGIN = (more = "") => `import * as pulumi from "@pulumi/pulumi";
const mail = new pulumi.CustomResource("coffre:index:Category", "Mail", {
  name: "Mail", ownerKey: "shop/dev/Category/Mail", path: undefined,
});
new pulumi.CustomResource("coffre:index:Credential", "smtp", {
  name: "smtp", ownerKey: "shop/dev/Credential/smtp", categoryId: mail.id, username: "mailer", tags: ["mail"], ref: undefined, ${more}
});
`;

test("the same state, taken over by a plugin, is unchanged, and lives on there", async () => {
  const { project, vault } = await createVaultProject(DYNAMIC);
  try {
    succeed(await project.up());
    const before = await resourceNamed(project, "smtp");

    await project.write({ "plugin/pulumi-resource-coffre": PLUGIN, "plugin/package.json": "{}" });
    await chmod(join(project.folder, "plugin/pulumi-resource-coffre"), 0o755);
    project.env["PATH"] = `${join(project.folder, "plugin")}:${project.env["PATH"] ?? ""}`;
    await project.setProgram(ON_THE_PLUGIN());
    const taken = succeed(await project.up());
    expect(output(taken)).toMatch(/- 1 deleted\s+3 unchanged/); // the provider instance goes, the stack and ours stay
    const after = await resourceNamed(project, "smtp");
    expect(after.urn).toBe(before.urn);
    expect(after.id).toBe(before.id);

    await project.setProgram(ON_THE_PLUGIN('rotateWhenChanged: { n: "2" },'));
    succeed(await project.up());
    expect(await versionsOf(vault, ["Mail", "smtp"])).toBe("1 previous, 2 current");
    succeed(await project.destroy());
    expect(await versionsOf(vault, ["Mail", "smtp"])).toBe("");
  } finally {
    await project.remove();
  }
}, 120_000);
