import { randomBytes } from "node:crypto";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { Datapath, OpenRole, ServerRules, Threads } from "../datapath.ts";
import {
  NO_FAST_PATH,
  noServerFastPath,
  type ServerFastPath,
  type ServerFastPathWish,
} from "../fast_path.ts";
import { Fates } from "../fates/wish.ts";
import type { Kernel, NativeWay } from "../kernel.ts";
import { kernelOf } from "../kernels.ts";
import { SERVER_OFFLOADS } from "../offloads.ts";
import { Opened } from "../opened.ts";
import { SharedState } from "../threads/shared.ts";
import { type Serve, superviseThreads, type WorkerStart } from "../threads/supervise.ts";
import { openUdpGroup } from "../udp/group.ts";
import { Wake } from "../threads/wake.ts";
import { shareOfServer, type Workers } from "../threads/workers.ts";
import { noticesOf, roomForRules, SETUP_ARENA, tapesOf, withWorkers } from "./common.ts";

/** What a server is opened with. */
export interface ServerStart {
  readonly bindAddress: number;
  readonly bindAddress2: number;
  readonly socketBuffer: number;
  readonly workers: Workers;
  /** Whether the threads record packets. */
  readonly record?: boolean;
  /** Undefined: there is to be none. */
  readonly fastPath?: ServerFastPathWish;
  readonly rules: ServerRules;
}

/**
 * Opens the server's UDP sockets and its way to the IPv6 side.
 *
 * @param serve what `start()` of the result does with them
 * @throws StartError, SyscallError
 */
export function openServer(
  libc: Libc,
  start: ServerStart,
  kernel: Kernel = kernelOf(libc),
  serve: Serve = superviseThreads,
): OpenRole {
  const open = (workers: Workers) => openServerFor(kernel, libc, start, workers, serve);
  return withWorkers(kernel, start.workers, open);
}

function openServerFor(
  kernel: Kernel,
  libc: Libc,
  start: ServerStart,
  workers: Workers,
  serve: Serve,
): OpenRole {
  const opened = new Opened();
  return opened.run(() => {
    const arena = opened.add(Arena.plain(libc, SETUP_ARENA), (it) => it.close());
    const owned = (fd: number) => opened.add(fd, () => libc.call.close(fd));
    const group = (address: number) =>
      openUdpGroup(
        kernel,
        libc,
        arena,
        { address, port: TEREDO_PORT, buffer: start.socketBuffer },
        workers.count,
        kernel.steerServer,
        owned,
      );
    const primary = group(start.bindAddress);
    const secondary = group(start.bindAddress2);
    const ways: NativeWay[] = [];
    const share = (all: ServerRules) => shareOfServer(all, workers.count);
    const rules = roomForRules<ServerRules>(start.rules);
    const fastPath = openServerFastPathFor(kernel, libc, start);
    if (fastPath !== undefined) opened.add(fastPath, (it) => it.close());
    const fates = new Fates(workers.count, (isObserved) => fastPath?.pause(isObserved));
    const tapes = tapesOf(workers, start.record);
    const worker = (i: number): WorkerStart => {
      const shared = new SharedState();
      const wake = opened.add(new Wake(libc, arena), (it) => it.close());
      const native = opened.add(kernel.openNative(libc, arena), (it) => it.close());
      ways.push(native);
      const data = {
        role: "server",
        shared: shared.buffer,
        rules: rules.buffer,
        fates: fates.optionsOf(i),
        tape: tapes[i]?.buffer,
        descriptors: {
          primary: primary[i]!.fd,
          secondary: secondary[i]!.fd,
          ipv6: native.fd,
          wake: wake.fd,
        },
        options: share(start.rules),
        seeds: [readU32(randomBytes(4), 0), readU32(randomBytes(4), 0)],
      } as const;
      return { data, shared, wake };
    };
    const starts = Array.from({ length: workers.count }, (_, i) => worker(i));
    return {
      listening: [start.bindAddress, start.bindAddress2].map((it) =>
        `${formatIpv4(it)}:${TEREDO_PORT}`
      ),
      ...(ways[0]?.name === undefined ? {} : { nativeName: ways[0].name }),
      workers,
      offloads: SERVER_OFFLOADS,
      ...(fastPath === undefined ? {} : { fastPath }),
      notices: noticesOf([...primary, ...secondary]),
      close: () => opened.close(),
      start: async () => {
        const threads = await serve(starts, {
          stopping: () => {},
          ended: () => opened.close(),
          openThread: kernel.openThread,
        });
        const setRules: Datapath["setRules"] = (all) => {
          const isTaken = rules.replace(share(all as ServerRules));
          if (isTaken) fastPath?.setRules(all as ServerRules);
          return isTaken;
        };
        return { ...threads, ...withFastPath(threads, fastPath), fates, tapes, setRules };
      },
    };
  });
}

function openServerFastPathFor(
  kernel: Kernel,
  libc: Libc,
  { fastPath: wish, bindAddress, bindAddress2, rules }: ServerStart,
): ServerFastPath | undefined {
  if (wish === undefined) return undefined;
  const { refusal, broadcasts } = wish;
  if (refusal !== undefined) return noServerFastPath(refusal);
  const setup = { primary: bindAddress, secondary: bindAddress2, broadcasts, rules };
  return kernel.openServerFastPath?.(libc, setup) ?? noServerFastPath(NO_FAST_PATH);
}

/** What the threads do not see is counted with what they do. */
function withFastPath(
  threads: Threads,
  fastPath: ServerFastPath | undefined,
): Partial<Pick<Threads, "counters" | "setBroadcasts">> {
  if (fastPath === undefined) return {};
  return {
    counters: () => {
      const counters = threads.counters();
      fastPath.addTo(counters);
      return counters;
    },
    setBroadcasts: (addresses) => {
      fastPath.setBroadcasts(addresses);
      threads.setBroadcasts(addresses);
    },
  };
}
