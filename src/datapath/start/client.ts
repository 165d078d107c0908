import { randomBytes } from "node:crypto";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { SIP_KEY_LENGTH } from "#src/protocol/guard/sip_hash.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import { openDiscoverySocket } from "../client/multicast.ts";
import { ClientNews } from "../client/news.ts";
import type { ClientRules, Datapath, OpenRole } from "../datapath.ts";
import { Fates } from "../fates/wish.ts";
import { CLIENT_ROUTES, type HomeSetup } from "../homes.ts";
import type { Kernel } from "../kernel.ts";
import { kernelOf } from "../kernels.ts";
import type { Inherited } from "../kept.ts";
import { reportOffloads } from "../offloads.ts";
import { Opened } from "../opened.ts";
import { PeerQuestions } from "../peers/questions.ts";
import { openRawIcmpv6 } from "../raw_ipv6.ts";
import { SharedState } from "../threads/shared.ts";
import { type Serve, superviseThreads, type WorkerStart } from "../threads/supervise.ts";
import { Wake } from "../threads/wake.ts";
import { openUdpGroup } from "../udp/group.ts";
import { boundPort, resumeUdpSocket, type UdpSocket } from "../udp/socket.ts";
import { keepOf, noticesOf, QUEUE_PATIENCE, roomForRules, SETUP_ARENA, tapesOf } from "./common.ts";

/** All peers share what our NAT maps. */
const ONE_WORKER = { count: 1, reason: "a client has one service port" };

/** What a client is opened with. */
export interface ClientStart {
  readonly interfaceName: string;
  /** Unsigned 32-bit number; 0 is every address. */
  readonly bindAddress: number;
  /** 0: the kernel picks. */
  readonly bindPort: number;
  /** Bytes wanted for each of a UDP socket's two buffers. */
  readonly socketBuffer: number;
  /** Whether to use what the kernel has of `Offloads`. */
  readonly offloads: boolean;
  /** How the interface becomes the way to the IPv6 Internet. */
  readonly home: HomeSetup;
  /** Whether there is a socket for local discovery, which the rules may use or not. RFC 4380 §5.2.8 */
  readonly discovery: boolean;
  /** What the client before this one has left open. */
  readonly inherited?: Inherited | undefined;
  /** Sockets that were opened in another network namespace, and are the client's from here on. */
  readonly sockets?: GivenSockets | undefined;
  /** Whether the thread records packets. */
  readonly record?: boolean;
  readonly rules: ClientRules;
}

/** UDP sockets, each bound to a port; non-blocking. */
export interface GivenSockets {
  readonly service: number;
  /** For random ports: as many peers behind symmetric NATs can be had at a time. */
  readonly random: readonly number[];
}

/**
 * Opens the client's interface and sockets.
 *
 * @param serve what `start()` of the result does with them
 * @throws StartError, SyscallError
 */
export function openClient(
  libc: Libc,
  start: ClientStart,
  kernel: Kernel = kernelOf(libc),
  serve: Serve = superviseThreads,
): OpenRole {
  const opened = new Opened();
  return opened.run(() => {
    const arena = opened.add(Arena.plain(libc, SETUP_ARENA), (it) => it.close());
    const owned = (fd: number) => opened.add(fd, () => libc.call.close(fd));
    const { rules: first, sockets } = start;
    const udp = openService(kernel, libc, arena, start, owned);
    sockets?.random.forEach(owned);
    const discovery = start.discovery ? owned(openDiscoverySocket(libc, arena)) : undefined;
    const tunnel = opened.add(
      kernel.openTunnel(libc, arena, {
        interfaceName: start.interfaceName,
        queues: 1,
        offloads: start.offloads,
        mtu: first.mtu,
        prefix: servicePrefixOf(first.prefix),
        inherited: start.inherited,
        routes: CLIENT_ROUTES,
        home: start.home,
      }),
      (it) => it.close(),
    );
    const offloads = {
      ...tunnel.offloads,
      udpGro: udp.udpGro,
      udpSegment: start.offloads && udp.udpSegment,
    };
    const rules = roomForRules<ClientRules>(first);
    const wake = opened.add(new Wake(libc, arena), (it) => it.close());
    const fates = new Fates(1, undefined, () => wake.signal());
    const tapes = tapesOf(ONE_WORKER, start.record);
    const shared = new SharedState();
    const questions = new PeerQuestions();
    const client = new ClientNews();
    const icmpv6 = owned(openRawIcmpv6(libc, arena));
    const worker: WorkerStart = {
      data: {
        role: "client",
        shared: shared.buffer,
        rules: rules.buffer,
        fates: fates.optionsOf(0),
        tape: tapes[0]?.buffer,
        questions: questions.buffer,
        descriptors: { tun: tunnel.queues[0]!, udp: udp.fd, icmpv6, wake: wake.fd },
        interfaceName: tunnel.name,
        offloads,
        queuePatience: tunnel.remakes ? QUEUE_PATIENCE : 0,
        boundAddress: start.bindAddress,
        key: randomBytes(SIP_KEY_LENGTH),
        relayKey: randomBytes(SIP_KEY_LENGTH),
        seed: readU32(randomBytes(4), 0),
        options: first,
        servicePort: udp.port,
        news: client.buffers,
        socketBuffer: start.socketBuffer,
        discovery,
        spare: sockets?.random,
      },
      shared,
      questions,
      wake,
    };
    return {
      listening: [`${formatIpv4(start.bindAddress)}:${udp.port}`],
      isLent: sockets !== undefined,
      interfaceName: tunnel.name,
      workers: ONE_WORKER,
      offloads: reportOffloads(offloads, start.offloads),
      notices: [...noticesOf([udp]), ...tunnel.notices],
      ...keepOf(tunnel, [worker]),
      kept: { udp: [udp.fd], tun: tunnel.mayStay ? tunnel.queues : [] },
      close: () => opened.close(),
      start: async () => {
        const threads = await serve([worker], {
          stopping: () => tunnel.stopRouting(),
          ended: () => opened.close(),
          openThread: kernel.openThread,
        });
        const setRules: Datapath["setRules"] = (fresh) => {
          const isTaken = rules.replace(fresh as ClientRules);
          wake.signal();
          return isTaken;
        };
        return { ...threads, fates, tapes, client, setRules };
      },
    };
  });
}

function openService(
  kernel: Kernel,
  libc: Libc,
  arena: Arena,
  { bindAddress: address, bindPort, socketBuffer: buffer, offloads: gro, ...start }: ClientStart,
  owned: (fd: number) => number,
): UdpSocket {
  const options = { address, port: bindPort, buffer, gro };
  const { inherited, sockets } = start;
  if (sockets === undefined) {
    const { steerRelay } = kernel;
    return openUdpGroup(kernel, libc, arena, options, 1, steerRelay, owned, inherited)[0]!;
  }
  const fd = owned(sockets.service);
  const port = boundPort(libc, arena, fd, "service port");
  return resumeUdpSocket(kernel, libc, arena, fd, port, options);
}
