import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Somebody else than the superuser: the numbers of `nobody`. */
export const STRANGER = 65_534;

export interface Folders {
  /** Of ours alone. */
  readonly own: string;
  /** In `own`, and a stranger's. */
  readonly hostile: string;
}

/** Folders for one test, which needs to be the superuser, of a user namespace at least. */
export async function inFolders(body: (folders: Folders) => void | Promise<void>): Promise<void> {
  const own = mkdtempSync(join(tmpdir(), "teredo-folder-"));
  const hostile = join(own, "hostile");
  mkdirSync(hostile);
  chmodSync(own, 0o755);
  chownSync(hostile, STRANGER, STRANGER);
  try {
    await body({ own, hostile });
  } finally {
    rmSync(own, { recursive: true });
  }
}
