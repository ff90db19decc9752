import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProject, type PulumiProject, succeed } from "../../test/fixtures/pulumi-project.ts";
import { createVault } from "../../test/stack/harness.ts";
import { installFloor } from "./floor-package.ts";
import { interleaved, median } from "./statistics.ts";
import { type Cost, timedUp } from "./timed-up.ts";

const RESOURCES = 100;
const ROUNDS = 5;

/** Medians of one `up` that creates {@link RESOURCES} resources in a stack that has their category already. */
export interface SingleCreate {
  floor: Cost;
  ours: Cost;
  /** The state's growth, a resource. */
  stateBytes: number;
}

/** One side of the comparison: a project that can be put back to before its resources were made. */
interface Side {
  name: "floors" | "coffre";
  project: PulumiProject;
  /** The files of state, and of the vault if it has one, as they were then. */
  saved: string;
}

/**
 * 100 credentials without target against 100 resources of the same shape that do nothing: both on the SDK's dynamic
 * provider, from a packed package, in a category that is an output of the program; 12-character names.
 */
export async function measureSingleCreate(): Promise<SingleCreate> {
  await installFloor();
  const scratch = await mkdtemp(join(tmpdir(), "coffre-bench-"));
  const sides: Side[] = [];
  try {
    for (const name of ["floors", "coffre"] as const) sides.push(await prepare(name, join(scratch, name)));
    const [floor, ours] = sides;
    if (!floor || !ours) throw new Error("two sides are compared");
    const before = (await ours.project.stateText()).length;
    const costs = await interleaved(ROUNDS, { floor: () => create(floor), ours: () => create(ours) });
    const stateBytes = ((await ours.project.stateText()).length - before) / RESOURCES;
    return { floor: medianCost(costs.floor), ours: medianCost(costs.ours), stateBytes };
  } finally {
    for (const { project } of sides) await project.remove();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function prepare(name: "floors" | "coffre", saved: string): Promise<Side> {
  const project = await createProject({ program: program(name, 0) });
  const vault = await createVault(project.folder);
  project.env["COFFRE_KEY_FILE"] = vault.keyFile;
  // The floor gets the URL too, since what is configured stands in the state of both.
  if (name === "coffre") await project.setConfig("coffre:url", vault.url);
  else await project.setConfig("floors:settings", JSON.stringify({ url: vault.url }));
  succeed(await project.up());
  await cp(project.folder, saved, { recursive: true });
  return { name, project, saved };
}

async function create({ name, project, saved }: Side): Promise<Cost> {
  await rm(project.folder, { recursive: true });
  await cp(saved, project.folder, { recursive: true });
  await project.setProgram(program(name, RESOURCES));
  return timedUp(project);
}

function program(name: "floors" | "coffre", count: number): string {
  return `import * as made from "${name}";
const databases = new made.Category("databases");
for (let number = 0; number < ${count}; number++) {
  const name = "entry-" + String(number).padStart(6, "0");
  new made.Credential(name, { categoryId: databases.id, username: name });
}
`;
}

function medianCost(costs: readonly Cost[]): Cost {
  return {
    wallSeconds: median(costs.map(({ wallSeconds }) => wallSeconds)),
    cpuSeconds: median(costs.map(({ cpuSeconds }) => cpuSeconds)),
  };
}
