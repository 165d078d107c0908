import { POLLIN, POLLOUT } from "#ffi/posix.ts";
import { Errno, unknown } from "../errno.ts";
import { type Message, PaperFile } from "../file.ts";
import { concat, masked } from "../lists.ts";
import { dataViewOf } from "../memory.ts";
import type { PaperRoute } from "../world.ts";
import { linkSockaddr } from "./layouts.ts";
import type { BsdMachine } from "./machine.ts";
import {
  AF_LINK,
  EAFNOSUPPORT,
  EAGAIN,
  EINVAL,
  EPROTONOSUPPORT,
  ESRCH,
  RTA_DST,
  RTA_GATEWAY,
  RTA_IFA,
  RTA_IFP,
  RTA_NETMASK,
  RTF_BLACKHOLE,
  RTF_DONE,
  RTF_GATEWAY,
  RTF_REJECT,
  RTF_STATIC,
  RTF_UP,
  RTM_GET,
} from "./numbers.ts";
import { lengthOfMask, maskBytes } from "./text.ts";

/** struct sockaddr_in6 */
const SIZEOF_SOCKADDR_IN6 = 28;
const SIN6_ADDR_AT = 8;
/** Bits of `rtm_addrs`. */
const RTAX_MAX = 8;

/** What a message asks about. */
interface Question {
  readonly address: Uint8Array;
  /** Undefined: the best route for `address`. */
  readonly length: number | undefined;
  readonly wantsInterface: boolean;
}

/**
 * A routing socket that answers RTM_GET: route_output() of sys/net/rtsock.c. FreeBSD's copies the
 * message of a failed request back with `rtm_errno`, as do the others.
 */
export class RouteSocket extends PaperFile {
  readonly kind = "route";
  readonly #machine: BsdMachine;
  readonly #queue: Uint8Array<ArrayBuffer>[] = [];

  constructor(machine: BsdMachine) {
    super();
    this.#machine = machine;
    machine.listeners.add(this);
  }

  override close(): void {
    this.#machine.listeners.delete(this);
  }

  override write(bytes: Uint8Array<ArrayBuffer>): number {
    const { rtm } = this.#machine.numbers;
    const view = dataViewOf(bytes);
    const isWhole = bytes.length >= rtm.size && view.getUint16(0, true) === bytes.length;
    if (!isWhole) throw new Errno(EINVAL);
    if (bytes[2] !== rtm.version) throw new Errno(EPROTONOSUPPORT);
    if (bytes[3] !== RTM_GET) unknown(`routing message ${bytes[3]}`);
    this.hear(this.#machine.numbers.types.RTM_NEWADDR); // somebody else's address
    try {
      this.#tellAll(this.#answer(bytes, this.#read(bytes)));
    } catch (error) {
      if (error instanceof Errno) this.#tellAll(this.#refusal(bytes, error.errno));
      throw error;
    }
    return bytes.length;
  }

  /** An answer comes to all routing sockets. send_rtm_reply(), route_output() */
  #tellAll(answer: Uint8Array<ArrayBuffer>): void {
    this.#queue.push(answer);
    for (const other of this.#machine.listeners) {
      if (other !== this) other.#queue.push(answer.slice());
    }
  }

  /** What others do is told to everybody. */
  hear(type: number): void {
    const { rtm } = this.#machine.numbers;
    const message = new Uint8Array(Math.max(rtm.size, 24));
    const view = dataViewOf(message);
    view.setUint16(0, message.length, true);
    message[2] = rtm.version;
    message[3] = type;
    this.#queue.push(message);
  }

