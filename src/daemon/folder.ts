import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { StartError } from "#src/errors.ts";
import { belongs, isOurs, strangerIn } from "#src/ownership.ts";

/** Of symbolic links on the way, as the kernel has it: path_resolution(7). */
const MAX_LINKS = 40;

/** Where a file of ours is to be. */
export interface Place {
  /** Without a symbolic link before the last name, so that the kernel goes the way we looked at. */
  readonly path: string;
  readonly folder: string;
  /** User id that the folder belongs to. */
  readonly owner: number;
  /** Why somebody else may remove or replace what is in the folder; undefined: nobody may. */
  readonly stranger: string | undefined;
}

/**
 * Looks at every folder on the way to `path`, from the root down.
 *
 * Who owns a folder can put something else in the place of what is in it, also between two looks;
 * so only the last folder may belong to somebody else than us: what happens to names in there is
 * then his own loss, as long as no call follows a link from there.
 *
 * @throws StartError when another user could lead us elsewhere, or there is no such folder
 */
export function placeOf(path: string): Place {
  const full = resolve(path);
  let folder = "/";
  let names = namesOf(dirname(full));
  let links = 0;
  let last = statOf("/", path);
  while (names.length > 0) {
    const stranger = strangerIn(last);
    if (stranger !== undefined) throw ledElsewhere(path, folder, stranger);
    const [name, ...rest] = names;
    const next = join(folder, name!);
    const stat = statOf(next, path);
    names = rest;
    if (stat.isSymbolicLink()) {
      if (!isOurs(stat.uid)) throw ledElsewhere(path, next, belongs(stat));
      if (++links > MAX_LINKS) throw new StartError(`${path}: too many symbolic links`);
      const target = resolve(folder, readlinkSync(next));
      names = [...namesOf(target), ...rest];
      folder = "/";
      last = statOf("/", path);
      continue;
    }
    if (!stat.isDirectory()) throw new StartError(`${path}: ${next} is not a folder`);
    folder = next;
    last = stat;
  }
  const place = join(folder, basename(full));
  return { path: place, folder, owner: last.uid, stranger: strangerIn(last) };
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

function statOf(path: string, wanted: string): Stats {
  try {
    return lstatSync(path);
  } catch (error) {
    const { code } = error as Error & { code?: string };
    if (code !== "ENOENT") throw new StartError(`${wanted}: ${path} cannot be looked at: ${code}`);
    throw new StartError(`${wanted}: there is no folder ${path}`, `mkdir -p ${dirname(wanted)}`);
  }
}

function ledElsewhere(path: string, culprit: string, why: string): StartError {
  return new StartError(
    `${path}: ${culprit} ${why}, and could be made to lead elsewhere`,
    "choose a place in folders that only the superuser can change, e.g. in /run",
  );
}
