import * as coffre from "coffre";

// The platform team says where things stand, what passwords are like there, and who may read them.
const databases = new coffre.Category("Databases", {
  description: "Accounts of databases",
  passwordPolicy: { minLength: 24, require: ["upper", "lower", "digit"] },
});

const dba = new coffre.Group("DBA", { displayName: "Database administrators" });
const ana = new coffre.User("ana", { displayName: "Ana Ferreira", email: "ana@example.com" });
new coffre.GroupMembership("ana-dba", { groupId: dba.id, memberId: ana.id });
new coffre.Grant("dba-databases", { categoryId: databases.id, principalId: dba.id, role: "manager" });

// A password that every team's machines need: others get its reference, which is a name.
const relay = new coffre.Credential("mail-relay", { username: "relay", description: "The company's mail relay" });

export const databasesId = databases.id;
export const relayRef = relay.ref; // coffre://prod/mail-relay
