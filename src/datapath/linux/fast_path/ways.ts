import type { Libc } from "#ffi/libc.ts";
import { ARPHRD_ETHER, RTN_UNICAST } from "#ffi/linux/mod.ts";
import { SyscallError } from "#ffi/errors.ts";
import { readU32, writeU32 } from "#src/protocol/wire/bytes.ts";
import { linkAt, type Way, wayOf } from "../netlink/look_up.ts";
import type { Link } from "../netlink/routing.ts";
import { Netlink } from "../netlink/socket.ts";
import type { Ways } from "./lender.ts";
import type { LeaseWay } from "./slots.ts";

/** Answers kept; when there are more, all are asked for again. */
const MOST = 65_536;
/** A next hop with an IPv6 address: the routes know. */
const UNKNOWN = 0;

/**
 * Asks the kernel by which interface it sends, as it would for a datagram of this host. An answer holds
 * until {@link forget}: whoever is told of changes calls it.
 */
export class KernelWays implements Ways {
  readonly #netlink: Netlink;
  /** By our address, and theirs. */
  readonly #known = new Map<number, Map<number, LeaseWay | undefined>>();
  #count = 0;
  /** What they leave by: a few interfaces, for all addresses. */
  readonly #links = new Map<number, Link | undefined>();
  readonly #destination = new Uint8Array(4);
  readonly #source = new Uint8Array(4);

  /** @throws SyscallError */
  constructor(libc: Libc) {
    this.#netlink = new Netlink(libc);
  }

  to(address: number, local: number): LeaseWay | undefined {
    const known = this.#knownFrom(local);
    const way = known.get(address);
    if (way !== undefined || known.has(address)) return way;
    const asked = this.#ask(address, local);
    known.set(address, asked);
    this.#count++;
    return asked;
  }

  forget(): void {
    this.#known.clear();
    this.#links.clear();
    this.#count = 0;
  }

  close(): void {
    this.#netlink.close();
  }

  #knownFrom(local: number): Map<number, LeaseWay | undefined> {
    if (this.#count >= MOST) this.forget();
    const known = this.#known.get(local);
    if (known !== undefined) return known;
    const made = new Map<number, LeaseWay | undefined>();
    this.#known.set(local, made);
    return made;
  }

  #ask(address: number, local: number): LeaseWay | undefined {
    writeU32(this.#destination, 0, address);
    writeU32(this.#source, 0, local);
    try {
      const way = wayOf(this.#netlink, { destination: this.#destination, source: this.#source });
      return typeof way === "number" ? undefined : this.#by(way, address);
    } catch (error) {
      // The interface went away between the questions, or the kernel is short of memory.
      if (error instanceof SyscallError) return undefined;
      throw error;
    }
  }

  /** A program can send by what has Ethernet's frames: it writes none of another kind. */
  #by({ type, index, mtu, gateway, isVia }: Way, address: number): LeaseWay | undefined {
    if (type !== RTN_UNICAST) return undefined;
    const link = this.#linkAt(index);
    if (link?.type !== ARPHRD_ETHER) return undefined;
    const onLink = isVia ? UNKNOWN : address;
    return {
      index,
      mtu: mtu ?? link.mtu,
      nextHop: gateway === undefined ? onLink : readU32(gateway, 0),
    };
  }

  #linkAt(index: number): Link | undefined {
    const known = this.#links.get(index);
    if (known !== undefined || this.#links.has(index)) return known;
    const asked = linkAt(this.#netlink, index);
    this.#links.set(index, asked);
    return asked;
  }
}
