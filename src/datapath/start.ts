import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { randomBytes } from "#ffi/random.ts";
import { readU32 } from "#src/protocol/bytes.ts";
import { formatIpv4 } from "#src/protocol/ipv4.ts";
import type { RelayOptions } from "#src/protocol/relay_contract.ts";
import type { ServerOptions } from "#src/protocol/server_contract.ts";
import { SIP_KEY_LENGTH } from "#src/protocol/sip_hash.ts";
import { servicePrefixOf, TEREDO_PORT } from "#src/protocol/teredo_address.ts";
import type { OpenRole } from "./datapath.ts";
import { configureTunnel, QUEUE_LENGTH, SUPER_QUEUE_LENGTH, tearDown } from "./interface.ts";
import { Netlink } from "./netlink.ts";
import { reportOffloads, SERVER_OFFLOADS } from "./offloads.ts";
import { openRawIcmpv6, openRawIpv6 } from "./raw_ipv6.ts";
import { SharedState } from "./shared.ts";
import { steerRelaySockets, steerServerSockets, steerTun } from "./steering.ts";
import { superviseThreads, Wake, type WorkerStart } from "./supervise.ts";
import { openTun } from "./tun.ts";
import { openUdpGroup } from "./udp_group.ts";
import { shareOf, type Workers, WorkersRefused } from "./workers.ts";

/** For the structures of set-up calls; the threads have arenas of their own. */
const SETUP_ARENA = 256 * 1024;

/** Runs set-up steps; when one fails, what the earlier ones opened is closed again, last first. */
class Opened {
  readonly #closers: (() => void)[] = [];

  add<T>(value: T, close: (value: T) => void): T {
    this.#closers.push(() => close(value));
    return value;
  }

  close(): void {
    for (const close of this.#closers.splice(0).reverse()) close();
  }

  run<T>(steps: () => T): T {
    try {
      return steps();
    } catch (error) {
      this.close();
      throw error;
    }
  }
}

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
  readonly rules: Omit<RelayOptions, "servicePort">;
}

/** What a server is opened with. */
export interface ServerStart {
  readonly bindAddress: number;
  readonly bindAddress2: number;
  readonly socketBuffer: number;
  /** HMAC of authentication values. RFC 4380 §5.2.2 */
  readonly algorithm: "sha1" | "sha256";
  readonly workers: Workers;
  readonly rules: ServerOptions;
}

/** Opens the relay's interface and sockets. @throws StartError, SyscallError */
export function openRelay(libc: Libc, start: RelayStart): OpenRole {
  return withWorkers(start.workers, (workers) => openRelayFor(libc, start, workers));
}

/** Opens the server's UDP sockets and raw IPv6 sockets. @throws StartError, SyscallError */
export function openServer(libc: Libc, start: ServerStart): OpenRole {
  return withWorkers(start.workers, (workers) => openServerFor(libc, start, workers));
}

/** One worker can be had anywhere: where more cannot, that is what serves. */
function withWorkers(wanted: Workers, open: (workers: Workers) => OpenRole): OpenRole {
  try {
    return open(wanted);
  } catch (error) {
    if (!(error instanceof WorkersRefused)) throw error;
    return open({ count: 1, reason: `not ${wanted.count} (${wanted.reason}): ${error.problem}` });
  }
}

function openRelayFor(libc: Libc, start: RelayStart, workers: Workers): OpenRole {
  const opened = new Opened();
  return opened.run(() => {
    const arena = opened.add(new Arena(libc, SETUP_ARENA), (it) => it.close());
    const owned = (fd: number) => opened.add(fd, () => libc.call.close(fd));
    const udp = openUdpGroup(
      libc,
      arena,
      {
        address: start.bindAddress,
        port: start.bindPort,
        buffer: start.socketBuffer,
        gro: start.offloads,
      },
      workers.count,
      steerRelaySockets,
      owned,
    );
    const { port, udpGro, udpSegment } = udp[0]!;
    const tun = openTun(libc, arena, start.interfaceName, {
      queues: workers.count,
      offloads: start.offloads,
    });
    tun.queues.forEach(owned);
    if (workers.count > 1) steerTun(libc, arena, tun.queues[0]!, workers.count);
    const netlink = opened.add(new Netlink(libc), (it) => it.close());
    const tunnel = configureTunnel(netlink, {
      interfaceName: tun.name,
      mtu: start.rules.mtu,
      queueLength: tun.tun ? SUPER_QUEUE_LENGTH : QUEUE_LENGTH,
      prefix: servicePrefixOf(start.rules.prefix),
    });
    const offloads = {
      tun: tun.tun,
      tunUdp: tun.tunUdp,
      udpGro,
      udpSegment: start.offloads && udpSegment,
    };
    const key = randomBytes(libc, SIP_KEY_LENGTH);
    const worker = (i: number): WorkerStart => {
      const shared = new SharedState();
      shared.setServed(start.rules.served);
      const wake = new Wake(libc, arena);
      owned(wake.fd);
      const icmpv6 = owned(openRawIcmpv6(libc, arena));
      const data = {
        role: "relay",
        shared: shared.buffer,
        descriptors: { tun: tun.queues[i]!, udp: udp[i]!.fd, icmpv6, wake: wake.fd },
        interfaceName: tun.name,
        offloads,
        options: { ...shareOf(start.rules, workers.count), servicePort: port },
        replyFromLocal: start.bindAddress === 0,
        key,
        seed: readU32(randomBytes(libc, 4), 0),
      } as const;
      return { data, shared, wake };
    };
    const starts = Array.from({ length: workers.count }, (_, i) => worker(i));
    return {
      listening: [`${formatIpv4(start.bindAddress)}:${port}`],
      interfaceName: tun.name,
      workers,
      offloads: reportOffloads(offloads, start.offloads),
      close: () => opened.close(),
      start: () =>
        // The route goes first, so that no new packets come while the last ones are served.
        superviseThreads(starts, {
          stopping: () => tearDown(netlink, tunnel),
          ended: () => opened.close(),
        }),
    };
  });
}

function openServerFor(libc: Libc, start: ServerStart, workers: Workers): OpenRole {
  const opened = new Opened();
  return opened.run(() => {
    const arena = opened.add(new Arena(libc, SETUP_ARENA), (it) => it.close());
    const owned = (fd: number) => opened.add(fd, () => libc.call.close(fd));
    const group = (address: number) =>
      openUdpGroup(
        libc,
        arena,
        { address, port: TEREDO_PORT, buffer: start.socketBuffer },
        workers.count,
        steerServerSockets,
        owned,
      );
    const primary = group(start.bindAddress);
    const secondary = group(start.bindAddress2);
    const worker = (i: number): WorkerStart => {
      const shared = new SharedState();
      const wake = new Wake(libc, arena);
      owned(wake.fd);
      const ipv6 = owned(openRawIpv6(libc));
      const data = {
        role: "server",
        shared: shared.buffer,
        descriptors: {
          primary: primary[i]!.fd,
          secondary: secondary[i]!.fd,
          ipv6,
          wake: wake.fd,
        },
        options: start.rules,
        algorithm: start.algorithm,
      } as const;
      return { data, shared, wake };
    };
    const starts = Array.from({ length: workers.count }, (_, i) => worker(i));
    return {
      listening: [start.bindAddress, start.bindAddress2].map((it) =>
        `${formatIpv4(it)}:${TEREDO_PORT}`
      ),
      workers,
      offloads: SERVER_OFFLOADS,
      close: () => opened.close(),
      start: () => superviseThreads(starts, { stopping: () => {}, ended: () => opened.close() }),
    };
  });
}
