import * as pulumi from "@pulumi/pulumi";
import * as coffre from "coffre";

// `pulumi config set port 2323`, where the switch listens, and factoryFile, a file with the maker's password. No secret is in
// the configuration.
const config = new pulumi.Config();
const host = config.get("host") ?? "127.0.0.1";
const port = config.requireNumber("port");

const network = new coffre.Category("Network", {
  passwordPolicy: { minLength: 20, require: ["upper", "lower", "digit"] },
});

// One program does everything: it is told by `operation` what to do. It stands in the folder that COFFRE_COMMANDS names.
const program = { argv: ["switch.mjs"] };
const target = { host, port, look: program, set: program, verify: program, remove: program, repeatable: true };

// The admin changes its own password. The first time it logs in with the maker's, which is read from a file; then that one is
// proven to be refused, and its entry is archived. It stands outside of the category, whose policy it breaks.
const factory = new coffre.Credential("netadmin-factory", {
  source: { file: config.require("factoryFile"), revision: "1" },
});
const admin = new coffre.Credential("netadmin", {
  categoryId: network.id,
  username: "netadmin",
  target: coffre.command({ ...target, initialRef: factory.idRef }),
  rotation: { everyDays: 30 },
});

// Everybody else is set by the admin.
const operator = new coffre.Credential("operator", {
  categoryId: network.id,
  username: "operator",
  target: coffre.command({ ...target, adminRef: admin.idRef, account: { create: true } }),
  rotation: { everyDays: 90 },
  rotateWhenChanged: { reason: config.get("reason") ?? "none" },
});

export const ref = operator.ref; // coffre://prod/Network/operator
export const version = operator.currentVersion;
