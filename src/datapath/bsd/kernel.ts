import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import type { Kernel, UdpTuning } from "../kernel.ts";
import { setOption } from "../udp_socket.ts";
import { WorkersRefused } from "../workers.ts";
import { type Run, runCommand } from "./commands.ts";
import { NativeSender, openNative } from "./native.ts";
import { BsdTunQueue } from "./tun_queue.ts";
import { openTunnel } from "./tunnel.ts";
import { wordsOf } from "./words.ts";

const ONE_WORKER = "a TUN interface has one queue on a BSD";
/** Below this a socket's buffer is left as the system made it. */
const SMALLEST_BUFFER = 16 * 1024;

/** @param run what the commands of the system are run with */
export function bsdKernel(libc: Pick<Libc, "layout">, run: Run = runCommand): Kernel {
  return {
    words: wordsOf(libc),
    arenaLength: Math.max(BsdTunQueue.arenaLength, NativeSender.arenaLength),
    oneWorker: ONE_WORKER,
    steerRelay: refuseWorkers,
    steerServer: refuseWorkers,
    tuneUdp,
    openTunnel: (libc, arena, setup) => openTunnel(libc, arena, run, setup),
    tunQueue: (libc, arena, fd, name) => new BsdTunQueue(libc, arena, fd, name),
    openNative: (libc, arena) => openNative(libc, arena, run),
    nativeSender: (libc, arena, fd) => new NativeSender(libc, arena, fd),
  };
}

function refuseWorkers(): never {
  throw new WorkersRefused(ONE_WORKER);
}

/** The DF bit of UDP is clear by itself, RFC 4380 §5.1.2; nothing is joined or cut up. */
function tuneUdp(libc: Libc, arena: Arena, fd: number, { buffer }: UdpTuning) {
  const { SO_RCVBUF, SO_SNDBUF } = libc.layout;
  for (const option of [SO_RCVBUF, SO_SNDBUF]) setBuffer(libc, arena, fd, option, buffer);
  return { udpGro: false, udpSegment: false };
}

/**
 * Asks for less until the kernel agrees: beyond kern.ipc.maxsockbuf (FreeBSD, DragonFly BSD),
 * kern.sbmax (NetBSD) or SB_MAX (OpenBSD) it answers ENOBUFS rather than giving what it allows.
 */
function setBuffer(libc: Libc, arena: Arena, fd: number, option: number, wanted: number): void {
  const { SOL_SOCKET, ENOBUFS } = libc.layout;
  for (let size = wanted; size >= SMALLEST_BUFFER; size = Math.floor(size / 2)) {
    if (setOption(libc, arena, fd, SOL_SOCKET, option, size) === 0) return;
    if (libc.errno() !== ENOBUFS) return;
  }
}
