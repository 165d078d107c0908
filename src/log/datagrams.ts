import { Arena } from "#ffi/arena.ts";
import { cmsgSpace, sockaddrHead } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_UNIX,
  CMSGHDR_DATA_AT,
  CMSGHDR_LEN_AT,
  EINTR,
  IOVEC_BASE_AT,
  IOVEC_LEN_AT,
  MSGHDR_CONTROL_AT,
  MSGHDR_CONTROLLEN_AT,
  MSGHDR_IOV_AT,
  MSGHDR_IOVLEN_AT,
  POLLFD_EVENTS_AT,
  POLLFD_FD_AT,
  POLLOUT,
  SCM_RIGHTS,
  SIZEOF_IOVEC,
  SIZEOF_POLLFD,
  SOCK_DGRAM,
} from "#ffi/posix.ts";
import type { Output } from "./outbox.ts";

// struct sockaddr_un, <sys/un.h>
const SUN_PATH_AT = 2;
const SUN_PATH_LENGTH = 108;
const BSD_SUN_PATH_LENGTH = 104;

/** Longer messages are cut. */
const MAX_LENGTH = 4096;

/**
 * Messages to a Unix datagram socket, by a connection that outlives a change of the root directory,
 * and is made again when the receiver was. Never waits for who reads them.
 */
export class DatagramOutput implements Output {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #nameAt: number;
  readonly #nameLength: number;
  readonly #bytesAt: number;
  readonly #pollAt: number;
  /** Of a message with a descriptor: its header, control message and vector. */
  readonly #messageAt: number;
  #fd = -1;

  /** @param path `@` at its start stands for the NUL of an abstract name. unix(7) */
  constructor(libc: Libc, path: string) {
    const { layout } = libc;
    this.#libc = libc;
    this.#arena = Arena.plain(libc, 2 * MAX_LENGTH);
    const room = layout.hasSockaddrLength ? BSD_SUN_PATH_LENGTH : SUN_PATH_LENGTH;
    const name = new TextEncoder().encode(path).subarray(0, room);
    this.#nameLength = SUN_PATH_AT + name.length;
    this.#nameAt = this.#arena.take(SUN_PATH_AT + room);
    this.#bytesAt = this.#arena.take(MAX_LENGTH);
    this.#pollAt = this.#arena.take(SIZEOF_POLLFD);
    this.#messageAt = this.#arena.take(layout.SIZEOF_MSGHDR + cmsgSpace(layout, 4) + SIZEOF_IOVEC);
    const { u8, u16 } = this.#arena;
    u16[this.#nameAt >> 1] = sockaddrHead(layout, AF_UNIX, this.#nameLength);
    u8.set(name, this.#nameAt + SUN_PATH_AT);
    if (path.startsWith("@")) u8[this.#nameAt + SUN_PATH_AT] = 0;
    // A name that was cut is another's.
    if (name.length < room) this.#connect();
  }

  get isConnected(): boolean {
    return this.#fd >= 0;
  }

  /** Whoever is gone may come back, and the messages wait. */
  write(bytes: Uint8Array): number {
    const length = Math.min(bytes.length, MAX_LENGTH);
    this.#arena.u8.set(bytes.subarray(0, length), this.#bytesAt);
    for (let again = 0; again < 2; again++) {
      if (!this.isConnected && !this.#connect()) return 0;
      if (this.#send(length) >= 0) return bytes.length;
      const { layout } = this.#libc;
      const errno = this.#libc.errno();
      if (errno === layout.EMSGSIZE) return -1;
      if ([layout.EAGAIN, layout.ENOBUFS, EINTR].includes(errno)) return 0;
      this.#disconnect();
    }
    return 0;
  }

  /**
   * Sends a message with a descriptor, of which the receiver gets a copy. Does not wait.
   *
   * @returns whether it was taken
   */
  writeWith(bytes: Uint8Array, descriptor: number): boolean {
    if (!this.isConnected || bytes.length > MAX_LENGTH) return false;
    const { layout, call } = this.#libc;
    const { u8, i32, u32 } = this.#arena;
    const header = this.#messageAt;
    const control = header + layout.SIZEOF_MSGHDR;
    const vector = control + cmsgSpace(layout, 4);
    u8.fill(0, header, vector + SIZEOF_IOVEC);
    u8.set(bytes, this.#bytesAt);
    this.#arena.writeU64(vector + IOVEC_BASE_AT, this.#arena.address(this.#bytesAt));
    this.#arena.writeU64(vector + IOVEC_LEN_AT, bytes.length);
    u32[(control + CMSGHDR_LEN_AT) >> 2] = CMSGHDR_DATA_AT + 4;
    i32[(control + layout.CMSGHDR_LEVEL_AT) >> 2] = layout.SOL_SOCKET;
    i32[(control + layout.CMSGHDR_TYPE_AT) >> 2] = SCM_RIGHTS;
    i32[(control + CMSGHDR_DATA_AT) >> 2] = descriptor;
    this.#arena.writeU64(header + MSGHDR_IOV_AT, this.#arena.address(vector));
    u32[(header + MSGHDR_IOVLEN_AT) >> 2] = 1;
    this.#arena.writeU64(header + MSGHDR_CONTROL_AT, this.#arena.address(control));
    u32[(header + MSGHDR_CONTROLLEN_AT) >> 2] = cmsgSpace(layout, 4);
    const flags = layout.MSG_DONTWAIT | layout.MSG_NOSIGNAL;
    return call.sendmsg(this.#fd, this.#arena.address(header), flags) >= 0;
  }

  wait(limit: number): boolean {
    if (!this.isConnected) return false;
    const { i32, u16 } = this.#arena;
    i32[(this.#pollAt + POLLFD_FD_AT) >> 2] = this.#fd;
    u16[(this.#pollAt + POLLFD_EVENTS_AT) >> 1] = POLLOUT;
    return this.#libc.call.poll(this.#arena.address(this.#pollAt), 1, Math.ceil(limit)) > 0;
  }

  close(): void {
    this.#disconnect();
    this.#arena.close();
  }

  #send(length: number): number {
    const { MSG_DONTWAIT, MSG_NOSIGNAL } = this.#libc.layout;
    const at = this.#arena.address(this.#bytesAt);
    return this.#libc.call.sendto(this.#fd, at, length, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
  }

  #connect(): boolean {
    const { call, layout } = this.#libc;
    this.#fd = call.socket(AF_UNIX, SOCK_DGRAM | layout.SOCK_CLOEXEC | layout.SOCK_NONBLOCK, 0);
    if (this.#fd < 0) return false;
    const name = this.#arena.address(this.#nameAt);
    if (call.connect(this.#fd, name, this.#nameLength) === 0) return true;
    this.#disconnect();
    return false;
  }

  #disconnect(): void {
    if (this.isConnected) this.#libc.call.close(this.#fd);
    this.#fd = -1;
  }
}
