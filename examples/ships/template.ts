import type * as pulumi from "@pulumi/pulumi";
import type { GrantRole, TreeTemplateArgs } from "coffre";

/** Ids of the groups that the trees' grants name. */
interface Groups {
  crew: pulumi.Input<string>;
  technicians: pulumi.Input<string>;
  office: pulumi.Input<string>;
}

/** What every ship has: twelve categories, the ship itself being the first. */
export function template({ crew, technicians, office }: Groups): TreeTemplateArgs {
  const to = (principalId: pulumi.Input<string>, role: GrantRole) => ({ principalId, role });
  return {
    description: "A ship under contract",
    passwordPolicy: { minLength: 16 },
    grants: [to(office, "manager"), to(technicians, "reader")],
    nodes: [
      {
        name: "Bridge",
        grants: [to(crew, "reader")],
        nodes: [{ name: "Radar" }, { name: "Radio" }, { name: "Charts" }],
      },
      {
        name: "Network",
        passwordPolicy: { minLength: 24, require: ["upper", "lower", "digit"] },
        grants: [to(technicians, "editor")],
        nodes: [{ name: "Routers" }, { name: "Switches" }, { name: "Satellite" }],
      },
      {
        // Who opens doors isn't the technicians' business.
        name: "Access control",
        inheritGrants: false,
        grants: [to(office, "manager"), to(crew, "reader")],
        nodes: [{ name: "Doors" }, { name: "Cameras" }],
      },
    ],
  };
}
