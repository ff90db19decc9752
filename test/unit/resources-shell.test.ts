import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { createServer, type Server } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import * as coffre from "../../provider/index.js";
import { SETTING_NAMES as EVERY_SETTING } from "../../provider/config/settings.js";
import { engineAddress, watchEngine } from "../../provider/shell/engine-watch.js";
import { categoryTreeHandlers } from "../../provider/resources/category-tree/handlers.js";
import { transferHandlers } from "../../provider/resources/transfer/handlers.js";
import { limitConcurrency } from "../../provider/core/limit.js";
import { configurationOf } from "../../provider/shell/settings.js";
import { SETTING_NAMES } from "../../provider/shell/settings-keys.js";

/** What a program registers with the engine. */
interface Registered {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
  provider: string | undefined;
}

/** Runs a program without an engine. @returns what it registered, by name */
async function registered(program: () => void, config: Record<string, string> = {}): Promise<Map<string, Registered>> {
  const found = new Map<string, Registered>();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, provider }) => {
        found.set(name, { type, name, inputs: inputs as Registered["inputs"], provider });
        return { id: `${name}-id`, state: inputs as object };
      },
      call: () => ({}),
    },
    "shop",
    "dev",
  );
  pulumi.runtime.setAllConfig(config);
  program();
  await pulumi.runtime.disconnect(); // waits for every registration
  return found;
}

class Site extends pulumi.ComponentResource {
  constructor(name: string, options: pulumi.ComponentResourceOptions = {}) {
    super("acme:index:Site", name, {}, options);
    new coffre.Credential("inner", {}, { parent: this });
    this.registerOutputs();
  }
}

describe("a misspelt setting", () => {
  test("of a provider is refused, since it would mean the stack's own", async () => {
    const misspelt = { urll: "file://./other.db" } as coffre.ProviderArgs;
    await registered(() => {
      expect(() => new coffre.Provider("other", misspelt)).toThrow(
        'CONFIGURATION: A provider has no property "urll" (did you mean "url"?)',
      );
    });
  });

  test("of the stack is warned of, once, without its value; a project's own keys aren't", async () => {
    const warn = jest.spyOn(pulumi.log, "warn").mockImplementation(async () => undefined);
    try {
      const config = { "coffre:tokn": "hunter2", "coffre:url": "file://./a.db", "shop:tokn": "x" };
      await registered(() => {
        new coffre.Category("a");
        new coffre.Category("b");
      }, config);
      expect(warn.mock.calls.map(([text]) => text)).toEqual([
        'The stack\'s configuration has coffre:tokn, and Coffre has no setting "tokn" (did you mean "token"?)',
      ]);
    } finally {
      warn.mockRestore();
    }
  });
});

