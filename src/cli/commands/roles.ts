import type { Role } from "#src/config/config.ts";
import { UsageError } from "../exit.ts";
import { shown } from "../shared_flags.ts";

export const ROLES: readonly Role[] = ["relay", "server"];

export function parseRole(text: string): Role {
  const role = ROLES.find((it) => it === text);
  if (role === undefined) throw new UsageError(`${shown(text)} is none of ${ROLES.join(", ")}`);
  return role;
}
