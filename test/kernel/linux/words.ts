import { LINUX } from "#ffi/linux/layout.ts";
import * as linux from "#ffi/linux/mod.ts";
import { dataViewOf, textOf } from "../memory.ts";
import { commonWords, flagsText, type RequestWords, type Vocabulary } from "../vocabulary.ts";
import { NetlinkWords } from "./netlink_words.ts";

const TUN_FLAGS = {
  IFF_TUN: linux.IFF_TUN,
  IFF_NO_PI: linux.IFF_NO_PI,
  IFF_VNET_HDR: linux.IFF_VNET_HDR,
  IFF_MULTI_QUEUE: linux.IFF_MULTI_QUEUE,
};

/** How a transcript of a process on Linux reads. One for each transcript: it learns names. */
export function linuxWords(): Vocabulary {
  const common = commonWords(LINUX);
  const netlink = new NetlinkWords();
  const option = (level: number, name: number, text: string) => ({ level, name, text });
  return {
    ...common,
    domains: { ...common.domains, AF_NETLINK: linux.AF_NETLINK },
    messageFlags: { ...common.messageFlags, MSG_TRUNC: linux.MSG_TRUNC },
    sockets: { [linux.AF_NETLINK]: "netlink" },
    data: { netlink: (bytes) => netlink.text(bytes) },
    options: [
      ...common.options,
      option(linux.SOL_IP, linux.IP_MTU_DISCOVER, "IP_MTU_DISCOVER"),
      option(linux.SOL_SOCKET, linux.SO_RXQ_OVFL, "SO_RXQ_OVFL"),
      option(linux.SOL_SOCKET, linux.SO_RCVBUFFORCE, "SO_RCVBUFFORCE"),
      option(linux.SOL_SOCKET, linux.SO_SNDBUFFORCE, "SO_SNDBUFFORCE"),
      option(linux.SOL_SOCKET, linux.SO_RCVTIMEO, "SO_RCVTIMEO"),
      option(linux.SOL_UDP, linux.UDP_GRO, "UDP_GRO"),
      option(linux.SOL_UDP, linux.UDP_SEGMENT, "UDP_SEGMENT"),
      option(linux.SOL_NETLINK, linux.NETLINK_EXT_ACK, "NETLINK_EXT_ACK"),
    ],
    requests: REQUESTS,
  };
}

const REQUESTS: readonly RequestWords[] = [
  {
    request: linux.TUNSETIFF,
    text: "TUNSETIFF",
    size: linux.SIZEOF_IFREQ,
    before: (bytes) => {
      const flags = dataViewOf(bytes).getUint16(linux.IFREQ_FLAGS_AT, true);
      return `{name: ${nameIn(bytes)}, flags: ${flagsText(TUN_FLAGS, flags)}}`;
    },
    after: (bytes) => `{name: ${nameIn(bytes)}}`,
  },
  { request: linux.TUNSETPERSIST, text: "TUNSETPERSIST", size: 0 },
  { request: linux.TUNSETOFFLOAD, text: "TUNSETOFFLOAD", size: 0 },
  { request: linux.TUNSETVNETHDRSZ, text: "TUNSETVNETHDRSZ", size: 4 },
];

function nameIn(request: Uint8Array): string {
  return JSON.stringify(textOf(request.subarray(linux.IFREQ_NAME_AT, linux.IFNAMSIZ)));
}
