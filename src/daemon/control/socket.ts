import { lstatSync } from "node:fs";
import type { Socket } from "node:net";
import type { Libc } from "#ffi/libc.ts";
import type { Role, StatusConfig } from "#src/config/config.ts";
import { StartError } from "#src/errors.ts";
import type { Logger } from "#src/log/logger.ts";
import { listenUnix } from "#src/status/listen.ts";
import type { Cleanup } from "../cleanup.ts";
import { placeOf } from "../folder.ts";
import type { UnixPeer, User } from "../host/contract.ts";
import { unixPeersOf } from "../host/mod.ts";
import {
  controlPath,
  makeRuntimeFolder,
  removeRuntimeFolder,
  runtimeFolder,
} from "../runtime_folder.ts";
import { removeStale } from "../stale_socket.ts";
import type { ControlApp } from "./app.ts";

const SUPERUSER = 0;

export interface ControlOptions {
  readonly libc: Libc;
  readonly log: Logger;
  readonly cleanup: Cleanup;
  readonly role: Role;
  readonly config: { readonly status: StatusConfig };
  /** Whom this process is about to become. */
  readonly user: User | undefined;
}

/** Opens the control socket. Without one a daemon serves all the same, and says so. */
export async function openControl(app: ControlApp, options: ControlOptions): Promise<void> {
  const { role, config, log } = options;
  const path = controlPath(role, config.status);
  if (path === undefined) return;
  try {
    await open(app, path, options);
    log.info("Control socket", { path });
  } catch (error) {
    const known = error instanceof StartError;
    log.warn("No control socket", {
      path,
      problem: known ? error.problem : error instanceof Error ? error.message : String(error),
      mend: (known ? error.mend : undefined) ?? "choose another place by control in [status]",
    });
  }
}

async function open(
  app: ControlApp,
  path: string,
  { libc, cleanup, role, config, user }: ControlOptions,
): Promise<void> {
  if (config.status.control === undefined) {
    const folder = runtimeFolder(role);
    makeRuntimeFolder(folder, user);
    cleanup.add(() => removeRuntimeFolder(folder));
  }
  const place = placeOf(path);
  await removeStale(place, user);
  const peers = unixPeersOf(libc);
  cleanup.add(() => peers.close());
  let group = -1;
  const admits = (client: Socket) => {
    const fd = descriptorOf(client);
    const peer = fd === undefined ? undefined : peers.peerOf(fd);
    return peer !== undefined && mayControl(peer, process.geteuid!(), group);
  };
  const listening = await listenUnix(app, place.path, user?.gid, admits);
  group = lstatSync(place.path).gid;
  cleanup.add(() => listening.close());
}

/** Whether this is root, this process' own user, or a member of the group that the socket is for. */
export function mayControl({ uid, gids }: UnixPeer, own: number, group: number): boolean {
  return uid === SUPERUSER || uid === own || gids.includes(group);
}

function descriptorOf(client: Socket): number | undefined {
  return (client as { readonly _handle?: { readonly fd?: number } })._handle?.fd;
}
