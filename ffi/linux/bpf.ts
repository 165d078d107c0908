/** Linux packet filters: classic BPF for sockets, eBPF by bpf(2). One instruction is 8 bytes. */

/** Number of bpf(2), which has no function in libc, by what `process.arch` says. */
export const SYS_BPF: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };

// Parts of an instruction's code that both machines share, <linux/bpf_common.h>
export const BPF_LD = 0x00;
export const BPF_LDX = 0x01;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_W = 0x00;
export const BPF_H = 0x08;
export const BPF_B = 0x10;
export const BPF_IMM = 0x00;
export const BPF_ABS = 0x20;
export const BPF_IND = 0x40;
export const BPF_MEM = 0x60;
export const BPF_K = 0x00;
export const BPF_X = 0x08;
export const BPF_ADD = 0x00;
export const BPF_MUL = 0x20;
export const BPF_RSH = 0x70;
export const BPF_XOR = 0xa0;
export const BPF_JEQ = 0x10;

// Of classic BPF only, <linux/bpf_common.h>, <linux/filter.h>
export const BPF_ST = 0x02;
export const BPF_RET = 0x06;
export const BPF_MISC = 0x07;
export const BPF_A = 0x10;
export const BPF_TAX = 0x00;
export const BPF_TXA = 0x80;
/** Added to an offset, makes it count from the network header. A negative number there. */
export const SKF_NET_OFF = 0xfff0_0000;

// Of eBPF only, <linux/bpf.h>, <linux/bpf_common.h>
export const BPF_ALU64 = 0x07;
export const BPF_JMP32 = 0x06;
export const BPF_STX = 0x03;
export const BPF_DW = 0x18;
export const BPF_ATOMIC = 0xc0;
export const BPF_SUB = 0x10;
export const BPF_OR = 0x40;
export const BPF_AND = 0x50;
export const BPF_LSH = 0x60;
export const BPF_MOV = 0xb0;
export const BPF_END = 0xd0;
export const BPF_TO_BE = 0x08;
export const BPF_JA = 0x00;
export const BPF_JGT = 0x20;
export const BPF_JGE = 0x30;
export const BPF_JSET = 0x40;
export const BPF_JNE = 0x50;
export const BPF_JLT = 0xa0;
export const BPF_JLE = 0xb0;
export const BPF_CALL = 0x80;
export const BPF_EXIT = 0x90;
/** In the place of a source register: the number loaded is a map's descriptor, or an offset in it. */
export const BPF_PSEUDO_MAP_FD = 1;
export const BPF_PSEUDO_MAP_VALUE = 2;

// Helpers that programs call, <linux/bpf.h>
export const BPF_FUNC_map_lookup_elem = 1;
export const BPF_FUNC_ktime_get_ns = 5;
export const BPF_FUNC_get_prandom_u32 = 7;
export const BPF_FUNC_skb_store_bytes = 9;
export const BPF_FUNC_redirect = 23;
export const BPF_FUNC_skb_load_bytes = 26;
export const BPF_FUNC_skb_change_tail = 38;
export const BPF_FUNC_skb_pull_data = 39;
export const BPF_FUNC_skb_change_head = 43;
export const BPF_FUNC_skb_adjust_room = 50;
export const BPF_FUNC_redirect_neigh = 152;
export const BPF_FUNC_ktime_get_coarse_ns = 160;
/** Of redirect: as if it had come in there. */
export const BPF_F_INGRESS = 1;
/** Of skb_store_bytes: the sum that the interface has made of the packet is kept right. */
export const BPF_F_RECOMPUTE_CSUM = 1;
// Of skb_adjust_room
export const BPF_ADJ_ROOM_MAC = 1;
export const BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 = 0x02;
export const BPF_F_ADJ_ROOM_ENCAP_L4_UDP = 0x10;
/** Linux 6.3 */
export const BPF_F_ADJ_ROOM_DECAP_L3_IPV6 = 0x100;

// struct sock_filter, struct sock_fprog, <linux/filter.h>
export const SIZEOF_SOCK_FILTER = 8;
export const SOCK_FILTER_CODE_AT = 0;
export const SOCK_FILTER_JT_AT = 2;
export const SOCK_FILTER_JF_AT = 3;
export const SOCK_FILTER_K_AT = 4;
export const SIZEOF_SOCK_FPROG = 16;
export const SOCK_FPROG_LEN_AT = 0;
export const SOCK_FPROG_FILTER_AT = 8;

// struct bpf_insn, <linux/bpf.h>; the byte after the code holds two registers: source, destination
export const SIZEOF_BPF_INSN = 8;
export const BPF_INSN_CODE_AT = 0;
export const BPF_INSN_OFF_AT = 2;
export const BPF_INSN_IMM_AT = 4;

