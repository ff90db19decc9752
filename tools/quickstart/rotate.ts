import { existsSync } from "node:fs";
import { coffre } from "./children.ts";
import { findRegistered, type Registered, readValue } from "./credential.ts";
import { logsIn, startDatabase } from "./database.ts";
import { logsInBySsh, startMachine } from "./machine.ts";
import { findPlaces, type Places } from "./places.ts";
import { print, rows, style, Trouble } from "./screen.ts";
import { refOf } from "./up.ts";

/** Whether the two passwords of a rotation are what they should be. */
interface Tried {
  isNewAccepted: boolean;
  isOldRefused: boolean;
}

/** Rotates the example's accounts, and tries the passwords before and the ones after. */
export async function showRotation(): Promise<void> {
  const places = findPlaces();
  if (!existsSync(places.vault) || !existsSync(places.configuration)) {
    throw new Trouble("There is nothing to rotate yet", "Run `npm run quickstart` first.");
  }
  const server = await startDatabase(places);
  const { database, machine } = await findRegistered();
  const login = { host: server.host, port: server.port, user: database.username };
  if (machine) {
    await startMachine(places);
    await rotate(machine, () => tryMachine(places, machine));
    print();
  }
  const oldValue = await readValue(database.ref);
  await rotate(database, async () => ({
    isNewAccepted: await logsIn({ ...login, password: await readValue(database.ref) }),
    isOldRefused: !(await logsIn({ ...login, password: oldValue })),
  }));

  print();
  print(`$ npx coffre history ${refOf(database.path)}`);
  print((await coffre("history", database.ref)).trimEnd());
  print();
  print(`The one before can still be read: npx coffre read '${refOf(database.path)}?version=previous'`);
}

async function rotate(before: Registered, tryBoth: () => Promise<Tried>): Promise<void> {
  print(`$ npx coffre rotate ${refOf(before.path)}`);
  print((await coffre("rotate", before.ref)).trimEnd());
  const { currentVersion } = JSON.parse(await coffre("get", "--json", before.ref)) as Registered;
  const { isNewAccepted, isOldRefused } = await tryBoth();
  print();
  rows([
    ["version", `${String(before.currentVersion)} -> ${String(currentVersion)}`],
    ["new password", isNewAccepted ? `${style("green", "accepted")}, just tried` : style("red", "refused")],
    ["old password", isOldRefused ? `${style("green", "refused")}, just tried` : style("red", "accepted")],
  ]);
  if (!isNewAccepted || !isOldRefused) {
    throw new Trouble("The rotation isn't as it should be", "Please report it; `npx coffre events` says more.");
  }
}

async function tryMachine(places: Places, { path, username }: Registered): Promise<Tried> {
  return {
    isNewAccepted: await logsInBySsh(places, username, refOf(path)),
    isOldRefused: !(await logsInBySsh(places, username, `${refOf(path)}?version=previous`)),
  };
}
