import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { join, resolve } from "node:path";

const STICKY = 0o1000;
const WRITABLE = 0o022;
const GROUP_WRITABLE = 0o020;
const SUPERUSER = 0;
/** Of symbolic links on the way, as the kernel has it: path_resolution(7). */
const MAX_LINKS = 40;

/** Whether this is our own user, or whoever may do anything here anyhow. */
export function isOurs(uid: number): boolean {
  // In a user namespace the root folder belongs to nobody that has a name in it.
  return uid === SUPERUSER || uid === process.geteuid!() || uid === lstatSync("/").uid;
}

/** Why somebody else may change a file, or what is in a folder; undefined: nobody may. */
export function strangerIn(stat: Stats): string | undefined {
  if (!isOurs(stat.uid)) return belongs(stat);
  if ((stat.mode & WRITABLE) === 0 || isSticky(stat)) return undefined;
  const groupOnly = (stat.mode & WRITABLE) === GROUP_WRITABLE;
  if (!groupOnly) return "may be written to by everybody";
  return stat.gid === SUPERUSER ? undefined : `may be written to by group ${stat.gid}`;
}

/** In such a folder everybody may make files, but remove and rename only his own. */
function isSticky(stat: Stats): boolean {
  return stat.isDirectory() && (stat.mode & STICKY) !== 0;
}

function belongs({ uid }: Stats): string {
  return `belongs to user ${uid}`;
}

/** Something on the way that a path leads. */
export interface Found {
  readonly path: string;
  readonly stat: Stats;
}

/** Who else than we could put something else in the place of a name. */
export interface Bend {
  /** What is his. */
  readonly path: string;
  /** Completes "the folder ...". */
  readonly why: string;
}

/**
 * Goes the way of a path as the kernel does, from the root down, through symbolic links and the last
 * name too.
 *
 * @param onBend told of each place where somebody else could make the path lead elsewhere
 * @returns what it leads to, at a path without symbolic links
 * @throws Error of `node:fs`, with `code` and `path`
 */
export function goAlong(path: string, onBend: (bend: Bend) => void): Found {
  let at: Found = find("/");
  let names = namesOf(resolve(path));
  let links = 0;
  while (names.length > 0) {
    const [name, ...rest] = names as [string, ...string[]];
    names = rest;
    // Whoever may change the folder could also make what is not there.
    const stranger = strangerIn(at.stat);
    if (stranger !== undefined) onBend({ path: at.path, why: stranger });
    const next = find(join(at.path, name));
    if (stranger === undefined && isTheirs(next.stat, at.stat)) {
      onBend({ path: next.path, why: belongs(next.stat) });
    }
    if (!next.stat.isSymbolicLink()) {
      at = next;
      continue;
    }
    if (++links > MAX_LINKS) {
      throw Object.assign(new Error("too many symbolic links"), { code: "ELOOP", path });
    }
    names = [...namesOf(resolve(at.path, readlinkSync(next.path))), ...rest];
    at = find("/");
  }
  return at;
}

/** Why somebody else may change what a path leads to, or put something else there; undefined: nobody may. */
export function strangerAt(path: string, found: Stats): string | undefined {
  const stranger = strangerIn(found);
  if (stranger !== undefined) return stranger;
  let first: Bend | undefined;
  goAlong(path, (bend) => first ??= bend);
  return first && `the folder ${first.path} ${first.why}`;
}

/** Whether somebody else can move what stands in a folder of ours. */
function isTheirs(named: Stats, folder: Stats): boolean {
  return !isOurs(named.uid) && (isSticky(folder) || named.isSymbolicLink());
}

function find(path: string): Found {
  return { path, stat: lstatSync(path) };
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}
