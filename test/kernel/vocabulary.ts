import { type Layout, NONE } from "#ffi/layout.ts";
import {
  AF_INET,
  AF_UNIX,
  IPPROTO_ICMPV6,
  IPPROTO_IP,
  IPPROTO_RAW,
  O_RDWR,
  O_WRONLY,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
} from "#ffi/posix.ts";

/** Names of C with their numbers. */
export type Numbers = Readonly<Record<string, number>>;

/** How an ioctl reads. */
export interface RequestWords {
  readonly request: number;
  readonly text: string;
  /** Bytes that the argument points to; 0: it is a value itself. */
  readonly size: number;
  /** What it is given: of `size` bytes at the argument. Default: an int. Empty: nothing to show. */
  before?(bytes: Uint8Array<ArrayBuffer>): string;
  /** What it answers, once it succeeded. */
  after?(bytes: Uint8Array<ArrayBuffer>): string;
}

/** How an option of sockets reads. */
export interface OptionWords {
  readonly level: number;
  readonly name: number;
  readonly text: string;
  /** Default: an int. */
  value?(bytes: Uint8Array<ArrayBuffer>): string;
}

/** What the numbers of a system's calls mean to people. */
export interface Vocabulary {
  readonly openFlags: Numbers;
  readonly domains: Numbers;
  readonly socketFlags: Numbers;
  readonly messageFlags: Numbers;
  readonly requests: readonly RequestWords[];
  readonly options: readonly OptionWords[];
  /** By domain: what sockets are called that are neither UDP nor raw IPv6: `netlink`. */
  readonly sockets: Readonly<Record<number, string>>;
  /** By what a descriptor is called: how the bytes read that go through it. */
  readonly data: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => string>>;
}

/** What every system has under these names; each adds its own. */
export function commonWords(layout: Layout): Vocabulary {
  const option = (level: number, name: number, text: string) => ({ level, name, text });
  const { SOL_SOCKET } = layout;
  return {
    openFlags: {
      O_WRONLY,
      O_RDWR,
      O_CREAT: layout.O_CREAT,
      O_NONBLOCK: layout.O_NONBLOCK,
      O_CLOEXEC: layout.O_CLOEXEC,
    },
    domains: { AF_UNIX, AF_INET, AF_INET6: layout.AF_INET6 },
    socketFlags: { SOCK_NONBLOCK: layout.SOCK_NONBLOCK, SOCK_CLOEXEC: layout.SOCK_CLOEXEC },
    messageFlags: { MSG_DONTWAIT: layout.MSG_DONTWAIT, MSG_NOSIGNAL: layout.MSG_NOSIGNAL },
    requests: [],
    options: [
      option(SOL_SOCKET, layout.SO_SNDBUF, "SO_SNDBUF"),
      option(SOL_SOCKET, layout.SO_RCVBUF, "SO_RCVBUF"),
      option(SOL_SOCKET, layout.SO_REUSEPORT, "SO_REUSEPORT"),
      option(IPPROTO_IP, layout.localAddress.option, "the local address"),
      {
        ...option(IPPROTO_ICMPV6, layout.ICMP6_FILTER, "ICMP6_FILTER"),
        value: (bytes) =>
          bytes.every((byte) => byte === layout.ICMP6_FILTER_BLOCK) ? "all" : bytes.toHex(),
      },
    ],
    sockets: {},
    data: {},
  };
}

/** Names of the types of sockets that are alike everywhere. */
export const SOCKET_TYPES: Numbers = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW };
export const SOCKET_PROTOCOLS: Numbers = { IPPROTO_ICMPV6, IPPROTO_RAW };

/** `O_RDWR|O_CLOEXEC`; bits without a name as a number. */
export function flagsText(numbers: Numbers, value: number, none = "0"): string {
  const names: string[] = [];
  let rest = value;
  for (const [name, bits] of Object.entries(numbers)) {
    if (bits === NONE || bits === 0 || (value & bits) !== bits) continue;
    names.push(name);
    rest &= ~bits;
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names.length === 0 ? none : names.join("|");
}

/** The name of one number. */
export function nameOfNumber(numbers: Numbers, value: number): string {
  return Object.keys(numbers).find((name) => numbers[name] === value) ?? String(value);
}
