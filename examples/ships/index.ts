import { readFileSync } from "node:fs";
import * as coffre from "coffre";
import * as pulumi from "@pulumi/pulumi";
import { template } from "./template.ts";

// A thousand ships under contract: each has the same tree of categories, with the same policies and the same rights. A ship is
// known by its IMO number, so that one which is sold and renamed keeps what stands in its tree.
interface Ship {
  imo: string;
  name: string;
  /** Its mail domains, for the anti-spam system. */
  domains: string[];
}

const config = new pulumi.Config();
const file = config.get("ships") ?? "ships.json";
const ships = JSON.parse(readFileSync(file, "utf8")) as Ship[]; // the contracts' own export

const crew = new coffre.Group("Crew");
const technicians = new coffre.Group("Technicians");
const office = new coffre.Group("Office");
const fleet = new coffre.Category("Fleet");

// The anti-spam system checks with it who sends it a ship's domains; its administrator gets it by `coffre read`.
const signing = new coffre.Credential("anti-spam-hook", { username: "coffre" });
const antiSpam = config.get("antiSpam");

const trees = new coffre.CategoryTree("ships", {
  parentId: fleet.id,
  names: ships.map(({ imo, name, domains }) => ({ key: imo, name, data: { domains } })),
  template: template({ crew: crew.id, technicians: technicians.id, office: office.id }),
  ...(antiSpam === undefined ? {} : { notify: [{ url: antiSpam, secretRef: signing.idRef }] }),
});

export const count = ships.length;
export const where = trees.parentPath;
