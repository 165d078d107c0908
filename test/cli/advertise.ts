import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import { AF_INET6, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { IPPROTO_ICMPV6, IPPROTO_IPV6, SOCK_RAW } from "#ffi/posix.ts";

/** Says once, out of the interface of this index, that its link-local address is a router. RFC 4861 §4.2 */

const SIZEOF_SOCKADDR_IN6 = 28;
const ROUTER_ADVERTISEMENT = 134;
const LIFETIME_S = 1800;

const index = Number(process.argv[2]);
const libc = await openLibc();
const { call } = libc;
const arena = new Arena(libc, 4096);
const fd = check(libc, call.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), "socket", "ICMPv6");

function option(name: number, value: number): void {
  const at = arena.take(4);
  arena.u32[at >> 2] = value;
  const set = call.setsockopt(fd, IPPROTO_IPV6, name, arena.address(at), 4);
  check(libc, set, "setsockopt", String(name));
}

option(IPV6_MULTICAST_IF, index);
option(IPV6_MULTICAST_HOPS, 255);
const to = arena.take(SIZEOF_SOCKADDR_IN6);
arena.u16[to >> 1] = AF_INET6;
arena.u8.set([0xff, 0x02, ...new Array(13).fill(0), 1], to + 8);
arena.u32[(to + 24) >> 2] = index;
const message = arena.take(16);
// The kernel makes the checksum.
arena.u8.set([ROUTER_ADVERTISEMENT, 0, 0, 0, 64, 0, LIFETIME_S >> 8, LIFETIME_S & 255], message);
const sent = call.sendto(fd, arena.address(message), 16, 0, arena.address(to), SIZEOF_SOCKADDR_IN6);
check(libc, sent, "sendto", "router advertisement");
