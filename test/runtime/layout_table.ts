/** How the names of `ffi/linux` and `ffi/posix.ts` are written in C: what `layout_test.ts` compiles. */

export const HEADERS = [
  "arpa/inet.h",
  "errno.h",
  "fcntl.h",
  "netinet/icmp6.h",
  "netinet/in.h",
  "netinet/udp.h",
  "net/if.h",
  "net/if_arp.h",
  "poll.h",
  "stddef.h",
  "stdint.h",
  "stdio.h",
  "string.h",
  "sys/file.h",
  "sys/ioctl.h",
  "sys/mman.h",
  "signal.h",
  "sys/prctl.h",
  "sys/socket.h",
  "sys/uio.h",
  "sys/syscall.h",
  "syslog.h",
  "time.h",
  "linux/bpf.h",
  "linux/capability.h",
  "linux/fib_rules.h",
  "linux/filter.h",
  "linux/icmp.h",
  "linux/if_ether.h",
  "linux/if_packet.h",
  "linux/netfilter.h",
  "linux/netfilter/nf_conntrack_common.h",
  "linux/netfilter/nf_tables.h",
  "linux/netfilter/nf_tables_compat.h",
  "linux/netfilter/nfnetlink.h",
  "linux/netfilter/x_tables.h",
  "linux/netfilter_ipv4/ip_tables.h",
  "linux/netfilter_ipv6/ip6_tables.h",
  "linux/if_link.h",
  "linux/if_tun.h",
  "linux/ipv6.h",
  "linux/landlock.h",
  "linux/pkt_cls.h",
  "linux/rtnetlink.h",
  "linux/seccomp.h",
  "linux/sockios.h",
  "linux/virtio_net.h",
  "linux/xfrm.h",
];

/** C type of a SIZEOF_ name, and what its field names start with. */
export const TYPES: Readonly<Record<string, readonly [type: string, fieldPrefix: string]>> = {
  BPF_ATTR: ["union bpf_attr", ""],
  BPF_ATTR_BATCH: ["union bpf_attr", "batch."],
  BPF_ATTR_LINK_CREATE: ["union bpf_attr", "link_create."],
  BPF_ATTR_LINK_UPDATE: ["union bpf_attr", "link_update."],
  BPF_ATTR_TEST: ["union bpf_attr", "test."],
  BPF_INSN: ["struct bpf_insn", ""],
  BPF_REDIR_NEIGH: ["struct bpf_redir_neigh", ""],
  CMSGHDR: ["struct cmsghdr", "cmsg_"],
  ICMP6_FILTER: ["struct icmp6_filter", ""],
  IFADDRMSG: ["struct ifaddrmsg", "ifa_"],
  IFMEDIAREQ: ["struct ifmediareq", "ifm_"],
  IFINFOMSG: ["struct ifinfomsg", "ifi_"],
  IFREQ: ["struct ifreq", "ifr_"],
  IN6_IFREQ: ["struct in6_ifreq", "ifr_"],
  IN6_NDIREQ: ["struct in6_ndireq", "ndi."],
  IN6_PKTINFO: ["struct in6_pktinfo", "ipi6_"],
  IN_PKTINFO: ["struct in_pktinfo", "ipi_"],
  IOVEC: ["struct iovec", "iov_"],
  IP6T_ENTRY: ["struct ip6t_entry", ""],
  IP6T_IP6: ["struct ip6t_ip6", ""],
  IPT_ENTRY: ["struct ipt_entry", ""],
  IPT_GETINFO: ["struct ipt_getinfo", ""],
  IPT_GET_ENTRIES: ["struct ipt_get_entries", ""],
  IPT_IP: ["struct ipt_ip", ""],
  IP_MREQN: ["struct ip_mreqn", "imr_"],
  MMSGHDR: ["struct mmsghdr", "msg_"],
  MSGHDR: ["struct msghdr", "msg_"],
  LANDLOCK_PATH_BENEATH_ATTR: ["struct landlock_path_beneath_attr", ""],
  LANDLOCK_RULESET_ATTR: ["struct landlock_ruleset_attr", ""],
  NFGENMSG: ["struct nfgenmsg", ""],
  NLMSGERR: ["struct nlmsgerr", ""],
  NLMSGHDR: ["struct nlmsghdr", "nlmsg_"],
  POLLFD: ["struct pollfd", ""],
  RT_MSGHDR: ["struct rt_msghdr", "rtm_"],
  RTATTR: ["struct rtattr", "rta_"],
  RTMSG: ["struct rtmsg", "rtm_"],
  RTNEXTHOP: ["struct rtnexthop", "rtnh_"],
  SOCKADDR_DL: ["struct sockaddr_dl", "sdl_"],
  SOCKADDR_IN: ["struct sockaddr_in", "sin_"],
  SOCKADDR_IN6: ["struct sockaddr_in6", "sin6_"],
  SOCKADDR_NL: ["struct sockaddr_nl", "nl_"],
  SOCKLEN_T: ["socklen_t", ""],
  SECCOMP_DATA: ["struct seccomp_data", ""],
  SK_BUFF: ["struct __sk_buff", ""],
  SOCK_FILTER: ["struct sock_filter", ""],
  SOCK_FPROG: ["struct sock_fprog", ""],
  TIMESPEC: ["struct timespec", "tv_"],
  UCRED: ["struct ucred", ""],
  USER_CAP_DATA: ["struct __user_cap_data_struct", ""],
  USER_CAP_HEADER: ["struct __user_cap_header_struct", ""],
  XT_ENTRY_MATCH: ["struct xt_entry_match", "u.user."],
  XFRMU_SPDINFO: ["struct xfrmu_spdinfo", ""],
  VIRTIO_NET_HDR: ["struct virtio_net_hdr", ""],
};

