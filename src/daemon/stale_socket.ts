import { lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { StartError } from "#src/errors.ts";
import { isOurs } from "#src/ownership.ts";
import type { Place } from "./folder.ts";
import type { User } from "./host/contract.ts";

const OTHER = "choose another socket in [status]";

/**
 * Makes room for our socket: one that a killed process of ours left behind is removed; one that is
 * in use, another's, and any other kind of file stay.
 *
 * @throws StartError when something stays
 */
export async function removeStale(
  { path, folder, stranger, owner }: Place,
  user: User | undefined,
): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new StartError(`${path} exists and is not a socket`, OTHER);
  if (!isOurs(found.uid)) throw new StartError(`${path} belongs to user ${found.uid}`, OTHER);
  if (await isAnswered(path)) {
    throw new StartError(`${path} is in use by another process`, OTHER);
  }
  // What we looked at and what we would remove need not be the same there.
  if (stranger !== undefined && owner !== user?.uid) {
    throw new StartError(
      `${path} was left behind, and is not removed: ${folder} ${stranger}`,
      `choose a socket in a folder of the superuser's, or remove it: rm '${path}'`,
    );
  }
  unlinkSync(path);
}

/** Whoever cannot take us at once is there all the same. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", (error: Error & { code?: string }) => {
      settle(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}
