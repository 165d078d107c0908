import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  EAGAIN,
  IOVEC_BASE_AT,
  IOVEC_LEN_AT,
  SIZEOF_IOVEC,
  SIZEOF_VIRTIO_NET_HDR,
  VIRTIO_NET_HDR_CSUM_OFFSET_AT,
  VIRTIO_NET_HDR_CSUM_START_AT,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_FLAGS_AT,
  VIRTIO_NET_HDR_GSO_ECN,
  VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_GSO_SIZE_AT,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_TYPE_AT,
  VIRTIO_NET_HDR_GSO_UDP_L4,
  VIRTIO_NET_HDR_HDR_LEN_AT,
} from "#ffi/linux/mod.ts";
import { EINTR } from "#ffi/posix.ts";
import { copyBytes } from "#src/protocol/wire/bytes.ts";
import { NEXT_HEADER_TCP, NEXT_HEADER_UDP } from "#src/protocol/wire/ipv6.ts";
import { MAX_RUN, type Run } from "#src/segments/run.ts";
import { TCP_CHECKSUM_AT, UDP_CHECKSUM_AT } from "#src/segments/transport.ts";
import { CAPACITY } from "../../frames.ts";
import type { TunQueue } from "../../tun_queue.ts";

/** Of a packet that is no super-packet, or one of a kind that was not asked for. */
const NO_TRANSPORT = 0;

/**
 * A queue of Linux. Without offloads packets come and go bare (IFF_NO_PI).
 *
 * With offloads a `struct virtio_net_hdr` of 10 bytes goes before each packet, in the machine's byte
 * order. For a run it comes from a place of its own.
 */
export class LinuxTunQueue implements TunQueue {
  readonly name: string;
  /** Non-blocking; readable when a packet waits. */
  readonly fd: number;

  segmentSize = 0;
  transport: number = NO_TRANSPORT;
  needsChecksum = false;
  checksumStart = 0;
  checksumOffset = 0;

  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #headerLength: number;
  /** One entry for the header, one for each piece of a run. */
  readonly #iovecs: number;
  readonly #header: number;
  /** What lies in the place of the header of a packet that is being written. */
  readonly #saved = new Uint8Array(SIZEOF_VIRTIO_NET_HDR);

  /** Bytes of arena that one queue takes. */
  static readonly arenaLength: number = (1 + MAX_RUN) * SIZEOF_IOVEC + 4096;

