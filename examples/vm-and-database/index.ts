import * as pulumi from "@pulumi/pulumi";
import * as coffre from "coffre";

// Where machine and server are, and files by which their admins log in: `pulumi config set host …`. No secret is in it.
const config = new pulumi.Config();

const databases = new coffre.Category("Databases", {
  description: "Accounts of databases",
  passwordPolicy: { minLength: 24, require: ["upper", "lower", "digit"] },
});

// The role is made if it is missing. Its password is drawn, kept in the vault, set, and proven by a login.
const orders = new coffre.Credential("orders-app", {
  categoryId: databases.id,
  username: "orders_app",
  description: "The account of the orders application",
  target: coffre.postgres({
    host: config.require("host"),
    port: config.requireNumber("port"),
    database: config.get("database") ?? "postgres",
    admin: {
      username: config.get("adminUsername") ?? "postgres",
      passwordFile: config.require("adminPasswordFile"),
    },
    account: { create: true },
  }),
  rotation: { everyDays: 90 },
});

// Whoever runs these systems may read what they need; a grant of the category holds for everything in it.
const operators = new coffre.Group("operators", { displayName: "Operators" });
new coffre.Grant("operators-databases", { categoryId: databases.id, principalId: operators.id, role: "reader" });

// The machine's account is made over SSH. `identity` says which machine it is: a new one under the same name gets a new
// password. On a cloud's machine it is `vm.id`, the address `vm.publicIp`.
const vmHost = config.get("vmHost");
const deploy = vmHost === undefined ? undefined : machineAccount(vmHost);

function machineAccount(host: string): coffre.Credential {
  const machines = new coffre.Category("Machines", {
    description: "Accounts of machines",
    passwordPolicy: { minLength: 20, require: ["upper", "lower", "digit", "symbol"] },
  });
  new coffre.Grant("operators-machines", { categoryId: machines.id, principalId: operators.id, role: "reader" });
  return new coffre.Credential("deploy", {
    categoryId: machines.id,
    username: "deploy",
    description: "The account that deployments use",
    target: coffre.linux({
      host,
      port: config.getNumber("vmPort") ?? 22,
      hostKey: config.require("vmHostKey"),
      identity: config.require("vmId"),
      admin: { username: config.require("vmAdmin"), keyFile: config.require("vmAdminKeyFile") },
      account: { create: true, shell: "/bin/bash" },
      waitFor: { timeoutSeconds: 60 },
    }),
    rotation: { everyDays: 90 },
  });
}

export const ref = orders.ref; // coffre://…/Databases/orders-app: a name, no value
export const version = orders.currentVersion;
export const machineRef = deploy?.ref; // coffre://…/Machines/deploy
export const machineVersion = deploy?.currentVersion;