/** Names whose C expression is not the name itself. */
export const EXPRESSIONS: Readonly<Record<string, string>> = {
  CMSGHDR_DATA_AT: "CMSG_LEN(0)", // the data is a flexible member that C gives no name
  IPT_IP_IFACE_AT: "offsetof(struct ipt_ip, iniface)",
  NFT_BREAK: "(uint32_t) NFT_BREAK",
  NFT_CONTINUE: "(uint32_t) NFT_CONTINUE",
  NFT_GOTO: "(uint32_t) NFT_GOTO",
  NFT_JUMP: "(uint32_t) NFT_JUMP",
  NFT_RETURN: "(uint32_t) NFT_RETURN",
  SKF_NET_OFF: "(uint32_t) SKF_NET_OFF",
  NLA_TYPE_MASK: "NLA_TYPE_MASK & 0xffff", // an int there, applied to a 16-bit type
};

/**
 * Names that headers before Linux 6.2, or 6.6, lack; checked only where they are defined. Those of
 * BPF are members of an enum, which no `#ifdef` sees, and those of a structure that has grown likewise: that
 * the kernel takes them is their test.
 */
export const NEWER: readonly string[] = [
  "BPF_F_ADJ_ROOM_DECAP_L3_IPV6",
  "BPF_TCX_EGRESS",
  "BPF_TCX_INGRESS",
  "TCX_NEXT",
  "LANDLOCK_ACCESS_FS_TRUNCATE",
  "LANDLOCK_ACCESS_FS_IOCTL_DEV",
  "LANDLOCK_ACCESS_NET_BIND_TCP",
  "LANDLOCK_ACCESS_NET_CONNECT_TCP",
  "LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET",
  "LANDLOCK_SCOPE_SIGNAL",
  "LANDLOCK_RULESET_ATTR_HANDLED_ACCESS_NET_AT",
  "LANDLOCK_RULESET_ATTR_SCOPED_AT",
  "SIZEOF_LANDLOCK_RULESET_ATTR",
  "NFT_SET_ELEM_CATCHALL",
  "TUN_F_USO4",
  "TUN_F_USO6",
  "VIRTIO_NET_HDR_GSO_UDP_L4",
];

/** The C expression for a name of `ffi/linux` and `ffi/posix.ts`. */
export function expressionOf(name: string): string {
  const special = EXPRESSIONS[name];
  if (special !== undefined) return special;
  if (name.startsWith("SIZEOF_")) return `sizeof(${typeOf(name.slice(7), name)[0]})`;
  if (!name.endsWith("_AT")) return name;
  const structure = Object.keys(TYPES)
    .filter((it) => name.startsWith(`${it}_`))
    .sort((a, b) => b.length - a.length)[0] ?? "";
  const [type, prefix] = typeOf(structure, name);
  const field = name.slice(structure.length + 1, -"_AT".length).toLowerCase();
  return `offsetof(${type}, ${prefix}${field})`;
}

function typeOf(key: string, name: string): readonly [string, string] {
  const type = TYPES[key];
  if (type === undefined) throw new Error(`layout_table.ts knows no C type for ${name}`);
  return type;
}
