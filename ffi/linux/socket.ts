/** Linux sockets: domains, options, flags, addresses, message headers and control messages. */

// <sys/socket.h>
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;
export const MSG_PEEK = 2;
export const MSG_CTRUNC = 8;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_ERRQUEUE = 0x2000;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_WAITFORONE = 0x10000;
export const MSG_FASTOPEN = 0x2000_0000;

// Options of SOL_SOCKET, <asm/socket.h>
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_BROADCAST = 6;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_PRIORITY = 12;
export const SO_REUSEPORT = 15;
export const SO_PEERCRED = 17;
export const SO_RCVTIMEO = 20;
export const SO_SNDTIMEO = 21;
export const SO_BINDTODEVICE = 25;
export const SO_ATTACH_FILTER = 26;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_TIMESTAMPNS = 35;
export const SO_MARK = 36;
export const SO_RXQ_OVFL = 40;
export const SO_BUSY_POLL = 46;
export const SO_INCOMING_CPU = 49;
export const SO_ATTACH_REUSEPORT_CBPF = 51;
export const SO_PEERGROUPS = 59;
export const SO_BINDTOIFINDEX = 62;

// Options of SOL_IP, <linux/in.h>
export const SOL_IP = 0;
export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_PKTINFO = 8;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVERR = 11;
export const IP_RECVTTL = 12;
export const IP_RECVTOS = 13;
export const IP_MTU = 14;
export const IP_FREEBIND = 15;
export const IP_TRANSPARENT = 19;
export const IP_BIND_ADDRESS_NO_PORT = 24;
export const IP_MULTICAST_IF = 32;
export const IP_MULTICAST_TTL = 33;
export const IP_MULTICAST_LOOP = 34;
export const IP_ADD_MEMBERSHIP = 35;
export const IP_DROP_MEMBERSHIP = 36;
export const IP_PMTUDISC_DONT = 0;
export const IP_PMTUDISC_WANT = 1;
export const IP_PMTUDISC_DO = 2;
export const IP_PMTUDISC_PROBE = 3;
export const IP_PMTUDISC_INTERFACE = 4;
export const IP_PMTUDISC_OMIT = 5;

// Options of SOL_IPV6, <linux/in6.h>
export const SOL_IPV6 = 41;
export const IPV6_CHECKSUM = 7;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MULTICAST_IF = 17;
export const IPV6_MULTICAST_HOPS = 18;
export const IPV6_MULTICAST_LOOP = 19;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_MTU = 24;
export const IPV6_RECVERR = 25;
export const IPV6_V6ONLY = 26;
export const IPV6_PMTUDISC_DONT = 0;
export const IPV6_PMTUDISC_WANT = 1;
export const IPV6_PMTUDISC_DO = 2;
export const IPV6_PMTUDISC_PROBE = 3;
export const IPV6_HDRINCL = 36;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_RECVHOPLIMIT = 51;
export const IPV6_HOPLIMIT = 52;
export const IPV6_DONTFRAG = 62;
export const IPV6_TRANSPARENT = 75;
export const IPV6_FREEBIND = 78;

// Options of SOL_ICMPV6, <linux/icmpv6.h>; in struct icmp6_filter a set bit blocks its type
export const SOL_ICMPV6 = 58;
export const ICMP6_FILTER = 1;

// Options of SOL_RAW, <linux/icmp.h>
export const SOL_RAW = 255;
export const ICMP_FILTER = 1;

// Options of SOL_UDP, <linux/udp.h>
export const SOL_UDP = 17;
export const UDP_CORK = 1;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;

// struct ucred, <sys/socket.h>: who connected to a Unix socket
export const SIZEOF_UCRED = 12;
export const UCRED_PID_AT = 0;
export const UCRED_UID_AT = 4;
export const UCRED_GID_AT = 8;

// struct sockaddr_in, <netinet/in.h>; port and address in network byte order
export const SOCKADDR_IN_FAMILY_AT = 0;

// struct sockaddr_in6, <netinet/in.h>; only the scope is in host byte order
export const SOCKADDR_IN6_FAMILY_AT = 0;

// struct ip_mreqn, <linux/in.h>
export const SIZEOF_IP_MREQN = 12;
export const IP_MREQN_MULTIADDR_AT = 0;
export const IP_MREQN_ADDRESS_AT = 4;
export const IP_MREQN_IFINDEX_AT = 8;

// struct in_pktinfo, <linux/in.h>; ADDR is the destination written on the packet
export const SIZEOF_IN_PKTINFO = 12;
export const IN_PKTINFO_IFINDEX_AT = 0;
export const IN_PKTINFO_SPEC_DST_AT = 4;
export const IN_PKTINFO_ADDR_AT = 8;

// struct in6_pktinfo, <linux/ipv6.h>
export const SIZEOF_IN6_PKTINFO = 20;
export const IN6_PKTINFO_ADDR_AT = 0;
export const IN6_PKTINFO_IFINDEX_AT = 16;

// struct msghdr, <sys/socket.h>
export const SIZEOF_MSGHDR = 56;
export const MSGHDR_FLAGS_AT = 48;

// struct mmsghdr, <sys/socket.h>
export const SIZEOF_MMSGHDR = 64;
export const MMSGHDR_LEN_AT = 56;

// struct cmsghdr, <sys/socket.h>; LEN is a size_t and counts the header
export const SIZEOF_CMSGHDR = 16;
export const CMSGHDR_LEVEL_AT = 8;
export const CMSGHDR_TYPE_AT = 12;
