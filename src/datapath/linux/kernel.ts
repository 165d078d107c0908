import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { bootTime, monotonicTime } from "#ffi/linux/clock.ts";
import {
  IP_MTU_DISCOVER,
  IP_PMTUDISC_DONT,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RXQ_OVFL,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOL_IP,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
} from "#ffi/linux/mod.ts";
import type { Kernel, UdpTuning } from "../kernel.ts";
import { openRawIpv6, RawIpv6Sender } from "../raw_ipv6.ts";
import { setOption } from "../udp/socket.ts";
import { boundAsWanted } from "./adopt_udp.ts";
import { lendTo } from "./fast_path/lend.ts";
import { openFastPath } from "./fast_path/relay_fast_path.ts";
import { openServerFastPath } from "./fast_path/server/fast_path.ts";
import { steerRelaySockets, steerServerSockets } from "./steering.ts";
import { nameOfThread, openThread } from "./thread.ts";
import { LinuxTunQueue } from "./tun/queue.ts";
import { openTunnel } from "./tun/tunnel.ts";
import { LINUX_WORDS } from "./words.ts";

export const LINUX_KERNEL: Kernel = {
  words: LINUX_WORDS,
  arenaLength: Math.max(LinuxTunQueue.arenaLength, RawIpv6Sender.arenaLength),
  oneWorker: undefined,
  bootTime,
  monotonicTime,
  nameOfThread,
  openThread,
  steerRelay: steerRelaySockets,
  steerServer: steerServerSockets,
  boundAsWanted,
  tuneUdp,
  openTunnel,
  openFastPath,
  lend: lendTo,
  openServerFastPath,
  tunQueue: (libc, arena, fd, name, { tun }) => new LinuxTunQueue(libc, arena, fd, name, tun),
  openNative: (libc) => {
    const fd = openRawIpv6(libc);
    return { fd, close: () => libc.call.close(fd) };
  },
  nativeSender: (libc, arena, fd) => new RawIpv6Sender(libc, arena, fd, "packet"),
};

/** The DF bit clear, RFC 4380 §5.1.2; datagrams lost for want of buffer told. */
function tuneUdp(libc: Libc, arena: Arena, fd: number, { buffer, gro }: UdpTuning) {
  const set = (level: number, name: number, value: number) =>
    setOption(libc, arena, fd, level, name, value);
  check(libc, set(SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT), "setsockopt", "IP_MTU_DISCOVER");
  check(libc, set(SOL_SOCKET, SO_RXQ_OVFL, 1), "setsockopt", "SO_RXQ_OVFL");
  // Beyond net.core.rmem_max only with CAP_NET_ADMIN; without it the kernel gives what it allows.
  if (set(SOL_SOCKET, SO_RCVBUFFORCE, buffer) < 0) set(SOL_SOCKET, SO_RCVBUF, buffer);
  if (set(SOL_SOCKET, SO_SNDBUFFORCE, buffer) < 0) set(SOL_SOCKET, SO_SNDBUF, buffer);
  const udpGro = gro && set(SOL_UDP, UDP_GRO, 1) === 0;
  // 0 is what it has: a socket whose sends are not cut unless they say so themselves.
  const udpSegment = set(SOL_UDP, UDP_SEGMENT, 0) === 0;
  return { udpGro, udpSegment };
}
