import { lstatSync, type Stats } from "node:fs";

const STICKY = 0o1000;
const WRITABLE = 0o022;
const GROUP_WRITABLE = 0o020;
const SUPERUSER = 0;

/** Whether this is our own user, or whoever may do anything here anyhow. */
export function isOurs(uid: number): boolean {
  // In a user namespace the root folder belongs to nobody that has a name in it.
  return uid === SUPERUSER || uid === process.geteuid!() || uid === lstatSync("/").uid;
}

/** Why somebody else may change a file, or what is in a folder; undefined: nobody may. */
export function strangerIn(stat: Stats): string | undefined {
  if (!isOurs(stat.uid)) return belongs(stat);
  // In a sticky folder everybody may make files, but remove and rename only his own.
  const isSticky = stat.isDirectory() && (stat.mode & STICKY) !== 0;
  if ((stat.mode & WRITABLE) === 0 || isSticky) return undefined;
  const groupOnly = (stat.mode & WRITABLE) === GROUP_WRITABLE;
  if (!groupOnly) return "may be written to by everybody";
  return stat.gid === SUPERUSER ? undefined : `may be written to by group ${stat.gid}`;
}

export function belongs({ uid }: Stats): string {
  return `belongs to user ${uid}`;
}
