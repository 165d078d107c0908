import { openRelay } from "#src/datapath/start/relay.ts";
import { openServer } from "#src/datapath/start/server.ts";
import { ALICE, OPTIONS } from "#test/protocol/server/lab.ts";
import { RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";
import type { OpenLife } from "./life.ts";
import { RELAY_AT, SECONDARY_AT, SERVER_AT, TUNNEL } from "./scene.ts";

const SOCKET_BUFFER = 256 * 1024;
const WORKERS = { count: 1, reason: "" };

export interface RelayWishes {
  /** Bound to every address rather than to its own. */
  readonly anyAddress?: boolean;
  /** Or to this one. */
  readonly bindAddress?: number;
  readonly offloads?: boolean;
}

/** A relay at {@link RELAY_AT}. */
export function relay(
  { anyAddress = false, bindAddress = RELAY_AT.address, offloads = false }: RelayWishes = {},
): OpenLife {
  const start = {
    interfaceName: TUNNEL,
    bindAddress: anyAddress ? 0 : bindAddress,
    bindPort: RELAY_AT.port,
    socketBuffer: SOCKET_BUFFER,
    offloads,
    workers: WORKERS,
    routes: { metric: 10 },
    rules: RELAY_OPTIONS,
  };
  return ({ libc, kernel }, serve) => openRelay(libc, start, kernel, serve);
}

/** A server at {@link SERVER_AT} and {@link SECONDARY_AT}. */
export function server(): OpenLife {
  const start = {
    bindAddress: SERVER_AT.address,
    bindAddress2: SECONDARY_AT.address,
    socketBuffer: SOCKET_BUFFER,
    workers: WORKERS,
    rules: { ...OPTIONS, algorithm: "sha1", secrets: [ALICE] },
  } as const;
  return ({ libc, kernel }, serve) => openServer(libc, start, kernel, serve);
}
