import type { Arena } from "#ffi/arena.ts";
import type { System } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import type { Kernel, UdpTuning } from "../kernel.ts";
import { setOption } from "../udp/socket.ts";
import { WorkersRefused } from "../threads/workers.ts";
import { type Run, runCommand } from "./commands.ts";
import { NativeSender, openNative } from "./native.ts";
import { BsdTunQueue } from "./tun/queue.ts";
import { openTunnel } from "./tun/tunnel.ts";
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
  const sizes = [SO_RCVBUF, SO_SNDBUF].map((option) => setBuffer(libc, arena, fd, option, buffer));
  const notice = bufferNotice(libc, buffer, Math.min(...sizes));
  return { udpGro: false, udpSegment: false, notice };
}

/**
 * Asks for less until the kernel agrees: beyond kern.ipc.maxsockbuf (FreeBSD, DragonFly BSD),
 * kern.sbmax (NetBSD) or SB_MAX (OpenBSD) it answers ENOBUFS rather than giving what it allows.
 *
 * @returns bytes it has then; 0: as the system made it
 */
function setBuffer(libc: Libc, arena: Arena, fd: number, option: number, wanted: number): number {
  const { SOL_SOCKET, ENOBUFS } = libc.layout;
  for (let size = wanted; size >= SMALLEST_BUFFER; size = Math.floor(size / 2)) {
    if (setOption(libc, arena, fd, SOL_SOCKET, option, size) === 0) return size;
    if (libc.errno() !== ENOBUFS) break;
  }
  return 0;
}

/** The variable that bounds a socket's buffers. OpenBSD's SB_MAX is part of the kernel. */
const MOST_BUFFER: Readonly<Partial<Record<System, string>>> = {
  "FreeBSD": "sysctl kern.ipc.maxsockbuf",
  "NetBSD": "sysctl -w kern.sbmax",
  "DragonFly BSD": "sysctl kern.ipc.maxsockbuf",
};

/** @param given bytes; 0: as the system made them */
function bufferNotice({ layout }: Libc, wanted: number, given: number): string | undefined {
  if (given >= wanted) return undefined;
  const set = MOST_BUFFER[layout.system];
  // Of what is allowed a part goes to the heads of mbufs: at most a fifth, MSIZE / (MSIZE + MCLBYTES).
  const more = set === undefined
    ? "which is all that the kernel gives"
    : `for more run \`${set}=${Math.ceil(wanted * 1.25)}\``;
  const size = given === 0 ? "the size that the system gives" : `${given} bytes`;
  return `UDP buffers have ${size}, not socket_buffer = ${wanted}: ${more}`;
}
