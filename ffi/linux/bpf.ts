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

// Of eBPF only, <linux/bpf.h>
export const BPF_ALU64 = 0x07;
export const BPF_MOV = 0xb0;
export const BPF_EXIT = 0x90;
export const BPF_REG_0 = 0;
export const BPF_REG_1 = 1;
export const BPF_REG_6 = 6;
export const BPF_REG_7 = 7;

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

// union bpf_attr, <linux/bpf.h>: what BPF_PROG_LOAD reads of it
export const BPF_PROG_LOAD = 5;
export const BPF_PROG_TYPE_SOCKET_FILTER = 1;
export const BPF_ATTR_PROG_TYPE_AT = 0;
export const BPF_ATTR_INSN_CNT_AT = 4;
export const BPF_ATTR_INSNS_AT = 8;
export const BPF_ATTR_LICENSE_AT = 16;
export const BPF_ATTR_PROG_NAME_AT = 48;
export const BPF_OBJ_NAME_LEN = 16;
