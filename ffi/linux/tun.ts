/** Linux network interfaces by ioctl and the TUN device. */

// struct ifreq, <net/if.h>; the union holds a short (flags) or an int (index, MTU)
export const SIZEOF_IFREQ = 40;
export const IFREQ_IFINDEX_AT = 16;
export const IFREQ_MTU_AT = 16;

// Interface flags, <net/if.h>
export const IFF_MULTICAST = 0x1000;
export const IFF_LOWER_UP = 0x1_0000;

// <linux/if_arp.h>: types of link
export const ARPHRD_ETHER = 1;
export const ARPHRD_NONE = 0xfffe;

// <linux/sockios.h>
export const SIOCGIFFLAGS = 0x8913;
export const SIOCSIFFLAGS = 0x8914;
export const SIOCGIFMTU = 0x8921;
export const SIOCSIFMTU = 0x8922;
export const SIOCGIFINDEX = 0x8933;
export const SIOCSIFTXQLEN = 0x8943;

// <linux/if_tun.h>: requests
export const TUNSETIFF = 0x4004_54ca;
export const TUNSETPERSIST = 0x4004_54cb;
export const TUNSETOWNER = 0x4004_54cc;
export const TUNGETFEATURES = 0x8004_54cf;
export const TUNSETOFFLOAD = 0x4004_54d0;
export const TUNGETIFF = 0x8004_54d2;
export const TUNSETSNDBUF = 0x4004_54d4;
export const TUNGETVNETHDRSZ = 0x8004_54d7;
export const TUNSETVNETHDRSZ = 0x4004_54d8;
export const TUNSETQUEUE = 0x4004_54d9;
export const TUNSETSTEERINGEBPF = 0x8004_54e0;

// <linux/if_tun.h>: flags of TUNSETIFF, in ifr_flags
export const IFF_TUN = 1;
export const IFF_TAP = 2;
export const IFF_MULTI_QUEUE = 0x100;
export const IFF_ATTACH_QUEUE = 0x200;
export const IFF_DETACH_QUEUE = 0x400;
export const IFF_PERSIST = 0x800;
export const IFF_NO_PI = 0x1000;
export const IFF_VNET_HDR = 0x4000;
export const IFF_TUN_EXCL = 0x8000;

// <linux/if_tun.h>: offloads of TUNSETOFFLOAD, passed by value
export const TUN_F_CSUM = 1;
export const TUN_F_TSO4 = 2;
export const TUN_F_TSO6 = 4;
export const TUN_F_TSO_ECN = 8;
export const TUN_F_USO4 = 0x20;
export const TUN_F_USO6 = 0x40;

// struct virtio_net_hdr, <linux/virtio_net.h>: before each packet with IFF_VNET_HDR
export const SIZEOF_VIRTIO_NET_HDR = 10;
export const VIRTIO_NET_HDR_FLAGS_AT = 0;
export const VIRTIO_NET_HDR_GSO_TYPE_AT = 1;
export const VIRTIO_NET_HDR_HDR_LEN_AT = 2;
export const VIRTIO_NET_HDR_GSO_SIZE_AT = 4;
export const VIRTIO_NET_HDR_CSUM_START_AT = 6;
export const VIRTIO_NET_HDR_CSUM_OFFSET_AT = 8;
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
export const VIRTIO_NET_HDR_F_DATA_VALID = 2;
export const VIRTIO_NET_HDR_GSO_NONE = 0;
export const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
export const VIRTIO_NET_HDR_GSO_TCPV6 = 4;
export const VIRTIO_NET_HDR_GSO_UDP_L4 = 5;
export const VIRTIO_NET_HDR_GSO_ECN = 0x80;
