import * as pulumi from "@pulumi/pulumi";
import * as coffre from "coffre";

// The application team owns its credentials, and nothing of the platform's: `pulumi config set platform …`.
const platform = new pulumi.StackReference(new pulumi.Config().require("platform"));

const shop = new coffre.Category("Shop", { parentId: platform.requireOutput("databasesId") });
const orders = new coffre.Credential("orders-app", {
  categoryId: shop.id,
  username: "orders_app",
  rotation: { everyDays: 90 },
});

// People that the platform team knows, found by name; a grant of this stack's own on what is its own.
const dba = coffre.getGroupOutput({ name: "DBA" });
const support = new coffre.Group("support");
new coffre.Grant("support-shop", { categoryId: shop.id, principalId: support.id, role: "reader" });

// The platform's credential, by the reference that its stack gives out: everything but the value.
const relay = coffre.getCredentialOutput({ ref: platform.requireOutput("relayRef") });

export const ref = orders.ref; // coffre://prod/Databases/Shop/orders-app
export const relayUser = relay.username;
export const managers = dba.displayName;
