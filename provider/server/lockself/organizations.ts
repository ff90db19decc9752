import { parseNumber } from "./bodies.js";
import { type Answer, type Call, checkOrganization, ORGANIZATION_ID } from "./front.js";
import { pageOfList } from "./lists.js";

export async function listOrganizations(call: Call): Promise<Answer> {
  return {
    status: 200,
    body: pageOfList(call.front.style.lists, call.query, [await organization(call)], (one) => one),
  };
}

export async function readOrganization(call: Call): Promise<Answer> {
  checkOrganization(parseNumber(call.params["id"]) ?? -1);
  return { status: 200, body: await organization(call) };
}

/** The server's only one: its vault. */
async function organization({ vault }: Call): Promise<{ id: number; name: string; parentId: null }> {
  return { id: ORGANIZATION_ID, name: (await vault.identity()).name, parentId: null };
}
