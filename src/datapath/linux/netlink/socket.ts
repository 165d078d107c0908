import { check, SyscallError } from "#ffi/errors.ts";
import { errnoName } from "#ffi/layout.ts";
import { type Libc } from "#ffi/libc.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import {
  EPROTO,
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ERROR_AT,
  NLMSGERR_MSG_AT,
  NLMSGHDR_FLAGS_AT,
  NLMSGHDR_LEN_AT,
  NLMSGHDR_SEQ_AT,
  NLMSGHDR_TYPE_AT,
  SIZEOF_NLMSGERR,
  SIZEOF_NLMSGHDR,
} from "#ffi/linux/mod.ts";
import { NetlinkChannel } from "./channel.ts";
import { align, readAttributes, readString, viewOf } from "./message.ts";

/** A list is asked for again when what it lists changed meanwhile. */
const DUMP_ATTEMPTS = 5;

/**
 * A socket to the kernel's rtnetlink, or another part of it: one request at a time, each waited for.
 *
 * For start, end and checks, not for packets: it blocks and allocates.
 */
export class Netlink {
  readonly #libc: Libc;
  /** For who asks often, and in place. */
  readonly channel: NetlinkChannel;

  /** @param protocol NETLINK_NETFILTER for packet filters @throws SyscallError */
  constructor(libc: Libc, protocol?: number) {
    this.#libc = libc;
    this.channel = new NetlinkChannel(libc, protocol);
  }

  close(): void {
    this.channel.close();
  }

  /**
   * Asks for a change and waits until it is made.
   *
   * @param body what follows the nlmsghdr
   * @param about what it does, for the error: `add route 2001::/32`
   * @throws SyscallError, with the kernel's own explanation where it gives one
   */
  change(type: number, flags: number, body: Uint8Array, about: string): void {
    this.#send(type, flags | NLM_F_REQUEST | NLM_F_ACK, body, about);
    this.#receive(about, () => undefined);
  }

  /**
   * Asks for a list. Of one that keeps changing the last answer is given: what came or went meanwhile
   * may be missing from it, or be in it twice.
   *
   * @param parse makes a result of an answer's bytes behind the nlmsghdr, which are only valid within
   *   the call; undefined leaves it out
   * @throws SyscallError
   */
  dump<T>(type: number, body: Uint8Array, about: string, parse: Parse<T>): T[] {
    for (let attempt = 1;; attempt++) {
      this.#send(type, NLM_F_REQUEST | NLM_F_DUMP, body, about);
      const { results, interrupted } = this.#receive(about, parse);
      if (!interrupted || attempt === DUMP_ATTEMPTS) return results;
    }
  }

  /** Asks for one thing. @param parse as for {@link dump} @throws SyscallError */
  ask<T>(type: number, body: Uint8Array, about: string, parse: Parse<T>): T | undefined {
    this.#send(type, NLM_F_REQUEST | NLM_F_ACK, body, about);
    return this.#receive(about, parse).results[0];
  }

  #send(type: number, flags: number, body: Uint8Array, about: string): void {
    const { channel } = this;
    if (body.length > channel.bodyCapacity) {
      throw new RangeError(`${body.length} bytes for netlink`);
    }
    channel.bytes.set(body, channel.bodyAt);
    check(this.#libc, channel.send(type, flags, body.length), "sendto", `netlink, ${about}`);
  }

  /** Reads until the request in flight is answered in full. */
  #receive<T>(about: string, parse: Parse<T>): Received<T> {
    const results: T[] = [];
    let interrupted = false;
    for (;;) {
      for (const answer of this.#answers(about)) {
        if (answer.sequence !== this.channel.sequence) continue; // of a list given up halfway
        if ((answer.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
        if (answer.type === NLMSG_DONE || answer.type === NLMSG_ERROR) {
          readWhole(() => throwIfFailed(answer, about), about);
          return { results, interrupted };
        }
        const result = readWhole(() => parse(answer.payload), about);
        if (result !== undefined) results.push(result);
      }
    }
  }

  /** The messages of one datagram from the kernel. */
  *#answers(about: string): Generator<Answer> {
    const { channel } = this;
    const length = check(this.#libc, channel.receive(), "recv", `netlink, ${about}`);
    const bytes = channel.bytes.subarray(channel.answerAt, channel.answerAt + length);
    const view = viewOf(bytes);
    let at = 0;
    while (at + SIZEOF_NLMSGHDR <= length) {
      const size = view.getUint32(at + NLMSGHDR_LEN_AT, true);
      if (size < SIZEOF_NLMSGHDR || at + size > length) return;
      yield {
        type: view.getUint16(at + NLMSGHDR_TYPE_AT, true),
        flags: view.getUint16(at + NLMSGHDR_FLAGS_AT, true),
        sequence: view.getUint32(at + NLMSGHDR_SEQ_AT, true),
        payload: bytes.subarray(at + SIZEOF_NLMSGHDR, at + size),
      };
      at += align(size);
    }
  }
}

type Parse<T> = (payload: Uint8Array) => T | undefined;

interface Received<T> {
  readonly results: T[];
  /** A list came in pieces between which something changed. */
  readonly interrupted: boolean;
}

interface Answer {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** @throws SyscallError EPROTO where a message ends before what every kernel has in it */
function readWhole<T>(read: () => T, about: string): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SyscallError("netlink", about, EPROTO, "EPROTO: an answer that is cut short");
  }
}

/** NLMSG_ERROR carries a struct nlmsgerr, NLMSG_DONE only its first field. 0 is success. */
function throwIfFailed({ type, flags, payload }: Answer, about: string): void {
  const errno = -viewOf(payload).getInt32(NLMSGERR_ERROR_AT, true);
  if (errno === 0) return;
  const name = errnoName(LINUX, errno);
  const why = type === NLMSG_ERROR ? explanation(flags, payload) : undefined;
  throw new SyscallError("netlink", about, errno, why === undefined ? name : `${name}: ${why}`);
}

/** The kernel's text, behind as much of the request as it echoes. */
function explanation(flags: number, payload: Uint8Array): string | undefined {
  if ((flags & NLM_F_ACK_TLVS) === 0) return undefined;
  const echoed = viewOf(payload).getUint32(NLMSGERR_MSG_AT + NLMSGHDR_LEN_AT, true);
  const body = (flags & NLM_F_CAPPED) !== 0 ? 0 : align(echoed - SIZEOF_NLMSGHDR);
  return readString(readAttributes(payload, SIZEOF_NLMSGERR + body).get(NLMSGERR_ATTR_MSG));
}
