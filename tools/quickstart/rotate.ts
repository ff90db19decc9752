import { existsSync } from "node:fs";
import { coffre } from "./children.ts";
import { findRegistered, readValue } from "./credential.ts";
import { logsIn, startDatabase } from "./database.ts";
import { findPlaces } from "./places.ts";
import { print, rows, style, Trouble } from "./screen.ts";

/** Rotates the example's account, and tries the password before and the one after. */
export async function showRotation(): Promise<void> {
  const places = findPlaces();
  if (!existsSync(places.vault) || !existsSync(places.configuration)) {
    throw new Trouble("There is nothing to rotate yet.", "Run `npm run quickstart` first.");
  }
  const server = await startDatabase(places);
  const before = await findRegistered();
  const login = { host: server.host, port: server.port, user: before.username };
  const oldValue = await readValue(before.ref);

  print(`$ npx coffre rotate ${before.path.join("/")}`);
  print((await coffre("rotate", before.ref)).trimEnd());
  const after = await findRegistered();
  const isNewAccepted = await logsIn({ ...login, password: await readValue(after.ref) });
  const isOldRefused = !(await logsIn({ ...login, password: oldValue }));
  print();
  rows([
    ["version", `${String(before.currentVersion)} -> ${String(after.currentVersion)}`],
    ["new password", isNewAccepted ? `${style("green", "accepted")}, just tried` : style("red", "refused")],
    ["old password", isOldRefused ? `${style("green", "refused")}, just tried` : style("red", "accepted")],
  ]);
  print();
  print(`$ npx coffre history ${before.path.join("/")}`);
  print((await coffre("history", after.ref)).trimEnd());
  if (!isNewAccepted || !isOldRefused) {
    throw new Trouble("The rotation isn't as it should be.", "Please report it; `npx coffre events` says more.");
  }
  print();
  print(`The one before can still be read: npx coffre read '${before.path.join("/")}?version=previous'`);
}
