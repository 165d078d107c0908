import {
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_CT_DIRECTION,
  NFT_CT_MARK,
  NFT_CT_STATE,
  NFT_CT_STATUS,
  NFT_FIB_RESULT_ADDRTYPE,
  NFT_FIB_RESULT_OIF,
  NFT_FIB_RESULT_OIFNAME,
  NFT_META_IIF,
  NFT_META_IIFNAME,
  NFT_META_L4PROTO,
  NFT_META_MARK,
  NFT_META_NFPROTO,
  NFT_META_OIF,
  NFT_META_OIFNAME,
  NFT_META_PKTTYPE,
  NFT_META_PROTOCOL,
  NFT_META_SECPATH,
  NFT_META_SKGID,
  NFT_META_SKUID,
  NFTA_CT_DREG,
  NFTA_CT_KEY,
  NFTA_CT_SREG,
  NFTA_FIB_DREG,
  NFTA_FIB_F_DADDR,
  NFTA_FIB_F_SADDR,
  NFTA_FIB_FLAGS,
  NFTA_FIB_RESULT,
  NFTA_META_DREG,
  NFTA_META_KEY,
  NFTA_META_SREG,
  RTN_LOCAL,
  RTN_UNICAST,
} from "#ffi/linux/mod.ts";
import { readU32 } from "#src/datapath/linux/netlink/message.ts";
import type { Attributes } from "./attributes.ts";
import type { Answer } from "./outcome.ts";
import type { Passage } from "./passage.ts";
import type { Registers } from "./registers.ts";

/** `yes`: the rule goes on. */
export type Finding = Answer;

const IFNAMSIZ = 16;
/** Seen in both directions, assured, confirmed; not translated. enum ip_conntrack_status */
const STATUS_OF_ESTABLISHED = 0x0e;

/** @param certain whether everything before it in its rule matched */
export function loadMeta(
  data: Attributes,
  registers: Registers,
  passage: Passage,
  certain: boolean,
): Finding {
  const key = data.number(NFTA_META_KEY);
  if (data.has(NFTA_META_SREG)) {
    if (key !== NFT_META_MARK) return "yes";
    const mark = registers.read(data.number(NFTA_META_SREG), 4);
    passage.mark = certain ? readU32(mark) : undefined;
    return "yes";
  }
  const register = data.number(NFTA_META_DREG);
  const isOwner = key === NFT_META_SKUID || key === NFT_META_SKGID;
  // Only what is sent here has a socket.
  if (isOwner && passage.hook !== "output" && passage.hook !== "postrouting") return "no";
  const bytes = metaOf(key, passage);
  if (bytes === undefined) registers.forget(register);
  else registers.store(register, bytes);
  return "yes";
}

function metaOf(key: number, passage: Passage): Uint8Array | undefined {
  const { packet, version, inName, outName, around } = passage;
  switch (key) {
    case NFT_META_PROTOCOL:
      return version === 4 ? Uint8Array.of(0x08, 0x00) : Uint8Array.of(0x86, 0xdd);
    case NFT_META_NFPROTO:
      return Uint8Array.of(version === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
    case NFT_META_L4PROTO:
      return Uint8Array.of(packet.protocol);
    case NFT_META_MARK:
      return passage.mark === undefined ? undefined : word(passage.mark);
    case NFT_META_IIF:
      return word(inName === "" ? 0 : around.indexOf(inName));
    case NFT_META_OIF:
      return word(outName === "" ? 0 : around.indexOf(outName));
    case NFT_META_IIFNAME:
      return nameBytes(inName);
    case NFT_META_OIFNAME:
      return nameBytes(outName);
    case NFT_META_PKTTYPE: // PACKET_HOST
      return Uint8Array.of(0);
    case NFT_META_SECPATH: // it came through no IPsec
      return Uint8Array.of(0);
    default:
      return undefined;
  }
}

export function loadTracking(data: Attributes, registers: Registers, passage: Passage): Finding {
  const key = data.number(NFTA_CT_KEY);
  if (data.has(NFTA_CT_SREG)) {
    if (key === NFT_CT_MARK) passage.ctMark = undefined;
    return "yes";
  }
  const register = data.number(NFTA_CT_DREG);
  if (key === NFT_CT_STATE) {
    registers.storeU32(register, passage.stateBits);
    return "yes";
  }
  if (!passage.isTracked) return "no";
  const isNew = passage.packet.tracked === "new";
  if (key === NFT_CT_STATUS) registers.storeU32(register, isNew ? 0 : STATUS_OF_ESTABLISHED);
  else if (key === NFT_CT_DIRECTION && isNew) registers.store(register, Uint8Array.of(0));
  else if (key === NFT_CT_MARK && isNew && passage.ctMark === 0) registers.storeU32(register, 0);
  else registers.forget(register);
  return "yes";
}

/** Look-ups in the routing table, as for a reverse-path filter. */
export function loadFib(data: Attributes, registers: Registers, passage: Passage): Finding {
  const register = data.number(NFTA_FIB_DREG);
  const flags = data.number(NFTA_FIB_FLAGS);
  const result = data.number(NFTA_FIB_RESULT);
  const bytes = result === NFT_FIB_RESULT_ADDRTYPE
    ? addressType(flags, passage)
    : wayBack(result, flags, passage);
  if (bytes === undefined) registers.forget(register);
  else registers.store(register, bytes);
  return "yes";
}

function addressType(flags: number, { hook, packet }: Passage): Uint8Array | undefined {
  const ofSource = (flags & NFTA_FIB_F_SADDR) !== 0;
  if (!ofSource && (flags & NFTA_FIB_F_DADDR) === 0) return undefined;
  if (packet.local === "none") return word(RTN_UNICAST);
  if (hook === "ingress" || hook === "egress") return undefined;
  return word((packet.local === "source") === ofSource ? RTN_LOCAL : RTN_UNICAST);
}

/** Where answers to the source would leave; unknown when not where the packet came in. */
function wayBack(result: number, flags: number, passage: Passage): Uint8Array | undefined {
  if ((flags & NFTA_FIB_F_SADDR) === 0 || passage.inName === "") return undefined;
  if (!passage.comesBack) return undefined;
  if (result === NFT_FIB_RESULT_OIF) return word(passage.around.indexOf(passage.inName));
  return result === NFT_FIB_RESULT_OIFNAME ? nameBytes(passage.inName) : undefined;
}

export function nameBytes(name: string): Uint8Array {
  const bytes = new Uint8Array(IFNAMSIZ);
  bytes.set(new TextEncoder().encode(name).subarray(0, IFNAMSIZ - 1));
  return bytes;
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
