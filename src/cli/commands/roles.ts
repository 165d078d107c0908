import { type Role, ROLES } from "#src/config/config.ts";
import { UsageError } from "../exit.ts";
import { shown } from "../shared_flags.ts";

export function parseRole(text: string): Role {
  const role = ROLES.find((it) => it === text);
  if (role === undefined) throw new UsageError(`${shown(text)} is none of ${ROLES.join(", ")}`);
  return role;
}