describe("a program registers", () => {
  test("resources under their final types, with the code named and not captured", async () => {
    const found = await registered(() => {
      new coffre.Credential("smtp", { username: "mailer" });
      new coffre.Category("mail", { name: "Mail" });
    });
    expect(found.get("smtp")).toMatchObject({
      type: "coffre:index:Credential",
      inputs: {
        name: "smtp",
        username: "mailer",
        ownerKey: "shop/dev/Credential/smtp",
        __provider: 'exports.handler=()=>require("coffre/dynamic/credential")',
      },
    });
    expect(found.get("mail")?.inputs).toMatchObject({ name: "Mail", ownerKey: "shop/dev/Category/mail" });
  });

  test("a tree by its own name, or by the names of its copies, and none whose template holds itself", async () => {
    const shared: coffre.TreeNodeArgs = { name: "Lockers" };
    const template = {
      nodes: [
        { name: "Bridge", nodes: [shared] },
        { name: "Engine", nodes: [shared] },
      ],
    };
    const found = await registered(() => {
      new coffre.CategoryTree("Aurora", { template });
      new coffre.CategoryTree("ships", { names: ["Borealis"], template });
    });
    expect(found.get("Aurora")).toMatchObject({
      type: "coffre:index:CategoryTree",
      inputs: {
        name: "Aurora",
        template,
        ownerKey: "shop/dev/CategoryTree/Aurora",
        __provider: 'exports.handler=()=>require("coffre/dynamic/category-tree")',
      },
    });
    expect(found.get("ships")?.inputs).not.toHaveProperty("name");
    const nodes: coffre.TreeNodeArgs[] = [];
    nodes.push({ name: "Bridge", nodes });
    const loop = await registered(() => new coffre.CategoryTree("loop", { template: { nodes } }));
    const { failures } = await categoryTreeHandlers.checkOffline(loop.get("loop")?.inputs ?? {});
    expect(failures).toEqual([{ property: "", reason: expect.stringContaining("template: holds itself") }]);
  });

  test("a drop-box by its own name, with everything that comes out of it, and one that is only looked at by its id", async () => {
    const found = await registered(() => {
      new coffre.DropBox("acme", { recipients: ["ana@acme.example"] });
      coffre.DropBox.get("looked", "bx_1");
    });
    expect(found.get("acme")).toMatchObject({
      type: "coffre:index:DropBox",
      inputs: {
        name: "acme",
        recipients: ["ana@acme.example"],
        ownerKey: "shop/dev/DropBox/acme",
        __provider: 'exports.handler=()=>require("coffre/dynamic/drop-box")',
      },
    });
    for (const declared of ["recipients", "ownerKey"]) expect(found.get("looked")?.inputs).not.toHaveProperty(declared);
  });

  test("a transfer by where its files lie, with the password as a secret, and nothing of a text asset", async () => {
    const found = await registered(() => {
      const asset = new pulumi.asset.FileAsset("./report.pdf");
      const files = [asset, "./notes.txt", { path: pulumi.output("./b.txt"), name: "c.txt" }];
      new coffre.Transfer("report", { files, from: "Ana", password: "correct horse battery" });
      coffre.Transfer.get("looked", "tr_1");
    });
    expect(found.get("report")).toMatchObject({
      type: "coffre:index:Transfer",
      inputs: {
        files: [{ path: "./report.pdf" }, { path: "./notes.txt" }, { path: "./b.txt", name: "c.txt" }],
        from: "Ana",
        ownerKey: "shop/dev/Transfer/report",
        __provider: 'exports.handler=()=>require("coffre/dynamic/transfer")',
      },
    });
    for (const declared of ["files", "ownerKey"]) expect(found.get("looked")?.inputs).not.toHaveProperty(declared);
    const text = new pulumi.asset.StringAsset("a value") as unknown as string; // as a program without types would
    const refused = await registered(() => {
      new coffre.Transfer("text", { files: [text], from: "Ana" });
    });
    expect(refused.get("text")?.inputs).toMatchObject({ files: [{}] });
    const path = "./report.pdf" as unknown as string[]; // the same program
    const alone = await registered(() => {
      new coffre.Transfer("path", { files: path, from: "Ana" });
      new coffre.Transfer("asset", { files: text as unknown as string[], from: "Ana" });
    });
    for (const [name, kind] of [
      ["path", "text"],
      ["asset", "an object"],
    ] as const) {
      const { failures } = await transferHandlers.checkOffline(alone.get(name)?.inputs ?? {});
      expect(failures).toEqual([{ property: "", reason: `files: must be a list, not ${kind}` }]);
    }
    expect(JSON.stringify(alone.get("asset"))).not.toContain("a value");
    expect(JSON.stringify(refused.get("text"))).not.toContain("a value");
  });

  test("one default instance with the settings of the stack, and no other namespace's", async () => {
    const config = { "coffre:url": "file://./coffre.db", "coffre:rotateDue": "true", "aws:region": "eu-west-3" };
    const found = await registered(() => {
      new coffre.Credential("one");
      new coffre.Credential("two");
    }, config);
    const instances = [...found.values()].filter(({ type }) => type === "pulumi:providers:pulumi-nodejs");
    expect(instances).toHaveLength(1);
    expect(instances[0]?.inputs).toEqual({
      "coffre:url": "file://./coffre.db",
      "coffre:rotateDue": "true",
      "coffre:stack": "organization/shop/dev",
    });
  });

  test("an instance of its own with what the program says, and of the stack only rotateDue", async () => {
    const config = { "coffre:url": "file://./coffre.db", "coffre:rotateDue": "true", "coffre:owner": "team-b" };
    const found = await registered(() => {
      new coffre.Provider("robots", { url: "file://./robots.db", previewReads: false });
    }, config);
    expect(found.get("robots")?.inputs).toEqual({
      "coffre:provider:url": "file://./robots.db",
      "coffre:provider:previewReads": "false",
      "coffre:rotateDue": "true",
      "coffre:stack": "team-b/organization/shop/dev",
    });
  });

  test("children of a component with its provider, and a mark that names the component's type", async () => {
    const found = await registered(() => {
      new Site("site", { providers: [new coffre.Provider("robots", { url: "file://./robots.db" })] });
    });
    expect(found.get("inner")?.inputs).toMatchObject({ ownerKey: "shop/dev/acme:index:Site$Credential/inner" });
    expect(found.get("inner")?.provider).toContain("::robots::");
    expect(found.has("coffre")).toBe(false); // no default instance is made where none is needed
  });

  test("a target as a list of one, and refuses target beside targets", async () => {
    const target = coffre.postgres({ host: "db", admin: { username: "dba", passwordFile: "/run/dba" } });
    const found = await registered(() => {
      new coffre.Credential("orders", { username: "orders", target });
    });
    expect(found.get("orders")?.inputs).toMatchObject({ targets: [{ kind: "postgres", host: "db" }] });
    expect(() => new coffre.Credential("both", { target, targets: [target] })).toThrow(
      "give target or targets, not both",
    );
  });

  test("no password that somebody wrote into the program, and says where it belongs", () => {
    const args = { username: "mailer", password: "hunter2" } as coffre.CredentialArgs; // Node runs it unchecked
    let said = "";
    try {
      new coffre.Credential("smtp", args);
    } catch (error) {
      said = String(error);
    }
    expect(said).toMatch(/Credential smtp: password isn't an input.*source: "typed".*`coffre put`/);
    expect(said).not.toContain("hunter2");
  });
});

describe("settings", () => {
  test("the list that a program loads is the list that is parsed", () => {
    expect([...SETTING_NAMES].sort()).toEqual([...EVERY_SETTING].sort());
  });

  test("an instance's own come before the environment, and the stack's after it", () => {
    const before = process.env["COFFRE_URL"];
    process.env["COFFRE_URL"] = "file:///environment.db";
    try {
      const read = (properties: Record<string, string>) => configurationOf((key) => properties[key]).url?.path;
      expect(read({ "coffre:provider:url": "file:///own.db", "coffre:url": "file:///stack.db" })).toBe("/own.db");
      expect(read({ "coffre:url": "file:///stack.db" })).toBe("/environment.db");
    } finally {
      if (before === undefined) delete process.env["COFFRE_URL"];
      else process.env["COFFRE_URL"] = before;
    }
  });
});

describe("the plugin process", () => {
  let engine: Server | undefined;
  afterEach(() => {
    engine?.close();
  });

  test("finds its engine's address, and notices when it is gone, but not when it drops a silent connection", async () => {
    expect(engineAddress(["node", "plugin", "127.0.0.1:4711"])).toBe("127.0.0.1:4711");
    expect(engineAddress(["node", "plugin", "--logtostderr"])).toBeUndefined();
    let connections = 0;
    engine = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => engine?.listen(0, "127.0.0.1", resolve));
    const address = engine.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const gone = jest.fn();
    watchEngine(`127.0.0.1:${String(address.port)}`, gone);
    while (connections < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(gone).not.toHaveBeenCalled();
    engine.close();
    while (gone.mock.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(gone).toHaveBeenCalledTimes(1);
  });

  test("lets so many handlers run at once, and goes on after one that failed", async () => {
    const limit = limitConcurrency(2);
    let running = 0;
    let most = 0;
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        limit(async () => {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setTimeout(resolve, 2));
          running--;
          if (index === 3) throw new Error("one fails");
          return index;
        }),
      ),
    );
    expect(most).toBe(2);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(9);
  });
});
