import type * as z from "zod";
import type { TargetSpec } from "../port.js";

/** The fields of a description that say who logs in to change the password. */
export interface AdminFields {
  adminRef?: string | undefined;
  admin?: { username: string; passwordEnv?: string | undefined; passwordFile?: string | undefined } | undefined;
  initialRef?: string | undefined;
}

/** Reports the fields that can't stand together. */
export function refuseAdminClashes(target: AdminFields & { account?: unknown }, context: z.RefinementCtx): void {
  const clash = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
  if (target.adminRef !== undefined && target.admin !== undefined)
    clash("admin", "stands beside adminRef; give one of them");
  if (target.initialRef !== undefined && hasAdmin(target))
    clash("initialRef", "is for an account that changes itself; leave out the admin or this");
  if (target.account !== undefined && !hasAdmin(target))
    clash("account", "needs adminRef or admin: an account can't create itself");
}

/** True if somebody else than the account itself changes its password. */
export function hasAdmin({ adminRef, admin }: AdminFields): boolean {
  return adminRef !== undefined || admin !== undefined;
}

/** @param options `withoutPassword`: the admin's login needs none, since a key is named */
export function adminOf(
  { adminRef, admin, initialRef }: AdminFields,
  { withoutPassword = false }: { withoutPassword?: boolean } = {},
): TargetSpec["admin"] {
  if (adminRef !== undefined) return { by: "reference", ref: adminRef };
  if (admin === undefined) return { by: "self", ...(initialRef === undefined ? {} : { initialRef }) };
  const { username, passwordEnv, passwordFile } = admin;
  return {
    by: "connection",
    username,
    ...(withoutPassword ? { withoutPassword: true as const } : {}),
    ...(passwordEnv === undefined ? {} : { passwordEnv }),
    ...(passwordFile === undefined ? {} : { passwordFile }),
  };
}

/** The part of a session's key that tells admins apart. */
export function adminKey({ adminRef, admin }: AdminFields, username: string): unknown {
  return adminRef ?? admin ?? { self: username };
}
