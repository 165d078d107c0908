import { randomBytes } from "node:crypto";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { SIP_KEY_LENGTH } from "#src/protocol/guard/sip_hash.ts";
import type { Millis } from "#src/protocol/time.ts";
import { servicePrefixOf, TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { Datapath, OpenRole, RelayRules, ServerRules, Threads } from "./datapath.ts";
import {
  fastPathShare,
  type FastPathWish,
  NO_FAST_PATH,
  noServerFastPath,
  type ServerFastPath,
  type ServerFastPathWish,
} from "./fast_path.ts";
import { Fates } from "./fates/wish.ts";
import type { Kernel, NativeWay, Tunnel } from "./kernel.ts";
import { kernelOf } from "./kernels.ts";
import type { Inherited } from "./kept.ts";
import type { Legacy } from "./legacy.ts";
import { reportOffloads, SERVER_OFFLOADS } from "./offloads.ts";
import { openFastPathFor } from "./open_fast_path.ts";
import { Opened } from "./opened.ts";
import { PeerQuestions } from "./peers/questions.ts";
import { Tape } from "./recorder/tape.ts";
import { openRawIcmpv6 } from "./raw_ipv6.ts";
import type { ServiceRoutes } from "./service_routes.ts";
import { lengthOf, RulesBlock } from "./threads/rules_block.ts";
import { SharedState } from "./threads/shared.ts";
import { type Serve, superviseThreads, type WorkerStart } from "./threads/supervise.ts";
import { openUdpGroup } from "./udp/group.ts";
import type { UdpSocket } from "./udp/socket.ts";
import { Wake } from "./threads/wake.ts";
import { shareOf, shareOfServer, type Workers, WorkersRefused } from "./threads/workers.ts";

/** For the structures of set-up calls; the threads have arenas of their own. */
const SETUP_ARENA = 256 * 1024;

/** Bytes for rules that are to come, of a server with a file of secrets more; see docs/limits.md. */
const RULES_ROOM = 65_536;

/** How long the threads wait for an interface that is gone to be made again. */
const QUEUE_PATIENCE: Millis = 10_000;

/** What a relay is opened with. */
export interface RelayStart {
  readonly interfaceName: string;
  /** Unsigned 32-bit number; 0 is every address. */
  readonly bindAddress: number;
  /** 0: the kernel picks. */
  readonly bindPort: number;
  /** Bytes wanted for each of the UDP socket's two buffers. */
  readonly socketBuffer: number;
  /** Whether to use what the kernel has of `Offloads`. */
  readonly offloads: boolean;
  readonly workers: Workers;
  readonly routes: ServiceRoutes;
  /** What the relay before this one has left open. */
  readonly inherited?: Inherited | undefined;
  /** Whether the threads record packets. */
  readonly record?: boolean;
  /** Undefined: there is to be none. */
  readonly fastPath?: FastPathWish;
  readonly rules: RelayRules;
}

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
 * Opens the relay's interface and sockets.
 *
 * @param serve what `start()` of the result does with them
 * @throws StartError, SyscallError
 */
export function openRelay(
  libc: Libc,
  start: RelayStart,
  kernel: Kernel = kernelOf(libc),
  serve: Serve = superviseThreads,
): OpenRole {
  const open = (workers: Workers) => openRelayFor(kernel, libc, start, workers, serve);
  return withWorkers(kernel, start.workers, open);
}

/** The same for the server's UDP sockets and its way to the IPv6 side. */
export function openServer(
  libc: Libc,
  start: ServerStart,
  kernel: Kernel = kernelOf(libc),
  serve: Serve = superviseThreads,
): OpenRole {
  const open = (workers: Workers) => openServerFor(kernel, libc, start, workers, serve);
  return withWorkers(kernel, start.workers, open);
}

/** One worker can be had anywhere: where more cannot, that is what serves. */
function withWorkers(
  { oneWorker }: Kernel,
  wanted: Workers,
  open: (workers: Workers) => OpenRole,
): OpenRole {
  const openOne = (why: string) =>
    open({ count: 1, reason: `not ${wanted.count} (${wanted.reason}): ${why}` });
  if (wanted.count > 1 && oneWorker !== undefined) return openOne(oneWorker);
  try {
    return open(wanted);
  } catch (error) {
    if (!(error instanceof WorkersRefused)) throw error;
    return openOne(error.problem);
  }
}

function openRelayFor(
  kernel: Kernel,
  libc: Libc,
  start: RelayStart,
  workers: Workers,
  serve: Serve,
): OpenRole {
  const opened = new Opened();
  return opened.run(() => {
    const arena = opened.add(new Arena(libc, SETUP_ARENA), (it) => it.close());
    const owned = (fd: number) => opened.add(fd, () => libc.call.close(fd));
    const udp = openUdpGroup(
      kernel,
      libc,
      arena,
      {
        address: start.bindAddress,
        port: start.bindPort,
        buffer: start.socketBuffer,
        gro: start.offloads,
      },
      workers.count,
      kernel.steerRelay,
      owned,
      start.inherited,
    );
    const { port, udpGro, udpSegment } = udp[0]!;
    const tunnel = opened.add(
      kernel.openTunnel(libc, arena, {
        interfaceName: start.interfaceName,
        queues: workers.count,
        offloads: start.offloads,
        mtu: start.rules.mtu,
        prefix: servicePrefixOf(start.rules.prefix),
        inherited: start.inherited,
        routes: start.routes,
      }),
      (it) => it.close(),
    );
    const offloads = {
      ...tunnel.offloads,
      udpGro,
      udpSegment: start.offloads && udpSegment,
    };
    const share = (all: RelayRules) => ({ ...shareOf(all, workers.count), servicePort: port });
    const rules = new RulesBlock<RelayOptions>(RULES_ROOM);
    const wakes: Wake[] = [];
    const wakeAll = () => wakes.forEach((it) => it.signal());
    const fates = new Fates(workers.count, undefined, wakeAll);
    const tapes = tapesOf(workers, start.record);
    const key = randomBytes(SIP_KEY_LENGTH);
    const states = Array.from({ length: workers.count }, () => new SharedState());
    const fastPath = openFastPathFor(kernel, libc, start, tunnel, port, states, wakeAll);
    if (fastPath !== undefined) opened.add(fastPath, (it) => it.close());
    const worker = (i: number): WorkerStart => {
      const shared = states[i]!;
      const questions = new PeerQuestions();
      const wake = opened.add(new Wake(libc, arena), (it) => it.close());
      wakes.push(wake);
      const icmpv6 = owned(openRawIcmpv6(libc, arena));
      const data = {
        role: "relay",
        shared: shared.buffer,
        rules: rules.buffer,
        fates: fates.optionsOf(i),
        tape: tapes[i]?.buffer,
        fastPath: fastPath && fastPathShare(fastPath, i, workers.count),
        questions: questions.buffer,
        descriptors: { tun: tunnel.queues[i]!, udp: udp[i]!.fd, icmpv6, wake: wake.fd },
        interfaceName: tunnel.name,
        offloads,
        queuePatience: tunnel.remakes ? QUEUE_PATIENCE : 0,
        options: share(start.rules),
        boundAddress: start.bindAddress,
        key,
        seed: readU32(randomBytes(4), 0),
        share: [i, workers.count],
      } as const;
      return { data, shared, questions, wake };
    };
    const starts = Array.from({ length: workers.count }, (_, i) => worker(i));
    return {
      listening: [`${formatIpv4(start.bindAddress)}:${port}`],
      interfaceName: tunnel.name,
      workers,
      offloads: reportOffloads(offloads, start.offloads),
      ...(fastPath === undefined ? {} : { fastPath }),
      notices: [...noticesOf(udp), ...tunnel.notices],
      ...keepOf(tunnel, starts),
      kept: { udp: udp.map(({ fd }) => fd), tun: tunnel.mayStay ? tunnel.queues : [] },
      close: () => opened.close(),
      start: async (legacy) => {
        // The route goes first, so that no new packets come while the last ones are served.
        const stopping = () => tunnel.stopRouting();
        const threads = await serve(withLegacy(starts, legacy), {
          stopping,
          ended: () => opened.close(),
          openThread: kernel.openThread,
        });
        const setRules: Datapath["setRules"] = (all) => {
          const { served } = all as RelayRules;
          // The programs first: nothing passes there that the rules refuse.
          fastPath?.serve(served);
          const isTaken = rules.replace(share(all as RelayRules));
          wakeAll();
          return isTaken;
        };
        return { ...threads, fates, tapes, setRules };
      },
    };
  });
}

function tapesOf({ count }: Workers, record = false): readonly Tape[] {
  return record ? Array.from({ length: count }, () => new Tape()) : [];
}

function withLegacy(starts: readonly WorkerStart[], legacy: Legacy | undefined) {
  return starts.map((start) => {
    const { data } = start;
    return data.role === "relay" ? { ...start, data: { ...data, legacy } } : start;
  });
}

/** The threads hear of it when the interface is gone or was made again. */
function keepOf(
  { keep, entrusted }: Tunnel,
  starts: readonly WorkerStart[],
): Pick<OpenRole, "keep" | "entrusted"> {
  const announce = () => starts.forEach(({ shared }) => shared.announceQueue());
  return {
    keep: (mayCommand) => keep(announce, mayCommand),
    ...(entrusted === undefined ? {} : { entrusted }),
  };
}

/** Sockets of one kind have the same to tell. */
function noticesOf(sockets: readonly UdpSocket[]): string[] {
  const notices = sockets.map(({ notice }) => notice).filter((it) => it !== undefined);
  return [...new Set(notices)];
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
    const arena = opened.add(new Arena(libc, SETUP_ARENA), (it) => it.close());
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
    const rules = new RulesBlock<ServerRules>(RULES_ROOM + 2 * lengthOf(start.rules));
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
