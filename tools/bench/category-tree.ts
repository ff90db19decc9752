import { createProject, type PulumiProject, succeed } from "../../test/fixtures/pulumi-project.ts";
import { createVault } from "../../test/stack/harness.ts";
import { type Cost, timedUp } from "./timed-up.ts";

/** Of the one resource, and of the long measurement of one each. */
const COPIES = 1_000;
/** One by one: the engine writes its whole state twice for each, so that 1,000 of them take minutes. */
const FEWER = 300;

/** One `up` each, on a vault in a file, from a stack that has the category and the groups. */
export interface TreeUps {
  copies: number;
  /** Makes the copies. */
  up: Cost;
  /** The one after that, which has nothing to do. */
  again: Cost;
  /** A rule more in the template. */
  change: Cost;
  stateBytes: number;
}

/** One resource with all names, and fewer copies with one each. */
export interface TreeTimes {
  bulk: TreeUps;
  singles: number;
  singlesUp: Cost;
}

/** 12 categories with policies, and 5 grants: a ship's. */
const PROGRAM = `import * as coffre from "coffre";
const fleet = new coffre.Category("Fleet");
const crew = new coffre.Group("Crew");
const office = new coffre.Group("Office");
const to = (who, role) => ({ principalId: who.id, role });
const template = {
  grants: [to(office, "manager"), to(crew, "reader")],
  nodes: [
    { name: "Bridge", passwordPolicy: { minLength: LENGTH }, grants: [to(crew, "editor")], nodes: [
      { name: "Radar" }, { name: "Radio" }, { name: "Charts" },
    ] },
    { name: "Network", passwordPolicy: { require: ["digit"] }, grants: [to(office, "editor")], nodes: [
      { name: "Routers" }, { name: "Switches" }, { name: "Satellite" },
    ] },
    { name: "Access control", inheritGrants: false, grants: [to(office, "manager")], nodes: [{ name: "Doors" }, { name: "Cameras" }] },
  ],
};
const names = Array.from({ length: COUNT }, (_, number) => "Ship " + String(number).padStart(4, "0"));
`;
const BULK = `if (names.length > 0) new coffre.CategoryTree("ships", { parentId: fleet.id, names, template });\n`;
const SINGLES = `for (const name of names) new coffre.CategoryTree(name, { parentId: fleet.id, template });\n`;

/** @see TreeTimes */
export async function measureCategoryTree(): Promise<TreeTimes> {
  const bulk = await onFreshStack((project) => measureUps(project, BULK, COPIES));
  const singlesUp = await onFreshStack((project) => timedProgram(project, program(SINGLES, FEWER)));
  return { bulk, singles: FEWER, singlesUp };
}

/** All copies by one resource each: minutes. */
export function measureSingles(): Promise<TreeUps> {
  return onFreshStack((project) => measureUps(project, SINGLES, COPIES));
}

async function measureUps(project: PulumiProject, resources: string, copies: number): Promise<TreeUps> {
  const up = await timedProgram(project, program(resources, copies));
  const again = await timedProgram(project, program(resources, copies));
  const change = await timedProgram(project, program(resources, copies, 24));
  return { copies, up, again, change, stateBytes: (await project.stateText()).length };
}

async function onFreshStack<T>(work: (project: PulumiProject) => Promise<T>): Promise<T> {
  const project = await createProject({ program: program(BULK, 0) });
  try {
    const vault = await createVault(project.folder);
    project.env["COFFRE_KEY_FILE"] = vault.keyFile;
    await project.setConfig("coffre:url", vault.url);
    succeed(await project.up());
    return await work(project);
  } finally {
    await project.remove();
  }
}

async function timedProgram(project: PulumiProject, text: string): Promise<Cost> {
  await project.setProgram(text);
  return timedUp(project);
}

function program(resources: string, count: number, length = 20): string {
  return `${PROGRAM.replace("COUNT", String(count)).replace("LENGTH", String(length))}${resources}`;
}