  /**
   * For a descriptor that `openTun` made, maybe on another thread; `libc` and `arena` are this one's.
   *
   * @param offloads whether it was opened with them: `Offloads.tun`
   */
  constructor(libc: Libc, arena: Arena, fd: number, name: string, offloads = false) {
    this.#libc = libc;
    this.#arena = arena;
    this.fd = fd;
    this.name = name;
    this.#headerLength = offloads ? SIZEOF_VIRTIO_NET_HDR : 0;
    this.#iovecs = arena.take((1 + MAX_RUN) * SIZEOF_IOVEC);
    this.#header = arena.take(SIZEOF_VIRTIO_NET_HDR);
    arena.writeU64(this.#iovecs + IOVEC_BASE_AT, arena.address(this.#header));
    arena.u32[(this.#iovecs + IOVEC_LEN_AT) >> 2] = SIZEOF_VIRTIO_NET_HDR;
  }

  /**
   * Reads one packet to offset `at` of the arena, a multiple of 4 with 10 free bytes before it; what
   * exceeds `capacity` is cut off. The fields of this object then describe it.
   *
   * @returns its length; 0 when none waits; a negative errno: -EBADFD once the interface is deleted
   */
  read(at: number, capacity: number = CAPACITY): number {
    const from = at - this.#headerLength;
    const size = capacity + this.#headerLength;
    const length = this.#libc.call.read(this.fd, this.#arena.address(from), size);
    if (length < 0) return this.#failure();
    if (this.#headerLength > 0) this.#readHeader(from);
    return length - this.#headerLength;
  }

  #readHeader(at: number): void {
    const { u8, u16 } = this.#arena;
    this.needsChecksum = (u8[at + VIRTIO_NET_HDR_FLAGS_AT]! & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0;
    const type = u8[at + VIRTIO_NET_HDR_GSO_TYPE_AT]! & ~VIRTIO_NET_HDR_GSO_ECN;
    this.transport = transportOf(type);
    this.segmentSize = type === VIRTIO_NET_HDR_GSO_NONE
      ? 0
      : u16[(at + VIRTIO_NET_HDR_GSO_SIZE_AT) >> 1]!;
    this.checksumStart = u16[(at + VIRTIO_NET_HDR_CSUM_START_AT) >> 1]!;
    this.checksumOffset = u16[(at + VIRTIO_NET_HDR_CSUM_OFFSET_AT) >> 1]!;
  }

  /**
   * Hands the packet of `length` bytes at offset `at` of the arena to the kernel. With offloads the 10
   * bytes before it are for the header meanwhile.
   *
   * @returns `length`; 0 when the kernel cannot take it now; a negative errno: -EINVAL for what is
   *   no IP packet, -EIO while the interface is down, -EBADFD once it is deleted
   */
  write(at: number, length: number): number {
    const header = this.#headerLength;
    const from = at - header;
    const { u8 } = this.#arena;
    copyBytes(this.#saved, 0, u8, from, header);
    for (let i = from; i < at; i++) u8[i] = 0;
    const written = this.#libc.call.write(this.fd, this.#arena.address(from), length + header);
    copyBytes(u8, from, this.#saved, 0, header);
    return written >= 0 ? written - header : this.#failure();
  }

  /**
   * Hands a run of two or more segments over as one super-packet, whose pieces stay where they are.
   * Only with offloads. The kernel completes the checksum of each segment where it must.
   *
   * @returns bytes taken, or as {@link write}
   */
  writeRun(run: Run): number {
    this.#writeHeader(run);
    for (let i = 0; i < run.count; i++) this.#setPiece(1 + i, run.pieceAt(i), run.pieceLength(i));
    const iovecs = this.#arena.address(this.#iovecs);
    const written = this.#libc.call.writev(this.fd, iovecs, 1 + run.count);
    return written >= 0 ? written - this.#headerLength : this.#failure();
  }

  #writeHeader(run: Run): void {
    const { u8, u16 } = this.#arena;
    const at = this.#header;
    const isTcp = run.transport === NEXT_HEADER_TCP;
    const type = isTcp ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_UDP_L4;
    u8[at + VIRTIO_NET_HDR_FLAGS_AT] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    u8[at + VIRTIO_NET_HDR_GSO_TYPE_AT] = type | (run.hasCwr ? VIRTIO_NET_HDR_GSO_ECN : 0);
    u16[(at + VIRTIO_NET_HDR_HDR_LEN_AT) >> 1] = run.headerLength;
    u16[(at + VIRTIO_NET_HDR_GSO_SIZE_AT) >> 1] = run.segmentSize;
    u16[(at + VIRTIO_NET_HDR_CSUM_START_AT) >> 1] = run.transportAt;
    u16[(at + VIRTIO_NET_HDR_CSUM_OFFSET_AT) >> 1] = isTcp ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT;
  }

  #setPiece(i: number, at: number, length: number): void {
    const iovec = this.#iovecs + i * SIZEOF_IOVEC;
    this.#arena.writeU64(iovec + IOVEC_BASE_AT, this.#arena.address(at));
    this.#arena.u32[(iovec + IOVEC_LEN_AT) >> 2] = length;
  }

  #failure(): number {
    const errno = this.#libc.errno();
    return errno === EAGAIN || errno === EINTR ? 0 : -errno;
  }
}

function transportOf(type: number): number {
  if (type === VIRTIO_NET_HDR_GSO_TCPV6) return NEXT_HEADER_TCP;
  return type === VIRTIO_NET_HDR_GSO_UDP_L4 ? NEXT_HEADER_UDP : NO_TRANSPORT;
}