// Commands of bpf(2), <linux/bpf.h>
export const BPF_MAP_CREATE = 0;
export const BPF_MAP_LOOKUP_ELEM = 1;
export const BPF_MAP_UPDATE_ELEM = 2;
export const BPF_MAP_DELETE_ELEM = 3;
export const BPF_PROG_LOAD = 5;
export const BPF_PROG_TEST_RUN = 10;
/** Linux 5.6; of maps with a value for each processor, 5.13. */
export const BPF_MAP_LOOKUP_BATCH = 24;
export const BPF_LINK_CREATE = 28;
export const BPF_LINK_UPDATE = 29;
export const BPF_PROG_TYPE_SOCKET_FILTER = 1;
export const BPF_PROG_TYPE_SCHED_CLS = 3;
export const BPF_MAP_TYPE_HASH = 1;
export const BPF_MAP_TYPE_ARRAY = 2;
export const BPF_MAP_TYPE_PERCPU_ARRAY = 6;
/** Of a map: it can be mapped into a process. */
export const BPF_F_MMAPABLE = 0x400;
/** Where a program is attached: what comes in by an interface, what leaves by one. Linux 6.6 */
export const BPF_TCX_INGRESS = 46;
export const BPF_TCX_EGRESS = 47;
/** What a program there returns to leave a packet to the next program, or to the kernel. Linux 6.6 */
export const TCX_NEXT = -1;

// struct bpf_redir_neigh, <linux/bpf.h>
export const SIZEOF_BPF_REDIR_NEIGH = 20;
export const BPF_REDIR_NEIGH_NH_FAMILY_AT = 0;
export const BPF_REDIR_NEIGH_IPV4_NH_AT = 4;

// <linux/pkt_cls.h>
export const TC_ACT_SHOT = 2;
export const TC_ACT_REDIRECT = 7;

// union bpf_attr, <linux/bpf.h>: one structure a command, of which these fields are read
export const BPF_OBJ_NAME_LEN = 16;
/** Of BPF_MAP_CREATE. */
export const BPF_ATTR_MAP_TYPE_AT = 0;
export const BPF_ATTR_KEY_SIZE_AT = 4;
export const BPF_ATTR_VALUE_SIZE_AT = 8;
export const BPF_ATTR_MAX_ENTRIES_AT = 12;
export const BPF_ATTR_MAP_FLAGS_AT = 16;
export const BPF_ATTR_MAP_NAME_AT = 28;
/** Of BPF_MAP_..._ELEM. */
export const BPF_ATTR_MAP_FD_AT = 0;
export const BPF_ATTR_KEY_AT = 8;
export const BPF_ATTR_VALUE_AT = 16;
/** Of BPF_MAP_LOOKUP_BATCH. */
export const BPF_ATTR_BATCH_OUT_BATCH_AT = 8;
export const BPF_ATTR_BATCH_KEYS_AT = 16;
export const BPF_ATTR_BATCH_VALUES_AT = 24;
export const BPF_ATTR_BATCH_COUNT_AT = 32;
export const BPF_ATTR_BATCH_MAP_FD_AT = 36;
/** Of BPF_PROG_LOAD. */
export const BPF_ATTR_PROG_TYPE_AT = 0;
export const BPF_ATTR_INSN_CNT_AT = 4;
export const BPF_ATTR_INSNS_AT = 8;
export const BPF_ATTR_LICENSE_AT = 16;
export const BPF_ATTR_LOG_LEVEL_AT = 24;
export const BPF_ATTR_LOG_SIZE_AT = 28;
export const BPF_ATTR_LOG_BUF_AT = 32;
export const BPF_ATTR_PROG_NAME_AT = 48;
/** Of BPF_PROG_TEST_RUN. */
export const BPF_ATTR_TEST_PROG_FD_AT = 0;
export const BPF_ATTR_TEST_RETVAL_AT = 4;
export const BPF_ATTR_TEST_DATA_SIZE_IN_AT = 8;
export const BPF_ATTR_TEST_DATA_SIZE_OUT_AT = 12;
export const BPF_ATTR_TEST_DATA_IN_AT = 16;
export const BPF_ATTR_TEST_DATA_OUT_AT = 24;
export const BPF_ATTR_TEST_REPEAT_AT = 32;
export const BPF_ATTR_TEST_CTX_SIZE_IN_AT = 40;
export const BPF_ATTR_TEST_CTX_IN_AT = 48;
/** Of BPF_LINK_CREATE. */
export const BPF_ATTR_LINK_CREATE_PROG_FD_AT = 0;
export const BPF_ATTR_LINK_CREATE_TARGET_IFINDEX_AT = 4;
export const BPF_ATTR_LINK_CREATE_ATTACH_TYPE_AT = 8;
/** Of BPF_LINK_UPDATE. */
export const BPF_ATTR_LINK_UPDATE_LINK_FD_AT = 0;
export const BPF_ATTR_LINK_UPDATE_NEW_PROG_FD_AT = 4;

// struct __sk_buff, <linux/bpf.h>: what a program is called with
export const SIZEOF_SK_BUFF = 192;
export const SK_BUFF_LEN_AT = 0;
export const SK_BUFF_PKT_TYPE_AT = 4;
export const SK_BUFF_PROTOCOL_AT = 16;
export const SK_BUFF_VLAN_PRESENT_AT = 20;
export const SK_BUFF_IFINDEX_AT = 40;
export const SK_BUFF_DATA_AT = 76;
export const SK_BUFF_DATA_END_AT = 80;
export const SK_BUFF_GSO_SIZE_AT = 176;
/** <linux/if_packet.h>: it was sent to this host, and not only seen. */
export const PACKET_HOST = 0;
/** <linux/if_ether.h> */
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;
export const ETH_HLEN = 14;

// <sys/mman.h>
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;
export const MAP_SHARED = 1;
export const MAP_PRIVATE = 2;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
