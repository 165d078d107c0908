import type { Arena } from "#ffi/arena.ts";
import { failure } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  POLLERR,
  POLLFD_EVENTS_AT,
  POLLFD_FD_AT,
  POLLFD_REVENTS_AT,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  SIZEOF_POLLFD,
} from "#ffi/posix.ts";
import type { Millis } from "#src/protocol/time.ts";
import { Borne } from "./borne.ts";

/** How long a loop sleeps at most, so that its heartbeat stays fresh. */
const LONGEST_WAIT: Millis = 500;

/** No descriptor; poll() passes over it. */
export const NOTHING = -1;

/** Waits for any of a few descriptors to be readable, or writable where asked, by `poll`. */
export class Waiter {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #descriptors: number[];
  readonly #fds: number;
  /** Of the places, those in front of the last that is taken. */
  #count = 0;
  readonly #borne: Borne;

  static readonly arenaLength: number = 4096;

  /** @param room free places behind these, for {@link watch} */
  constructor(libc: Libc, arena: Arena, descriptors: readonly number[], room = 0) {
    this.#libc = libc;
    this.#borne = new Borne(libc.layout);
    this.#arena = arena;
    this.#descriptors = [...descriptors, ...new Array(room).fill(NOTHING)];
    this.#fds = arena.take(SIZEOF_POLLFD * this.#descriptors.length);
    this.#descriptors.forEach((fd, i) => this.watch(i, fd));
  }

  /** Waits in place `i` for this descriptor from now on, or for none: {@link NOTHING}. */
  watch(i: number, fd: number): void {
    this.#descriptors[i] = fd;
    this.#count = 1 + this.#descriptors.findLastIndex((it) => it !== NOTHING);
    this.expect(i, POLLIN);
    this.#setReady(i, 0);
  }

  /** What descriptor `i` is waited for from now on: POLLIN, as at first, and POLLOUT; 0: nothing. */
  expect(i: number, events: number): void {
    const entry = this.#fds + i * SIZEOF_POLLFD;
    const fd = this.#descriptors[i]!;
    // poll() passes over negative ones; of others it tells errors unasked, again and again.
    const isIdle = events === 0 && fd !== NOTHING;
    this.#arena.i32[(entry + POLLFD_FD_AT) >> 2] = isIdle ? ~fd : fd;
    this.#arena.u16[(entry + POLLFD_EVENTS_AT) >> 1] = events;
  }

  /**
   * Waits until a descriptor is ready, at most `timeout` (rounded up, so that a timer is due when
   * this returns) and never longer than the heartbeat allows.
   *
   * @throws SyscallError when poll itself fails again and again
   */
  wait(timeout: Millis): void {
    const ms = Math.max(0, Math.min(Math.ceil(timeout), LONGEST_WAIT));
    const ready = this.#libc.call.poll(this.#arena.address(this.#fds), this.#count, ms);
    if (ready >= 0) return this.#borne.end();
    const errno = this.#libc.errno();
    for (let i = 0; i < this.#count; i++) this.#setReady(i, 0);
    if (!this.#borne.bears(errno)) throw failure(this.#libc, "poll", "datapath", errno);
  }

  /**
   * Whether the descriptor in place `i` had something to read: an error, or the end of a
   * device that was taken away, counts.
   *
   * @throws Error when it was closed
   */
  isReady(i: number): boolean {
    const events = this.#ready(i);
    if (events & POLLNVAL) throw new Error("A descriptor of the datapath was closed under it");
    return (events & (POLLIN | POLLERR | POLLHUP)) !== 0;
  }

  /** Whether descriptor `i` takes more, or has an error that writing to it would tell. */
  isWritable(i: number): boolean {
    return (this.#ready(i) & (POLLOUT | POLLERR | POLLHUP)) !== 0;
  }

  #ready(i: number): number {
    return this.#arena.u16[(this.#fds + i * SIZEOF_POLLFD + POLLFD_REVENTS_AT) >> 1]!;
  }

  #setReady(i: number, events: number): void {
    this.#arena.u16[(this.#fds + i * SIZEOF_POLLFD + POLLFD_REVENTS_AT) >> 1] = events;
  }
}
