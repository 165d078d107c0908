import { randomBytes } from "node:crypto";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { SIP_KEY_LENGTH } from "#src/protocol/guard/sip_hash.ts";
import { servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import type { Datapath, OpenRole, RelayRules } from "../datapath.ts";
import { fastPathShare, type FastPathWish } from "../fast_path.ts";
import { Fates } from "../fates/wish.ts";
import type { Kernel } from "../kernel.ts";
import { kernelOf } from "../kernels.ts";
import type { Inherited } from "../kept.ts";
import type { Legacy } from "../legacy.ts";
import { reportOffloads } from "../offloads.ts";
import { openFastPathFor } from "../open_fast_path.ts";
import { Opened } from "../opened.ts";
import { PeerQuestions } from "../peers/questions.ts";
import { openRawIcmpv6 } from "../raw_ipv6.ts";
import type { ServiceRoutes } from "../service_routes.ts";
import { SharedState } from "../threads/shared.ts";
import { type Serve, superviseThreads, type WorkerStart } from "../threads/supervise.ts";
import { openUdpGroup } from "../udp/group.ts";
import { Wake } from "../threads/wake.ts";
import { shareOf, type Workers } from "../threads/workers.ts";
import {
  keepOf,
  noticesOf,
  QUEUE_PATIENCE,
  roomForRules,
  SETUP_ARENA,
  tapesOf,
  withWorkers,
} from "./common.ts";

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

function openRelayFor(
  kernel: Kernel,
  libc: Libc,
  start: RelayStart,
  workers: Workers,
  serve: Serve,
): OpenRole {
  const opened = new Opened();
  return opened.run(() => {
    const arena = opened.add(Arena.plain(libc, SETUP_ARENA), (it) => it.close());
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
    const rules = roomForRules<RelayOptions>(start.rules);
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
          const fresh = share(all as RelayRules);
          if (!rules.fits(fresh)) return false;
          // The programs first: nothing passes there that the rules refuse.
          fastPath?.serve(fresh.served);
          rules.replace(fresh);
          wakeAll();
          return true;
        };
        return { ...threads, fates, tapes, setRules };
      },
    };
  });
}

function withLegacy(starts: readonly WorkerStart[], legacy: Legacy | undefined) {
  return starts.map((start) => {
    const { data } = start;
    return data.role === "relay" ? { ...start, data: { ...data, legacy } } : start;
  });
}
