import { createProject, type PulumiProject, succeed } from "../../test/fixtures/pulumi-project.ts";
import { createVault } from "../../test/stack/harness.ts";
import { timedUp } from "./timed-up.ts";

/** Of the one resource. */
const COPIES = 1_000;
/** One by one: the engine writes its whole state twice for each, so that 1,000 of them take minutes. */
const FEWER = 300;

/** One `up` each, on a vault in a file, from a stack that has the category and the groups. */
export interface TreeTimes {
  /** One resource with all names. */
  bulkSeconds: number;
  /** The `up` after that, which has nothing to do. */
  bulkAgainSeconds: number;
  /** A rule more in the template. */
  bulkChangeSeconds: number;
  bulkStateBytes: number;
  /** One resource for each copy. */
  singlesSeconds: number;
  copies: number;
  singles: number;
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

/** @param singles how many of them are made one by one */
export async function measureCategoryTree(singles = FEWER): Promise<TreeTimes> {
  const bulk = await onFreshStack(async (project) => {
    const made = await timedProgram(project, program(BULK, COPIES));
    const again = await timedProgram(project, program(BULK, COPIES));
    const changed = await timedProgram(project, program(BULK, COPIES, 24));
    return { made, again, changed, bytes: (await project.stateText()).length };
  });
  const singlesSeconds = await onFreshStack((project) => timedProgram(project, program(SINGLES, singles)));
  return {
    bulkSeconds: bulk.made,
    bulkAgainSeconds: bulk.again,
    bulkChangeSeconds: bulk.changed,
    bulkStateBytes: bulk.bytes,
    singlesSeconds,
    copies: COPIES,
    singles,
  };
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

async function timedProgram(project: PulumiProject, text: string): Promise<number> {
  await project.setProgram(text);
  return (await timedUp(project)).wallSeconds;
}

function program(resources: string, count: number, length = 20): string {
  return `${PROGRAM.replace("COUNT", String(count)).replace("LENGTH", String(length))}${resources}`;
}
