import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  LANDLOCK_ACCESS_FS_IOCTL_DEV,
  LANDLOCK_ACCESS_FS_MAKE_REG,
  LANDLOCK_ACCESS_FS_MAKE_SOCK,
  LANDLOCK_ACCESS_FS_READ_DIR,
  LANDLOCK_ACCESS_FS_READ_FILE,
  LANDLOCK_ACCESS_FS_REMOVE_FILE,
  LANDLOCK_ACCESS_FS_TRUNCATE,
  LANDLOCK_ACCESS_FS_WRITE_FILE,
} from "#ffi/linux/mod.ts";
import { isMissing } from "#src/config/files.ts";
import type { SandboxNeeds } from "../contract.ts";
import type { Grant } from "./landlock.ts";

const READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
const APPEND = READ | LANDLOCK_ACCESS_FS_WRITE_FILE;
const WRITE = APPEND | LANDLOCK_ACCESS_FS_TRUNCATE;
const OWN = WRITE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
  LANDLOCK_ACCESS_FS_REMOVE_FILE;

/**
 * What the kernel tells of itself; the C library's parts that it loads late, as for the end of a thread;
 * what dates are written by.
 */
const READ_BY_ALL = [
  "/proc",
  "/sys",
  "/lib",
  "/lib64",
  "/usr/lib",
  "/usr/lib64",
  "/etc/ld.so.cache",
  "/etc/localtime",
  "/usr/share/zoneinfo",
  "/dev/urandom",
];
const STANDARD_ERROR = "/proc/self/fd/2";
/** An interface's switch for IPv6 is in it. */
const INTERFACES = "/proc/sys/net/ipv6/conf";
/** Folders of a whole system, in which others' secrets are: of these, root may read single files only. */
const SHARED = [
  "/",
  "/etc",
  "/usr",
  "/usr/local",
  "/usr/local/etc",
  "/home",
  "/root",
  "/var",
  "/tmp",
];

/** What a daemon may still do with files. */
export function grantsFor(needs: SandboxNeeds): Grant[] {
  const { folder, remakes, user, rereads } = needs;
  const grants: Grant[] = [
    ...READ_BY_ALL.map((path) => ({ path, access: READ })),
    { path: "/dev/null", access: WRITE },
    // A log, where it is a file.
    { path: STANDARD_ERROR, access: APPEND },
    ...programPlaces().map((path) => ({ path, access: READ })),
    { path: folder.path, access: OWN },
    ...ownFolders(needs).map((path) => ({
      path,
      access: LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    })),
    ...rereads.flatMap((path) => placesOf(path, user === undefined))
      .map((path) => ({ path, access: READ })),
  ];
  if (remakes) {
    grants.push({ path: "/dev/net/tun", access: WRITE | LANDLOCK_ACCESS_FS_IOCTL_DEV });
    grants.push({ path: INTERFACES, access: WRITE });
  }
  return grants;
}

/** Of what is removed at the end, what has to stay then. */
export function leftAtTheEnd({ folder, removes }: Removing): string[] {
  const own = [folder.path, ...ownFolders({ folder, removes })];
  return removes.filter((path) => !own.includes(dirname(path)));
}

type Removing = Pick<SandboxNeeds, "folder" | "removes">;

/**
 * Folders in which nothing is but what is removed from them at the end. Whoever may remove a file may remove
 * all that is in its folder and beneath: of one that others have things in, as `/run`, that is too much.
 */
function ownFolders({ folder, removes }: Removing): string[] {
  const ours = [...removes, folder.path];
  return [...new Set(removes.map((path) => dirname(path)))].filter((parent) => {
    const names = ours.filter((path) => dirname(path) === parent).map((path) => basename(path));
    return entriesOf(parent)?.every((name) => names.includes(name)) === true;
  });
}

/** Undefined: it cannot be looked into. */
function entriesOf(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch (error) {
    return isMissing(error) ? [] : undefined;
  }
}

/** What the process that keeps an interface may do: read what the kernel tells. */
export function helperGrants(): Grant[] {
  const reads = [...READ_BY_ALL, ...programPlaces()];
  return [...reads.map((path) => ({ path, access: READ })), { path: INTERFACES, access: WRITE }];
}

/**
 * Where a file is, whoever writes it anew: an editor puts another one in its place, so that the folder
 * counts. Where the file is a link, that of what it leads to counts too.
 */
function placesOf(path: string, mayBeRoot: boolean): string[] {
  const places = [path, ...(existsSync(path) ? [realpathSync(path)] : [])];
  return [...new Set(places)].flatMap((file) => {
    const folder = existsSync(dirname(file)) ? realpathSync(dirname(file)) : dirname(file);
    const isShared = folder === "/" || (mayBeRoot && SHARED.includes(folder));
    return isShared ? [file] : [folder];
  });
}

const SELF = "src/daemon/sandbox/linux/paths.ts";

/** What the program itself is read from: a compiled one from one file, another from one or many. */
function programPlaces(): string[] {
  const places = [process.execPath];
  if (import.meta.url.includes("/$bunfs/")) return places;
  const self = fileURLToPath(import.meta.url);
  const { HOME, DENO_DIR } = process.env;
  const cache = DENO_DIR ?? (HOME === undefined ? undefined : `${HOME}/.cache/deno`);
  return [
    ...places,
    // Bundled, it is in one file, wherever that is.
    self.endsWith(`/${SELF}`) ? self.slice(0, -SELF.length) : self,
    ...(cache === undefined ? [] : [cache]),
  ];
}
