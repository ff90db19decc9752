import { CoffreError } from "../../core/errors.js";
import type { Grant, Membership, People, Principal } from "../port.js";

/** @param what the end of a sentence: `has no users` */
export function notInAFile(what: string): CoffreError {
  return new CoffreError("NOT_SUPPORTED", `A KeePass file ${what}`, {
    hint: "Whoever opens it reads everything in it.",
  });
}

/** Users, groups and grants of a file that has none. */
export class NoPeople implements People {
  createPrincipal(): Promise<Principal> {
    return refuse();
  }
  readPrincipal(): Promise<Principal> {
    return refuse();
  }
  updatePrincipal(): Promise<Principal> {
    return refuse();
  }
  deletePrincipal(): Promise<void> {
    return refuse();
  }
  findPrincipal(): Promise<Principal | undefined> {
    return refuse();
  }
  listPrincipals(): AsyncIterable<Principal> {
    return refuseList();
  }
  createMembership(): Promise<Membership> {
    return refuse();
  }
  readMembership(): Promise<Membership> {
    return refuse();
  }
  updateMembership(): Promise<Membership> {
    return refuse();
  }
  deleteMembership(): Promise<void> {
    return refuse();
  }
  findMembership(): Promise<Membership | undefined> {
    return refuse();
  }
  listMemberships(): AsyncIterable<Membership> {
    return refuseList();
  }
  createGrant(): Promise<Grant> {
    return refuse();
  }
  readGrant(): Promise<Grant> {
    return refuse();
  }
  updateGrant(): Promise<Grant> {
    return refuse();
  }
  deleteGrant(): Promise<void> {
    return refuse();
  }
  findGrant(): Promise<Grant | undefined> {
    return refuse();
  }
  listGrants(): AsyncIterable<Grant> {
    return refuseList();
  }
  findOwned(): Promise<string | undefined> {
    return refuse();
  }
}

async function refuse(): Promise<never> {
  throw notInAFile("has no users, groups and grants");
}

async function* refuseList(): AsyncGenerator<never> {
  yield await refuse();
}
