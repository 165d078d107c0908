import type { Layout } from "../layout.ts";

/**
 * What the BSDs have beyond `Layout`, each with numbers of its own: tun(4), if(4) and route(4).
 *
 * Names are C's. A request or option that a kernel lacks is NONE.
 */
export interface BsdLayout extends Layout {
  // struct ifreq, <net/if.h>
  readonly SIZEOF_IFREQ: number;
  /** Pointer of SIOCSIFNAME to the new name. */
  readonly IFREQ_DATA_AT: number;
  readonly IFREQ_MTU_AT: number;
  readonly SIOCGIFFLAGS: number;
  readonly SIOCGIFMTU: number;
  /** Renames an interface: struct ifreq with a pointer to 16 bytes of name. */
  readonly SIOCSIFNAME: number;
  readonly SIOCIFDESTROY: number;

  // struct ifmediareq, <net/if.h>, and <net/if_media.h>
  /** State of what an interface is plugged into; EINVAL or ENOTTY where it is plugged into nothing. */
  readonly SIOCGIFMEDIA: number;
  readonly SIZEOF_IFMEDIAREQ: number;
  /** int, a uint64_t on OpenBSD, whose lower half it is. */
  readonly IFMEDIAREQ_STATUS_AT: number;
  /** Bits of it: whether the next one says anything, and whether there is a carrier. */
  readonly IFM_AVALID: number;
  readonly IFM_ACTIVE: number;

  // struct in6_ifreq, <netinet6/in6_var.h>
  /** Flags of one address of an interface; EADDRNOTAVAIL where it has none such. An IPv6 socket's. */
  readonly SIOCGIFAFLAG_IN6: number;
  readonly SIZEOF_IN6_IFREQ: number;
  /** struct sockaddr_in6 ifr_addr, behind the name. */
  readonly IN6_IFREQ_ADDR_AT: number;

  // struct in6_ndireq, <netinet6/in6_var.h>, <netinet6/nd6.h>: what neighbour discovery does on an
  // interface. FreeBSD alone can switch IPv6 off on one.
  /** Takes an IPv6 socket. */
  readonly SIOCGIFINFO_IN6: number;
  readonly SIZEOF_IN6_NDIREQ: number;
  /** uint32_t ndi.flags, behind the name and five others. */
  readonly IN6_NDIREQ_FLAGS_AT: number;
  /** IPv6 packets neither come in nor leave. */
  readonly ND6_IFF_IFDISABLED: number;

  // <net/if_tun.h>
  /** int: whether 4 bytes of address family, in network order, go before each packet. NONE: always. */
  readonly TUNSIFHEAD: number;
  /** int: IFF_POINTOPOINT or IFF_BROADCAST, with or without IFF_MULTICAST; before the interface is up. */
  readonly TUNSIFMODE: number;
  /** struct ifreq: the name comes back. */
  readonly TUNGIFNAME: number;
  /** int: whether the kernel destroys the interface at the last close. */
  readonly TUNSTRANSIENT: number;
  /** <sys/filio.h>. int: whether reading does not wait. */
  readonly FIONBIO: number;
  /** Whether O_NONBLOCK of open() sees to that; else a TUN takes it from FIONBIO alone. */
  readonly heedsNonblock: boolean;
  /** Whether opening `/dev/tun` gives a free unit; else `/dev/tun0`, `/dev/tun1`, ... are tried. */
  readonly clonesTun: boolean;
  /** Whether an interface that an open has made goes with its close. */
  readonly destroysTun: boolean;

  // struct rt_msghdr, <net/route.h>
  readonly AF_ROUTE: number;
  readonly AF_LINK: number;
  readonly SIZEOF_SOCKADDR_DL: number;
  readonly RTM_VERSION: number;
  readonly RTM_GET: number;
  /** The kernel believes that a route does not work. */
  readonly RTM_LOSING: number;
  /** The kernel has looked for a route in vain. */
  readonly RTM_MISS: number;
  readonly SIZEOF_RT_MSGHDR: number;
  readonly RT_MSGHDR_MSGLEN_AT: number;
  readonly RT_MSGHDR_VERSION_AT: number;
  readonly RT_MSGHDR_TYPE_AT: number;
  /** Length of the header in itself, or NONE. */
  readonly RT_MSGHDR_HDRLEN_AT: number;
  readonly RT_MSGHDR_INDEX_AT: number;
  readonly RT_MSGHDR_FLAGS_AT: number;
  readonly RT_MSGHDR_ADDRS_AT: number;
  readonly RT_MSGHDR_PID_AT: number;
  readonly RT_MSGHDR_SEQ_AT: number;
  readonly RT_MSGHDR_ERRNO_AT: number;
  readonly RTA_DST: number;
  readonly RTA_GATEWAY: number;
  readonly RTA_NETMASK: number;
  readonly RTA_IFP: number;
  readonly RTF_UP: number;
  readonly RTF_REJECT: number;
  readonly RTF_BLACKHOLE: number;
  /** Sockaddrs behind the header start at multiples of this; an empty one takes as much. */
  readonly RT_ROUNDUP: number;
}
