import { randomBytes } from "node:crypto";
import { escapeIdentifier, escapeLiteral } from "pg";
import { systemClock } from "../../provider/core/clock.js";
import { closeRotationContext, createRotationContext } from "../../provider/rotation/context.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import { postgresDriver } from "../../provider/target/postgres/driver.js";
import { addEntry, one } from "./one-account.ts";
import type { Scenario, Subject } from "./scenarios.ts";
import type { World } from "./world.ts";

const PREPARE = {
  /** An existing role gets its first version, set by an admin whose password is in a file. */
  "first-version": async (world: World, name: string, port: number): Promise<Subject> => {
    const before = await makeRole(world, name);
    const id = await addRole(world, { name, port, admin: byFile(world) });
    return one({ id, user: name, before, causes: ["cause:1"], versions: 1 });
  },

  /** A role is created, by an admin of the vault's. */
  "new-account": async (world: World, name: string, port: number): Promise<Subject> => {
    const admin = { adminRef: world.adminRef, account: { create: true } };
    const id = await addRole(world, { name, port, admin });
    return one({ id, user: name, causes: ["cause:1"], versions: 1 });
  },

  /** A trigger changed; the admin is the vault's. */
  "by-reference": async (world: World, name: string, port: number): Promise<Subject> => {
    const password = await makeRole(world, name);
    const id = await addRole(world, { name, port, admin: { adminRef: world.adminRef }, password });
    return one({ id, user: name, causes: ["cause:2"], versions: 2 });
  },

  /** A trigger changed; the admin's password is in a file. */
  "by-file": async (world: World, name: string, port: number): Promise<Subject> => {
    const password = await makeRole(world, name);
    const id = await addRole(world, { name, port, admin: byFile(world), password });
    return one({ id, user: name, causes: ["cause:2"], versions: 2 });
  },

  /** A trigger changed; the account logs in with its own password and changes it. */
  "by-itself": async (world: World, name: string, port: number): Promise<Subject> => {
    const password = await makeRole(world, name);
    const id = await addRole(world, { name, port, admin: {}, password });
    return one({ id, user: name, causes: ["cause:2"], versions: 2 });
  },

  /** Rotations begin to overlap: the next version is for a login of its own, and the role's own password works on. */
  "overlap-begins": async (world: World, name: string, port: number): Promise<Subject> => {
    const id = await addOverlapping(world, name, port);
    return one({ id, user: name, logins: loginsOf(name), causes: ["cause:2"], versions: 2 });
  },

  /** The time of the login before is over: it ends, and the next version is drawn for the one whose turn it is. */
  "overlap-turns": async (world: World, name: string, port: number): Promise<Subject> => {
    const id = await addOverlapping(world, name, port);
    const context = createRotationContext({ vault: world.vault, drivers: [postgresDriver], clock: systemClock });
    await reachCauses(context, id, ["cause:2"]);
    await closeRotationContext(context);
    const request = { holder: "the proof's", ttlSeconds: 60 };
    await world.vault.acquireLease(id, request, [{ step: "acknowledge" }, { step: "release" }]);
    return one({ id, user: name, logins: loginsOf(name), causes: ["cause:2", "cause:3"], versions: 3 });
  },

  /** An admin is being rotated, and the next run begins with an account that it sets. */
  "an-admin": async (world: World, name: string, port: number): Promise<Subject> => {
    const password = await makeRole(world, name, "SUPERUSER");
    const id = await addRole(world, { name, port, admin: { adminRef: world.adminRef }, password });
    const role = `${name}_d`;
    const before = await makeRole(world, role);
    const adminRef = world.referenceTo(id);
    const dependant = await addRole(world, { name: role, port, admin: { adminRef } });
    return {
      first: { credentialId: id, causes: ["cause:2"] },
      next: [
        { credentialId: dependant, causes: ["cause:1"] },
        { credentialId: id, causes: ["cause:2"] },
      ],
      watched: [
        { id, user: name, causes: ["cause:2"], versions: 2 },
        { id: dependant, user: role, before, causes: ["cause:1"], versions: 1 },
      ],
    };
  },
};

type PostgresScenario = keyof typeof PREPARE;

/** Rotations of PostgreSQL roles, on one server. */
export const POSTGRES_SCENARIOS = Object.fromEntries(
  Object.entries(PREPARE).map(([name, prepare]): [string, Scenario] => [
    name,
    {
      open: async (world) => world.database,
      prepare: (world, _system, point, { port }) => prepare(world, point, port),
    },
  ]),
) as Record<PostgresScenario, Scenario>; // one for each

const loginsOf = (name: string) => [name, `${name}_a`, `${name}_b`];

/** A role with a password of the vault's, whose rotations overlap from now on. @returns the entry's id */
async function addOverlapping(world: World, name: string, port: number): Promise<string> {
  const password = await makeRole(world, name);
  const declared = { ...byFile(world), overlap: "alternating" };
  return addRole(world, { name, port, admin: declared, password });
}

function byFile(world: World) {
  return { admin: { username: "crash_admin", passwordFile: world.adminFile } };
}

/** @returns its password */
async function makeRole(world: World, name: string, attributes = ""): Promise<string> {
  const password = randomBytes(18).toString("base64url");
  await world.sql(`CREATE ROLE ${escapeIdentifier(name)} LOGIN ${attributes} PASSWORD ${escapeLiteral(password)}`);
  return password;
}

interface Entry {
  name: string;
  port: number;
  /** The part of the target's description that says who sets it. */
  admin: Record<string, unknown>;
  /** The current version's value, if it has one already. */
  password?: string;
}

function addRole(world: World, { name, port, admin, password }: Entry): Promise<string> {
  return addEntry(world, postgresDriver, { name, declared: { host: "127.0.0.1", port, ...admin }, password });
}
