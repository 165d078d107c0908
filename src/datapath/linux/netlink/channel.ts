import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_NETLINK,
  MSG_TRUNC,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  NLMSGHDR_FLAGS_AT,
  NLMSGHDR_LEN_AT,
  NLMSGHDR_SEQ_AT,
  NLMSGHDR_TYPE_AT,
  SIZEOF_NLMSGHDR,
  SIZEOF_SOCKADDR_NL,
  SIZEOF_TIMESPEC,
  SO_RCVTIMEO,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOCKADDR_NL_FAMILY_AT,
  SOL_NETLINK,
  SOL_SOCKET,
  TIMESPEC_SEC_AT,
} from "#ffi/linux/mod.ts";

const SEND_CAPACITY = 4096;
/** The kernel fills at most 32 KiB of an answer at once. netlink(7) */
const RECEIVE_CAPACITY = 32_768;
/** The kernel answers within the call that asks; this only keeps a surprise from hanging a start. */
const ANSWER_TIMEOUT_S = 5;

/**
 * A netlink socket with room for one message and for one datagram of answers, in which whoever asks
 * writes and reads in place: nothing is made for it. One thread uses it, one request at a time.
 */
export class NetlinkChannel {
  /** Room and answers, by offset. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** Of what follows the nlmsghdr of the message to be sent; a multiple of 4. */
  readonly bodyAt: number;
  readonly bodyCapacity: number = SEND_CAPACITY - SIZEOF_NLMSGHDR;
  /** Of the datagram that {@link receive} took last. */
  readonly answerAt: number;
  /** The number of the last message, which its answers bear too. */
  sequence = 0;
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #sendAt: number;

  /** @param protocol NETLINK_NETFILTER for packet filters @throws SyscallError */
  constructor(libc: Libc, protocol: number = NETLINK_ROUTE) {
    this.#libc = libc;
    const fd = libc.call.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    this.#fd = check(libc, fd, "socket", "netlink");
    this.#arena = Arena.plain(libc, SEND_CAPACITY + RECEIVE_CAPACITY);
    this.bytes = this.#arena.u8;
    this.view = new DataView(this.bytes.buffer);
    this.#sendAt = this.#arena.take(SEND_CAPACITY);
    this.bodyAt = this.#sendAt + SIZEOF_NLMSGHDR;
    this.answerAt = this.#arena.take(RECEIVE_CAPACITY);
    try {
      this.#connect();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#libc.call.close(this.#fd);
    this.#arena.close();
  }

  /**
   * Sends what stands at {@link bodyAt}.
   *
   * @param length bytes of it
   * @returns less than 0: the kernel refused it, and the libc knows why
   */
  send(type: number, flags: number, length: number): number {
    const at = this.#sendAt;
    const size = SIZEOF_NLMSGHDR + length;
    this.sequence = (this.sequence + 1) >>> 0;
    this.view.setUint32(at + NLMSGHDR_LEN_AT, size, true);
    this.view.setUint16(at + NLMSGHDR_TYPE_AT, type, true);
    this.view.setUint16(at + NLMSGHDR_FLAGS_AT, flags, true);
    this.view.setUint32(at + NLMSGHDR_SEQ_AT, this.sequence, true);
    return this.#libc.call.sendto(this.#fd, this.#arena.address(at), size, 0, 0, 0);
  }

  /**
   * Waits for a datagram from the kernel, which lies at {@link answerAt}.
   *
   * @returns its bytes, of which no more are there than fit; less than 0: none came
   * @throws RangeError if it did not fit
   */
  receive(): number {
    const address = this.#arena.address(this.answerAt);
    const length = this.#libc.call.recv(this.#fd, address, RECEIVE_CAPACITY, MSG_TRUNC);
    if (length > RECEIVE_CAPACITY) throw new RangeError(`netlink(recv): ${length} bytes`);
    return length;
  }

  /** Has the kernel heed what a list is to be of; before Linux 4.20 it gives whole ones all the same. */
  filterLists(): void {
    const at = this.#sendAt;
    this.view.setUint32(at, 1, true);
    const address = this.#arena.address(at);
    this.#libc.call.setsockopt(this.#fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, address, 4);
  }

  /** Connected to the kernel, the socket takes no message from another process. */
  #connect(): void {
    const { call } = this.#libc;
    const at = this.#sendAt;
    const address = this.#arena.address(at);
    this.view.setUint16(at + SOCKADDR_NL_FAMILY_AT, AF_NETLINK, true);
    check(this.#libc, call.connect(this.#fd, address, SIZEOF_SOCKADDR_NL), "connect", "netlink");
    // A struct timeval has the layout of a struct timespec.
    this.bytes.fill(0, at, at + SIZEOF_TIMESPEC);
    this.view.setUint32(at + TIMESPEC_SEC_AT, ANSWER_TIMEOUT_S, true);
    call.setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, address, SIZEOF_TIMESPEC);
    // Kernels before 4.12 lack it; then errors come without an explanation.
    this.view.setUint32(at, 1, true);
    call.setsockopt(this.#fd, SOL_NETLINK, NETLINK_EXT_ACK, address, 4);
    this.bytes.fill(0, at, at + SIZEOF_TIMESPEC);
  }
}