  /** The sockaddrs behind the header, rt_xaddrs(). @throws Errno EINVAL, EAFNOSUPPORT */
  #read(bytes: Uint8Array<ArrayBuffer>): Question {
    const { rtm, AF_INET6 } = this.#machine.numbers;
    const view = dataViewOf(bytes);
    const bits = view.getInt32(rtm.addrsAt, true);
    let at = rtm.hdrlenAt === undefined ? rtm.size : this.#headerLength(view, rtm.hdrlenAt);
    const found = new Map<number, Uint8Array>();
    for (let i = 0; i < RTAX_MAX && at < bytes.length; i++) {
      if ((bits & (1 << i)) === 0) continue;
      const length = bytes[at]!;
      if (at + length > bytes.length) throw new Errno(EINVAL);
      found.set(1 << i, bytes.subarray(at, at + length));
      at += roundUp(length);
    }
    const destination = found.get(RTA_DST);
    if (destination === undefined) throw new Errno(EINVAL);
    if (destination[1] !== AF_INET6) throw new Errno(EAFNOSUPPORT);
    const mask = found.get(RTA_NETMASK);
    // cleanup_xaddrs_inet6()
    if (destination.length < SIZEOF_SOCKADDR_IN6) throw new Errno(EINVAL);
    return {
      address: destination.slice(SIN6_ADDR_AT, SIN6_ADDR_AT + 16),
      length: mask === undefined ? undefined : lengthOf(mask),
      wantsInterface: (bits & (RTA_IFP | RTA_IFA)) !== 0,
    };
  }

  /** `rtm_hdrlen` of OpenBSD; 0 stands for what the kernel has. */
  #headerLength(view: DataView, at: number): number {
    const { rtm } = this.#machine.numbers;
    const length = view.getUint16(at, true);
    if (length !== 0 && length !== rtm.size) throw new Errno(EINVAL);
    return rtm.size;
  }

  /** With a netmask the route for exactly that prefix, else the best one. handle_rtm_get() */
  #find({ address, length }: Question): PaperRoute {
    const { world } = this.#machine;
    const route = length === undefined
      ? world.routeFor(address)
      : world.routesTo({ bytes: masked(address, length), length })[0];
    if (route === undefined) throw new Errno(ESRCH);
    return route;
  }

  #answer(asked: Uint8Array<ArrayBuffer>, question: Question): Uint8Array<ArrayBuffer> {
    const { numbers, world, name } = this.#machine;
    const { rtm } = numbers;
    const route = this.#find(question);
    // A route that refuses leads to the loopback. fill_blackholeinfo()
    const link = route.link ?? world.link("lo0")!;
    // FreeBSD and OpenBSD tell the index at all events, the others where the interface is asked for.
    const tellsIndex = question.wantsInterface || name === "FreeBSD" || name === "OpenBSD";
    const addresses: [number, Uint8Array][] = [
      [RTA_DST, this.#sockaddr(route.destination)],
      [
        RTA_GATEWAY,
        linkSockaddr(name === "FreeBSD" ? 8 : numbers.SIZEOF_SOCKADDR_DL, link.index, ""),
      ],
    ];
    if (route.length < 128) addresses.push([RTA_NETMASK, this.#mask(route.length)]);
    if (question.wantsInterface) {
      const length = Math.max(numbers.SIZEOF_SOCKADDR_DL, 8 + link.name.length);
      addresses.push([RTA_IFP, linkSockaddr(length, link.index, link.name)]);
      const own = link.addresses.find(({ bytes }) => bytes.length === 16)?.bytes;
      if (own !== undefined) addresses.push([RTA_IFA, this.#sockaddr(own)]);
    }
    const header = asked.slice(0, rtm.size);
    const body = concat(...addresses.map(([, sockaddr]) => padded(sockaddr)));
    const message = concat(header, body);
    const view = dataViewOf(message);
    view.setUint16(0, message.length, true);
    if (rtm.hdrlenAt !== undefined) view.setUint16(rtm.hdrlenAt, rtm.size, true);
    view.setUint16(rtm.indexAt, tellsIndex ? link.index : 0, true);
    view.setInt32(rtm.flagsAt, flagsOf(route) | RTF_DONE, true);
    view.setInt32(rtm.addrsAt, addresses.reduce((bits, [bit]) => bits | bit, 0), true);
    view.setInt32(rtm.pidAt, this.#machine.pid, true);
    return message;
  }

  #refusal(asked: Uint8Array<ArrayBuffer>, errno: number): Uint8Array<ArrayBuffer> {
    const { rtm } = this.#machine.numbers;
    const message = asked.slice();
    dataViewOf(message).setInt32(rtm.errnoAt, errno, true);
    dataViewOf(message).setInt32(rtm.pidAt, this.#machine.pid, true);
    return message;
  }

  #sockaddr(address: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(SIZEOF_SOCKADDR_IN6);
    bytes.set([SIZEOF_SOCKADDR_IN6, this.#machine.numbers.AF_INET6]);
    bytes.set(address, SIN6_ADDR_AT);
    return bytes;
  }

  /**
   * FreeBSD and OpenBSD make a whole sockaddr. The radix trees of the others hold one that ends
   * behind its last byte that is not zero, and is empty for a default route. rn_addmask()
   */
  #mask(length: number): Uint8Array {
    const { name } = this.#machine;
    const whole = this.#sockaddr(maskBytes(16, length));
    if (name === "FreeBSD" || name === "OpenBSD") return whole;
    const size = length === 0 ? 0 : SIN6_ADDR_AT + Math.ceil(length / 8);
    const trimmed = whole.slice(0, size);
    if (size > 0) trimmed.set([size, 0]);
    return trimmed;
  }

  override receive(): Message {
    const next = this.#queue.shift();
    if (next === undefined) throw new Errno(EAGAIN);
    return { data: next, control: [] };
  }

  override ready(): number {
    return POLLOUT | (this.#queue.length > 0 ? POLLIN : 0);
  }
}

function flagsOf(route: PaperRoute): number {
  const action = { send: 0, reject: RTF_REJECT, discard: RTF_BLACKHOLE }[route.action];
  return RTF_UP | action | (route.gateway === undefined ? 0 : RTF_GATEWAY) |
    (route.origin === "static" ? RTF_STATIC : 0);
}

/** A netmask may be cut off behind its last byte that is not zero. */
function lengthOf(mask: Uint8Array): number {
  if (mask[1] === AF_LINK) throw new Errno(EINVAL);
  const bytes = new Uint8Array(16);
  bytes.set(mask.slice(SIN6_ADDR_AT, SIN6_ADDR_AT + 16));
  const length = lengthOfMask(bytes);
  if (length === undefined) throw new Errno(EINVAL);
  return length;
}

/** SA_SIZE(), ROUNDUP(), RT_ROUNDUP(): multiples of 8, of which an empty sockaddr takes one. */
function roundUp(length: number): number {
  return Math.max(8, Math.ceil(length / 8) * 8);
}

function padded(sockaddr: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(roundUp(sockaddr.length));
  bytes.set(sockaddr);
  return bytes;
}
