// What a program may write, and what its author is told while typing. Compiled, never run.
import * as pulumi from "@pulumi/pulumi";
import * as coffre from "coffre";
import { type Equal, holds } from "./equality.js";

declare const vm: { id: pulumi.Output<string>; publicIp: pulumi.Output<string>; port: pulumi.Output<number> };

const databases = new coffre.Category("databases", {
  passwordPolicy: { minLength: 24, require: ["upper", "lower", "digit"], minCounts: { symbol: 2 } },
});
const admin = new coffre.Credential("dba", { categoryId: databases.id, username: "dba" });
const orders = new coffre.Credential("orders-app", {
  categoryId: databases.id,
  username: "orders_app",
  target: coffre.postgres({
    host: vm.publicIp,
    port: vm.port,
    database: "orders",
    adminRef: admin.idRef,
    account: { create: true, memberOf: ["orders_rw", vm.id] },
    identity: vm.id,
  }),
  rotation: { everyDays: 90 },
  rotateWhenChanged: { image: vm.id },
});

// Everything may be an output, at any depth.
new coffre.Credential("everything", {
  name: vm.id,
  categoryId: vm.id,
  tags: [vm.id, "tag"],
  rotation: vm.port.apply((everyDays) => ({ everyDays, when: "up" as const })),
  targets: [coffre.postgres({ host: vm.id, verifyHosts: pulumi.output(["replica"]), limits: { setMs: vm.port } })],
  adopt: true,
  onDelete: "delete",
  valueManagedBy: "coffre",
});
new coffre.Credential("nothing");
new coffre.Credential("brought", {
  source: "typed",
  fields: { contact: "ana@example.com", machine: vm.id },
  secretFields: {
    token: { source: "typed" },
    totp: { type: "totp", source: { env: "MAIL_TOTP", revision: "1" } },
    "tls.key": { type: "file", source: { file: "tls.key", revision: vm.id } },
    later: pulumi.output({ source: { file: vm.id, revision: "1" } }),
  },
});
new coffre.Credential("read", { source: { file: "token", revision: vm.id } });
new coffre.Credential(
  "options",
  {},
  { provider: new coffre.Provider("robots", { url: vm.id }), dependsOn: [databases] },
);
new coffre.Category("nested", { parentId: databases.id, adopt: "ct_x", onDelete: "keep" });

export const box = new coffre.DropBox("acme", {
  categoryId: databases.id,
  recipients: [vm.id, "ana@acme.example"],
  managers: pulumi.output(["cy@example.com"]),
  expiresAt: vm.id,
  maxFileBytes: vm.port,
  partitioned: true,
  fileTypes: ["pdf"],
  onNameConflict: "replace",
  adopt: "bx_x",
  onDelete: "archive",
});

export const transfer = new coffre.Transfer("report", {
  categoryId: databases.id,
  files: [new pulumi.asset.FileAsset("./report.pdf"), vm.id, { path: vm.id, name: "notes.txt" }],
  from: "Example Ltd",
  to: [vm.id, "bo@example.com"],
  expiresAfterDays: vm.port,
  generatePassword: true,
});

// What comes out.
holds<Equal<typeof box.url, pulumi.Output<string | undefined>>>();
holds<Equal<typeof box.depositCount, pulumi.Output<number>>>();
holds<Equal<typeof box.status, pulumi.Output<"open" | "expired" | "closed" | "archived">>>();
holds<Equal<ReturnType<typeof coffre.DropBox.get>, coffre.DropBox>>();
holds<Equal<typeof transfer.url, pulumi.Output<string | undefined>>>();
holds<Equal<typeof transfer.expiresAt, pulumi.Output<string>>>();
holds<Equal<typeof transfer.status, pulumi.Output<"draft" | "open" | "used" | "locked" | "expired" | "archived">>>();
holds<Equal<typeof orders.ref, pulumi.Output<string>>>();
holds<Equal<typeof orders.idRef, pulumi.Output<string>>>();
holds<Equal<typeof orders.password, pulumi.Output<string>>>();
holds<Equal<typeof orders.currentVersion, pulumi.Output<number | undefined>>>();
holds<Equal<typeof orders.status, pulumi.Output<"done" | "unfinished" | "awaiting-value">>>();
holds<Equal<typeof databases.path, pulumi.Output<string>>>();
holds<Equal<ReturnType<typeof coffre.Credential.get>, coffre.Credential>>();
holds<Equal<ReturnType<typeof coffre.Category.get>, coffre.Category>>();
coffre.Credential.get("looked-up", vm.id, { provider: new coffre.Provider("robots") }).ref.apply((ref) => ref.length);

// What can't be meant.
// @ts-expect-error a policy has no such rule
new coffre.Category("a", { passwordPolicy: { minimumLength: 24 } });
// @ts-expect-error a box is for somebody
new coffre.DropBox("a", { managers: ["cy@example.com"] });
// @ts-expect-error there is no such way to delete
new coffre.DropBox("b", { recipients: [], onDelete: "purge" });
// @ts-expect-error what a text asset holds would stand in the state
new coffre.Transfer("a", { from: "Example Ltd", files: [new pulumi.asset.StringAsset("a value")] });
// @ts-expect-error a transfer says who sends
new coffre.Transfer("b", { files: ["./report.pdf"] });
// @ts-expect-error a class of characters that doesn't exist
new coffre.Category("b", { passwordPolicy: { require: ["emoji"] } });
// @ts-expect-error a rhythm needs its days
new coffre.Credential("c", { rotation: { when: "up" } });
// @ts-expect-error there is no such time
new coffre.Credential("d", { rotation: { everyDays: 1, when: "sometimes" } });
// @ts-expect-error adopting is said with an id or with true
new coffre.Credential("e", { adopt: false });
// @ts-expect-error a value never stands in a program
new coffre.Credential("f", { password: "hunter2" });
// @ts-expect-error a source has a revision
new coffre.Credential("f1", { source: { file: "token" } });
// @ts-expect-error a source is a file or a variable
new coffre.Credential("f2", { source: { value: "hunter2" } });
// @ts-expect-error the value of a secret field never stands in a program
new coffre.Credential("f3", { secretFields: { token: { value: "hunter2" } } });
// @ts-expect-error text stands in fields
new coffre.Credential("f4", { secretFields: { note: { type: "text", source: "typed" } } });
// @ts-expect-error nobody generates a field
new coffre.Credential("f5", { secretFields: { token: { source: "generated" } } });
// @ts-expect-error a target is made by a function such as coffre.postgres
new coffre.Credential("g", { target: "postgres://db" });
// @ts-expect-error a server has a name
coffre.postgres({ database: "orders" });
// @ts-expect-error an admin's password comes from the environment, a file or a reference
coffre.postgres({ host: "db", admin: { username: "dba", password: "hunter2" } });
// @ts-expect-error a device needs programs that set and prove
coffre.command({ host: "switch-1", repeatable: true });
// @ts-expect-error what a set in doubt comes to has no default
coffre.command({ host: "switch-1", set: { argv: ["switch"] }, verify: "none", look: { argv: ["switch"] } });
// @ts-expect-error outputs are read only
orders.ref = vm.id;
// @ts-expect-error the password is read only
orders.password = vm.id;
