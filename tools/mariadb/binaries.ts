import { canInstall, findProgram, missingAmong } from "../setup/packages.ts";

const PROGRAMS = [
  { program: "mariadbd", name: "mariadb-server" },
  { program: "mariadb-install-db", name: "mariadb-server" },
] as const;

export interface Binaries {
  server: string;
  installDb: string;
}

/** @returns `undefined` where MariaDB isn't installed */
export function findMariadb(env: NodeJS.ProcessEnv = process.env): Binaries | undefined {
  const [server, installDb] = PROGRAMS.map(({ program }) => findProgram(program, env));
  return server !== undefined && installDb !== undefined ? { server, installDb } : undefined;
}

/** Packages to install here for MariaDB: none where it is there, or can't be installed. */
export function missingMariadbPackages(env: NodeJS.ProcessEnv = process.env): string[] {
  return canInstall(env) ? [...new Set(missingAmong(PROGRAMS, env))] : [];
}
