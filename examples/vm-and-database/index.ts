import * as pulumi from "@pulumi/pulumi";
import * as coffre from "coffre";

// Where the server is, and a file with its admin's password: `pulumi config set host …`. No secret is in it.
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

export const ref = orders.ref; // coffre://…/Databases/orders-app: a name, no value
export const version = orders.currentVersion;
