import { basename, dirname, join, resolve } from "node:path";
import { StartError } from "#src/errors.ts";
import { type Bend, type Found, goAlong, strangerIn } from "#src/ownership.ts";

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
 * so only the last folder may belong to somebody else than us, where he cannot move it itself: what
 * happens to names in there is then his own loss, as long as no call follows a link from there.
 *
 * @throws StartError when another user could lead us elsewhere, or there is no such folder
 */
export function placeOf(path: string): Place {
  const full = resolve(path);
  const { path: folder, stat } = folderAt(dirname(full), path);
  if (!stat.isDirectory()) throw new StartError(`${path}: ${folder} is not a folder`);
  return {
    path: join(folder, basename(full)),
    folder,
    owner: stat.uid,
    stranger: strangerIn(stat),
  };
}

function folderAt(folder: string, wanted: string): Found {
  try {
    return goAlong(folder, (bend) => {
      throw ledElsewhere(wanted, bend);
    });
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === "ELOOP") throw new StartError(`${wanted}: too many symbolic links`);
    if (code === "ENOTDIR") throw new StartError(`${wanted}: ${dirname(path!)} is not a folder`);
    if (code !== "ENOENT") throw new StartError(`${wanted}: ${path} cannot be looked at: ${code}`);
    throw new StartError(`${wanted}: there is no folder ${path}`, `mkdir -p ${dirname(wanted)}`);
  }
}

function ledElsewhere(path: string, { path: culprit, why }: Bend): StartError {
  return new StartError(
    `${path}: ${culprit} ${why}, and could be made to lead elsewhere`,
    "choose a place in folders that only the superuser can change, e.g. in /run",
  );
}
