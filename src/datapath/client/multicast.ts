import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { AF_INET, IPPROTO_IP, SOCK_DGRAM } from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";
import { DISCOVERY_GROUP } from "#src/protocol/client/peers/discovery.ts";
import { writeU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { bindIpv4, setOption } from "../udp/socket.ts";

/** struct ip_mreq: the group, and an address of the interface. */
const SIZEOF_IP_MREQ = 8;

/**
 * Opens the socket of local discovery: port 3544, of the group alone, so that nothing that came to an
 * address of ours is taken for multicast (RFC 4380 §5.2.8). Others of this host may have it as well.
 *
 * @throws StartError, SyscallError
 */
export function openDiscoverySocket(libc: Libc, arena: Arena): number {
  const { layout } = libc;
  const type = SOCK_DGRAM | layout.SOCK_NONBLOCK | layout.SOCK_CLOEXEC;
  const fd = check(libc, libc.call.socket(AF_INET, type, 0), "socket", "AF_INET, SOCK_DGRAM");
  const set = (name: number) => setOption(libc, arena, fd, layout.SOL_SOCKET, name, 1);
  const isBound = set(layout.SO_REUSEADDR) === 0 &&
    bindIpv4(libc, arena, fd, DISCOVERY_GROUP, TEREDO_PORT) === 0;
  if (isBound) return fd;
  libc.call.close(fd);
  throw new StartError(
    `UDP ${formatIpv4(DISCOVERY_GROUP)}:${TEREDO_PORT} cannot be listened on, for local discovery`,
    "end the program that has this port to itself, or set local_discovery = no",
  );
}

/** Where local discovery takes place: on the link of one address of ours. RFC 4380 §5.2.8 */
export class Multicast {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #service: number;
  readonly #discovery: number;
  readonly #request: number;
  /** 0: nowhere. */
  #local = 0;

  /** @param service sends, and does not hear itself; `discovery` receives */
  constructor(libc: Libc, arena: Arena, service: number, discovery: number) {
    this.#libc = libc;
    this.#arena = arena;
    this.#service = service;
    this.#discovery = discovery;
    this.#request = arena.take(SIZEOF_IP_MREQ);
    writeU32(arena.u8, this.#request, DISCOVERY_GROUP);
    this.#setByte(libc.layout.multicast.loop, 0);
    this.#setByte(libc.layout.multicast.timeToLive, 1);
  }

  /**
   * Moves to the link of this address, which may be another one than it was; 0: to none. A kernel that
   * refuses leaves us unheard, and no more; one that the address has moved in keeps us in the group on the
   * old link as well, of which nothing is taken (RFC 4380 §5.2.8).
   */
  moveTo(local: number): void {
    const { join, leave, interface: outgoing } = this.#libc.layout.multicast;
    if (this.#local !== 0) this.#set(this.#discovery, leave, SIZEOF_IP_MREQ, 0);
    this.#local = local;
    if (local === 0) return;
    writeU32(this.#arena.u8, this.#request + 4, local);
    this.#set(this.#discovery, join, SIZEOF_IP_MREQ, 0);
    this.#set(this.#service, outgoing, 4, 4);
  }

  /** Some BSDs take no more than a byte for these. */
  #setByte(name: number, value: number): void {
    const at = this.#request + 4;
    this.#arena.u8[at] = value;
    this.#set(this.#service, name, 1, 4);
  }

  #set(fd: number, name: number, length: number, at: number): void {
    const address = this.#arena.address(this.#request + at);
    this.#libc.call.setsockopt(fd, IPPROTO_IP, name, address, length);
  }
}
