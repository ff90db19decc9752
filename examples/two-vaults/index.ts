import * as coffre from "coffre";

// The source of truth: people, Pulumi and Coffre work here.
const databases = new coffre.Category("Databases", {
  passwordPolicy: { minLength: 24, require: ["upper", "lower", "digit"] },
});
const orders = new coffre.Credential("orders-app", {
  categoryId: databases.id,
  username: "orders_app",
  fields: { host: "orders.example.com", port: "5432" },
});
const reports = new coffre.Credential("reports-app", { categoryId: databases.id, username: "reports_app" });
new coffre.Credential("break-glass", { username: "root" }); // outside of Databases: no machine ever sees it

// The copies for machines, in the vault that the stack's configuration calls `machines`.
const copies = new coffre.VaultSync(
  "machines",
  { to: "machines", categoryId: databases.id, prefix: "prod" },
  { dependsOn: [orders, reports] }, // so that what this up makes is copied by this up
);

export const copied = copies.copied;
