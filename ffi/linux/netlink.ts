/** Linux rtnetlink: message headers, types, flags and attributes. */

// struct sockaddr_nl, <linux/netlink.h>
export const NETLINK_ROUTE = 0;
export const SIZEOF_SOCKADDR_NL = 12;
export const SOCKADDR_NL_FAMILY_AT = 0;
export const SOCKADDR_NL_PID_AT = 4;
export const SOCKADDR_NL_GROUPS_AT = 8;

// struct nlmsghdr, <linux/netlink.h>; messages start at multiples of NLMSG_ALIGNTO
export const NLMSG_ALIGNTO = 4;
export const SIZEOF_NLMSGHDR = 16;
export const NLMSGHDR_LEN_AT = 0;
export const NLMSGHDR_TYPE_AT = 4;
export const NLMSGHDR_FLAGS_AT = 6;
export const NLMSGHDR_SEQ_AT = 8;
export const NLMSGHDR_PID_AT = 12;
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 1;
export const NLM_F_MULTI = 2;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** In an answer: only the header of the request is echoed. */
export const NLM_F_CAPPED = 0x100;
/** In an answer: extended acknowledgement attributes follow. */
export const NLM_F_ACK_TLVS = 0x200;

// struct nlmsgerr, <linux/netlink.h>; ERROR is a negative errno, 0 acknowledges
export const SIZEOF_NLMSGERR = 20;
export const NLMSGERR_ERROR_AT = 0;
export const NLMSGERR_MSG_AT = 4;
export const NLMSGERR_ATTR_MSG = 1;

// Options of SOL_NETLINK
export const SOL_NETLINK = 270;
export const NETLINK_CAP_ACK = 10;
export const NETLINK_EXT_ACK = 11;
export const NETLINK_GET_STRICT_CHK = 12;

// struct rtattr, <linux/rtnetlink.h>; LEN counts the header, not the padding
export const RTA_ALIGNTO = 4;
export const SIZEOF_RTATTR = 4;
export const RTATTR_LEN_AT = 0;
export const RTATTR_TYPE_AT = 2;
export const NLA_TYPE_MASK = 0x3fff;

// <linux/rtnetlink.h>: message types and multicast groups
export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_SETLINK = 19;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;
export const RTNLGRP_LINK = 1;
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV6_IFADDR = 9;
export const RTNLGRP_IPV6_ROUTE = 11;
export const RTNLGRP_IPV6_RULE = 19;
export const RTNLGRP_IPV4_NETCONF = 24;
export const RTNLGRP_IPV6_NETCONF = 25;
export const RTMGRP_LINK = 1;
export const RTMGRP_IPV4_IFADDR = 0x10;
export const RTMGRP_IPV4_ROUTE = 0x40;
export const RTMGRP_IPV4_RULE = 0x80;
export const RTMGRP_IPV6_IFADDR = 0x100;
export const RTMGRP_IPV6_ROUTE = 0x400;
export const RTMGRP_IPV6_IFINFO = 0x800;

// struct ifinfomsg, <linux/rtnetlink.h>
export const SIZEOF_IFINFOMSG = 16;
export const IFINFOMSG_FAMILY_AT = 0;
export const IFINFOMSG_TYPE_AT = 2;
export const IFINFOMSG_INDEX_AT = 4;
export const IFINFOMSG_FLAGS_AT = 8;
export const IFINFOMSG_CHANGE_AT = 12;
export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_STATS = 7;
export const IFLA_MASTER = 10;
export const IFLA_TXQLEN = 13;
export const IFLA_LINKINFO = 18;
export const IFLA_STATS64 = 23;
export const IFLA_AF_SPEC = 26;
export const IFLA_CARRIER = 33;
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
export const IFLA_TUN_TYPE = 3;
export const IFLA_TUN_NUM_QUEUES = 8;
export const IFLA_INET6_CONF = 2;
export const IFLA_INET6_ADDR_GEN_MODE = 8;
/** Place in IFLA_INET6_CONF, an array of int. <linux/ipv6.h> */
export const DEVCONF_DISABLE_IPV6 = 26;
export const IN6_ADDR_GEN_MODE_EUI64 = 0;
export const IN6_ADDR_GEN_MODE_NONE = 1;

// struct ifaddrmsg, <linux/if_addr.h>
export const SIZEOF_IFADDRMSG = 8;
export const IFADDRMSG_FAMILY_AT = 0;
export const IFADDRMSG_PREFIXLEN_AT = 1;
export const IFADDRMSG_FLAGS_AT = 2;
export const IFADDRMSG_SCOPE_AT = 3;
export const IFADDRMSG_INDEX_AT = 4;
export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;
export const IFA_BROADCAST = 4;
export const IFA_CACHEINFO = 6;
export const IFA_FLAGS = 8;
export const IFA_PROTO = 11;
export const IFA_F_NODAD = 2;
export const IFA_F_DADFAILED = 8;
export const IFA_F_DEPRECATED = 0x20;
export const IFA_F_TENTATIVE = 0x40;
export const IFA_F_PERMANENT = 0x80;
export const IFA_F_NOPREFIXROUTE = 0x200;

// struct rtmsg, <linux/rtnetlink.h>
export const SIZEOF_RTMSG = 12;
export const RTMSG_FAMILY_AT = 0;
export const RTMSG_DST_LEN_AT = 1;
export const RTMSG_SRC_LEN_AT = 2;
export const RTMSG_TOS_AT = 3;
export const RTMSG_TABLE_AT = 4;
export const RTMSG_PROTOCOL_AT = 5;
export const RTMSG_SCOPE_AT = 6;
export const RTMSG_TYPE_AT = 7;
export const RTMSG_FLAGS_AT = 8;
export const RTA_DST = 1;
export const RTA_SRC = 2;
export const RTA_IIF = 3;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PRIORITY = 6;
export const RTA_PREFSRC = 7;
export const RTA_METRICS = 8;
export const RTA_MULTIPATH = 9;
export const RTA_TABLE = 15;
/** A gateway of another family. */
export const RTA_VIA = 18;
export const RTA_PREF = 20;
export const RTA_NH_ID = 30;
export const RTAX_MTU = 2;
export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_BROADCAST = 3;
export const RTN_BLACKHOLE = 6;
export const RTN_UNREACHABLE = 7;
export const RTN_PROHIBIT = 8;
export const RTN_THROW = 9;
export const RTPROT_KERNEL = 2;
export const RTPROT_BOOT = 3;
export const RTPROT_STATIC = 4;
export const RTPROT_RA = 9;
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RT_TABLE_UNSPEC = 0;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;
export const RTM_F_CLONED = 0x200;
export const RTM_F_FIB_MATCH = 0x2000;

// struct rtnexthop, <linux/rtnetlink.h>: the entries of RTA_MULTIPATH
export const SIZEOF_RTNEXTHOP = 8;
export const RTNEXTHOP_LEN_AT = 0;
export const RTNEXTHOP_IFINDEX_AT = 4;

// struct fib_rule_hdr, <linux/fib_rules.h>: the fields of struct rtmsg that a rule has
export const FRA_SRC = 2;
export const FRA_PRIORITY = 6;
export const FRA_SUPPRESS_PREFIXLEN = 14;
export const FRA_TABLE = 15;
export const FRA_PROTOCOL = 21;
export const FR_ACT_TO_TBL = 1;
export const FIB_RULE_INVERT = 2;
