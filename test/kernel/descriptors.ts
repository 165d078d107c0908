import { AF_INET, IPPROTO_ICMPV6, SOCK_DGRAM } from "#ffi/posix.ts";
import type { Layout } from "#ffi/layout.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * What the descriptors of a process are called in a transcript: by what they lead to, `tun`, `udp`,
 * the second of a kind `udp2`. So two processes that did the same read the same, whatever numbers
 * their kernels gave them.
 */
export class Descriptors {
  readonly #names = new Map<number, string>();

  nameOf(fd: number): string {
    return this.#names.get(fd) ?? `#${fd}`;
  }

  /** Without the number of its kind: `udp`. */
  kindOf(fd: number): string {
    return this.nameOf(fd).replace(/\d+$/, "");
  }

  /** @returns what it is called from now on */
  opened(fd: number, kind: string): string {
    const used = new Set(this.#names.values());
    let name = kind;
    for (let i = 2; used.has(name); i++) name = `${kind}${i}`;
    this.#names.set(fd, name);
    return name;
  }

  closed(fd: number): void {
    this.#names.delete(fd);
  }

  /** Those that are open, by number. */
  get open(): ReadonlyMap<number, string> {
    return this.#names;
  }
}

/** What a device or file is called: `/dev/tun12` is a `tun`. */
export function kindOfPath(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\d+$/, "");
}

export function kindOfSocket(
  layout: Layout,
  words: Vocabulary,
  domain: number,
  typeAndFlags: number,
  protocol: number,
): string {
  const type = typeAndFlags & ~(layout.SOCK_NONBLOCK | layout.SOCK_CLOEXEC);
  if (domain === AF_INET && type === SOCK_DGRAM) return "udp";
  if (domain === layout.AF_INET6) return protocol === IPPROTO_ICMPV6 ? "icmp" : "raw";
  return words.sockets[domain] ?? "socket";
}
