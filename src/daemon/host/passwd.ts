import type { User } from "./contract.ts";

/**
 * A user of passwd(5) and group(5) texts; also by number, as in chown(1).
 *
 * Users of other sources (LDAP and the like) are not seen: asking for them takes the C library's
 * name service, which loads code.
 */
export function findUser(passwd: string, group: string, wanted: string): User | undefined {
  for (const line of passwd.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name !== wanted && uid !== wanted) continue;
    if (!/^\d+$/.test(uid ?? "") || !/^\d+$/.test(gid ?? "")) continue;
    const groups = groupsOf(group, name!, Number(gid));
    return { name: name!, uid: Number(uid), gid: Number(gid), groups };
  }
  return undefined;
}

function groupsOf(group: string, user: string, gid: number): number[] {
  const groups = new Set([gid]);
  for (const line of group.split("\n")) {
    const [, , number, members = ""] = line.split(":");
    if (members.split(",").includes(user) && /^\d+$/.test(number ?? "")) groups.add(Number(number));
  }
  return [...groups];
}
