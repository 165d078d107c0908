import type { Arena } from "#ffi/arena.ts";
import { ProgramRefused } from "#ffi/linux/bpf_calls.ts";
import { errnoName } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  BPF_PROG_TYPE_SOCKET_FILTER,
  SIZEOF_SOCK_FPROG,
  SKF_NET_OFF,
  SO_ATTACH_REUSEPORT_CBPF,
  SOCK_FPROG_FILTER_AT,
  SOCK_FPROG_LEN_AT,
  SOL_SOCKET,
  TUNSETSTEERINGEBPF,
} from "#ffi/linux/mod.ts";
import {
  AUTHENTICATION,
  AUTHENTICATION_FIXED_LENGTH,
  ORIGIN_INDICATION,
  ORIGIN_LENGTH,
} from "#src/protocol/wire/datagram.ts";
import { DESTINATION_AT, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import { MAPPED_ADDRESS_AT, MAPPED_PORT_AT } from "#src/protocol/wire/teredo_address.ts";
import { loadProgram } from "./bpf/load.ts";
import {
  exit,
  loadPacket,
  multiply32,
  type Program as EbpfProgram,
  R0,
  R1,
  R6,
  R7,
  set,
  shiftRight32,
  xor32,
} from "./bpf/steps.ts";
import { assembleClassic, classic, type Program } from "./filter_code.ts";
import { ADDRESS_FACTOR, SPREAD_FACTOR } from "../threads/share_out.ts";
import { WorkersRefused } from "../threads/workers.ts";

/**
 * Which worker a packet belongs to. The kernel decides, by these programs, before any worker is woken.
 *
 * A relay's peer has one worker, whichever way its packets go: the one that its mapped address and
 * port lead to, which are in the Teredo address of every one of them. So no two workers know one peer
 * (nothing is shared or locked), and its packets pass through one queue, one socket and one thread
 * (no flow is reordered). That a function of the address decides, and nothing that is remembered,
 * keeps this true from the first packet to the last.
 *
 * One exception: of datagrams that the kernel has joined on their way in (UDP_GRO), the first decides for
 * all. They come from one IPv4 address and port, and so from one peer, unless somebody forges them:
 * then some of that peer's packets can meet a worker that does not know it, and are counted as drops.
 *
 * A server keeps no peers: there the IPv4 source decides, so that one source meets one rate limit.
 */

/** What `share_out.ts` does with a number, in A. */
const spreadBy = (workers: number) => [
  classic.multiply(SPREAD_FACTOR),
  classic.shiftRight(16),
  classic.multiply(workers),
  classic.shiftRight(16),
];

/** The same on the other machine. */
const spreadR0By = (workers: number): EbpfProgram => [
  multiply32(R0, SPREAD_FACTOR),
  shiftRight32(R0, 16),
  multiply32(R0, workers),
  shiftRight32(R0, 16),
];

/** Offset of the source address in an IPv4 header. */
const IPV4_SOURCE_AT = 12;
const ID_LENGTH_AT = 2;
const AUTHENTICATION_LENGTH_AT = 3;
/** The one cell of scratch memory in use. */
const CELL = 0;

/** By the source of the IPv6 packet in a datagram; `data` starts at the UDP payload. Short ones: 0. */
const relaySocketProgram = (workers: number): Program => [
  // X: where the IPv6 packet starts, behind the headers that it may have. RFC 4380 §5.1.1
  classic.setX(0),
  classic.loadHalf(0),
  classic.ifEqual(AUTHENTICATION, "origin?"),
  classic.loadByte(ID_LENGTH_AT),
  classic.aToX,
  classic.loadByte(AUTHENTICATION_LENGTH_AT),
  classic.addX,
  classic.add(AUTHENTICATION_FIXED_LENGTH),
  classic.aToX,
  classic.loadHalfAtX(0),
  "origin?",
  classic.ifEqual(ORIGIN_INDICATION, "ipv6"),
  classic.xToA,
  classic.add(ORIGIN_LENGTH),
  classic.aToX,
  "ipv6",
  classic.loadWordAtX(SOURCE_AT + MAPPED_ADDRESS_AT),
  classic.multiply(ADDRESS_FACTOR),
  classic.store(CELL),
  classic.loadHalfAtX(SOURCE_AT + MAPPED_PORT_AT),
  classic.loadXFromCell(CELL),
  classic.xorX,
  ...spreadBy(workers),
  classic.returnA,
];

/** By the destination of the IPv6 packet that leaves through TUN; `data` starts at its header. */
const relayTunProgram = (workers: number): EbpfProgram => [
  set(R6, R1), // what the program was called for
  loadPacket.word(DESTINATION_AT + MAPPED_ADDRESS_AT),
  multiply32(R0, ADDRESS_FACTOR),
  set(R7, R0),
  loadPacket.half(DESTINATION_AT + MAPPED_PORT_AT),
  xor32(R0, R7),
  spreadR0By(workers),
  exit,
];

const serverSocketProgram = (workers: number): Program => [
  classic.loadWord((SKF_NET_OFF + IPV4_SOURCE_AT) >>> 0),
  classic.multiply(ADDRESS_FACTOR),
  ...spreadBy(workers),
  classic.returnA,
];

/**
 * Has the kernel share out what a relay's sockets receive: worker i has the socket bound i-th.
 *
 * @param fd of the first socket, with SO_REUSEPORT and not yet bound
 * @throws WorkersRefused
 */
export function steerRelaySockets(libc: Libc, arena: Arena, fd: number, workers: number): void {
  attachClassic(libc, arena, fd, relaySocketProgram(workers));
}

/** The same for the sockets of one address of a server. @throws WorkersRefused */
export function steerServerSockets(libc: Libc, arena: Arena, fd: number, workers: number): void {
  attachClassic(libc, arena, fd, serverSocketProgram(workers));
}

function attachClassic(libc: Libc, arena: Arena, fd: number, program: Program): void {
  const code = assembleClassic(arena, program);
  const option = arena.take(SIZEOF_SOCK_FPROG);
  arena.u16[(option + SOCK_FPROG_LEN_AT) >> 1] = code.count;
  arena.writeU64(option + SOCK_FPROG_FILTER_AT, arena.address(code.at));
  const at = arena.address(option);
  const name = SO_ATTACH_REUSEPORT_CBPF;
  if (libc.call.setsockopt(fd, SOL_SOCKET, name, at, SIZEOF_SOCK_FPROG) === 0) return;
  throw new WorkersRefused(`SO_ATTACH_REUSEPORT_CBPF: ${errnoName(libc.layout, libc.errno())}`);
}

/**
 * Has the kernel share out what leaves through the interface: worker i has its i-th queue.
 *
 * @param fd of any queue
 * @throws WorkersRefused, as in a user namespace, where bpf(2) is not to be had
 */
export function steerTun(libc: Libc, arena: Arena, fd: number, workers: number): void {
  const program = loadTunProgram(libc, arena, workers);
  if (program instanceof ProgramRefused) {
    throw new WorkersRefused(`bpf(BPF_PROG_LOAD): ${errnoName(libc.layout, program.errno)}`);
  }
  const at = arena.take(4);
  arena.i32[at >> 2] = program;
  const attached = libc.call.ioctl(fd, TUNSETSTEERINGEBPF, arena.address(at));
  const errno = libc.errno();
  libc.call.close(program); // the interface keeps it
  if (attached === -1) {
    throw new WorkersRefused(`TUNSETSTEERINGEBPF: ${errnoName(libc.layout, errno)}`);
  }
}

/** A descriptor for it, which the caller closes, or why the kernel does not take it. */
function loadTunProgram(libc: Libc, arena: Arena, workers: number): number | ProgramRefused {
  const program = relayTunProgram(workers);
  try {
    return loadProgram(libc, arena, BPF_PROG_TYPE_SOCKET_FILTER, "teredo_steering", program);
  } catch (error) {
    if (error instanceof ProgramRefused) return error;
    throw error;
  }
}

/** 0 when the kernel takes the program of {@link steerTun} from this process, else the error number. */
export function steeringErrno(libc: Libc, arena: Arena, workers: number): number {
  const program = loadTunProgram(libc, arena, workers);
  if (program instanceof ProgramRefused) return program.errno;
  libc.call.close(program);
  return 0;
}
