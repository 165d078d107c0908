import { errnoName } from "#ffi/layout.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import * as linux from "#ffi/linux/mod.ts";
import {
  readAttributes,
  readString,
  readU32,
  viewOf,
} from "#src/datapath/linux/netlink/message.ts";
import { align } from "#src/datapath/linux/netlink/message.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { flagsText, nameOfNumber } from "../vocabulary.ts";

const TYPES = {
  RTM_NEWLINK: linux.RTM_NEWLINK,
  RTM_GETLINK: linux.RTM_GETLINK,
  RTM_SETLINK: linux.RTM_SETLINK,
  RTM_NEWADDR: linux.RTM_NEWADDR,
  RTM_GETADDR: linux.RTM_GETADDR,
  RTM_NEWROUTE: linux.RTM_NEWROUTE,
  RTM_DELROUTE: linux.RTM_DELROUTE,
  RTM_GETROUTE: linux.RTM_GETROUTE,
};
const REQUEST_FLAGS = {
  ACK: linux.NLM_F_ACK,
  DUMP: linux.NLM_F_DUMP,
  CREATE: linux.NLM_F_CREATE,
};
const NEW_FLAGS = { ACK: 4, REPLACE: linux.NLM_F_REPLACE, EXCL: linux.NLM_F_EXCL };
const LINK_FLAGS = {
  UP: linux.IFF_UP,
  BROADCAST: linux.IFF_BROADCAST,
  LOOPBACK: linux.IFF_LOOPBACK,
  POINTOPOINT: linux.IFF_POINTOPOINT,
  RUNNING: linux.IFF_RUNNING,
  NOARP: linux.IFF_NOARP,
  MULTICAST: linux.IFF_MULTICAST,
  LOWER_UP: linux.IFF_LOWER_UP,
};
const ADDRESS_FLAGS = {
  NODAD: linux.IFA_F_NODAD,
  PERMANENT: linux.IFA_F_PERMANENT,
  TENTATIVE: linux.IFA_F_TENTATIVE,
};
const ROUTE_TYPES = {
  "": linux.RTN_UNICAST,
  unreachable: linux.RTN_UNREACHABLE,
  blackhole: linux.RTN_BLACKHOLE,
};
const PROTOCOLS = {
  kernel: linux.RTPROT_KERNEL,
  boot: linux.RTPROT_BOOT,
  static: linux.RTPROT_STATIC,
  ra: linux.RTPROT_RA,
};

interface Head {
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * Reads netlink messages: of a request all there is, of an answer what a kernel of any version says.
 * Indexes of interfaces are a kernel's own: their names stand for them, as answers tell them.
 */
export class NetlinkWords {
  readonly #names = new Map<number, string>();

  /** The messages of one datagram. */
  text(bytes: Uint8Array<ArrayBuffer>): string {
    return messagesIn(bytes).map((it) => this.#message(it)).filter((it) => it !== "").join(" ");
  }

  #message({ type, flags, body }: Head): string {
    if (type === linux.NLMSG_DONE) return "DONE";
    if (type === linux.NLMSG_ERROR) return acknowledgement(body);
    if ((flags & linux.NLM_F_REQUEST) !== 0) return this.#request(type, flags, body);
    switch (type) {
      case linux.RTM_NEWLINK:
        return this.#link(body);
      case linux.RTM_NEWADDR:
        return this.#address(body);
      case linux.RTM_NEWROUTE:
        return this.#route(body);
      default:
        return `type ${type}`;
    }
  }

  #request(type: number, flags: number, body: Uint8Array<ArrayBuffer>): string {
    const makes = type === linux.RTM_NEWADDR || type === linux.RTM_NEWROUTE;
    const names = makes ? { ...NEW_FLAGS, CREATE: linux.NLM_F_CREATE } : REQUEST_FLAGS;
    const head = `${nameOfNumber(TYPES, type)} ${flagsText(names, flags & ~linux.NLM_F_REQUEST)}`;
    return `${head} ${this.#structure(type, body)}`.trimEnd();
  }

  #structure(type: number, body: Uint8Array<ArrayBuffer>): string {
    const view = viewOf(body);
    switch (type) {
      case linux.RTM_SETLINK: {
        const flags = view.getUint32(linux.IFINFOMSG_FLAGS_AT, true);
        const change = view.getUint32(linux.IFINFOMSG_CHANGE_AT, true);
        const device = this.#name(view.getInt32(linux.IFINFOMSG_INDEX_AT, true));
        const set = flagsText(LINK_FLAGS, flags);
        const rest = attributesText(body, linux.SIZEOF_IFINFOMSG, {});
        return `${device} ${set} of ${flagsText(LINK_FLAGS, change)}${rest}`;
      }
      case linux.RTM_NEWADDR: {
        const device = this.#name(view.getUint32(linux.IFADDRMSG_INDEX_AT, true));
        const length = body[linux.IFADDRMSG_PREFIXLEN_AT];
        const scope = body[linux.IFADDRMSG_SCOPE_AT];
        const rest = attributesText(body, linux.SIZEOF_IFADDRMSG, {
          [linux.IFA_ADDRESS]: addressText,
        });
        return `${device} /${length} scope ${scope}${rest}`;
      }
      case linux.RTM_NEWROUTE:
      case linux.RTM_DELROUTE:
        return this.#routeText(body);
      case linux.RTM_GETROUTE:
        return attributesText(body, linux.SIZEOF_RTMSG, { [linux.RTA_DST]: addressText }).trim();
      default:
        return "";
    }
  }

  #link(body: Uint8Array<ArrayBuffer>): string {
    const found = readAttributes(body, linux.SIZEOF_IFINFOMSG);
    const view = viewOf(body);
    const name = readString(found.get(linux.IFLA_IFNAME)) ?? "?";
    this.#names.set(view.getInt32(linux.IFINFOMSG_INDEX_AT, true), name);
    const flags = flagsText(LINK_FLAGS, view.getUint32(linux.IFINFOMSG_FLAGS_AT, true));
    const mtu = readU32(found.get(linux.IFLA_MTU));
    return `{${name} ${flags} mtu ${mtu} qlen ${readU32(found.get(linux.IFLA_TXQLEN))}}`;
  }

  #address(body: Uint8Array<ArrayBuffer>): string {
    const found = readAttributes(body, linux.SIZEOF_IFADDRMSG);
    const bytes = found.get(linux.IFA_LOCAL) ?? found.get(linux.IFA_ADDRESS)!;
    const device = this.#name(viewOf(body).getUint32(linux.IFADDRMSG_INDEX_AT, true));
    const flags = flagsText(ADDRESS_FLAGS, readU32(found.get(linux.IFA_FLAGS)) ?? 0);
    return `{${addressText(bytes)}/${body[linux.IFADDRMSG_PREFIXLEN_AT]} ${device} ${flags}}`;
  }

  /** The main table alone: what else a kernel keeps there is its own affair. */
  #route(body: Uint8Array<ArrayBuffer>): string {
    const found = readAttributes(body, linux.SIZEOF_RTMSG);
    const table = readU32(found.get(linux.RTA_TABLE)) ?? body[linux.RTMSG_TABLE_AT];
    return table === linux.RT_TABLE_MAIN ? `{${this.#routeText(body)}}` : "";
  }

  #routeText(body: Uint8Array<ArrayBuffer>): string {
    const found = readAttributes(body, linux.SIZEOF_RTMSG);
    const index = readU32(found.get(linux.RTA_OIF));
    const gateway = found.get(linux.RTA_GATEWAY);
    const metric = readU32(found.get(linux.RTA_PRIORITY));
    return [
      nameOfNumber(ROUTE_TYPES, body[linux.RTMSG_TYPE_AT]!),
      `${addressText(found.get(linux.RTA_DST) ?? new Uint8Array(16))}/${
        body[linux.RTMSG_DST_LEN_AT]
      }`,
      index === undefined ? "" : `dev ${this.#name(index)}`,
      gateway === undefined ? "" : `via ${addressText(gateway)}`,
      `proto ${nameOfNumber(PROTOCOLS, body[linux.RTMSG_PROTOCOL_AT]!)}`,
      metric === undefined ? "" : `metric ${metric}`,
    ].filter((it) => it !== "").join(" ");
  }

  #name(index: number): string {
    return this.#names.get(index) ?? `#${index}`;
  }
}

function messagesIn(bytes: Uint8Array<ArrayBuffer>): Head[] {
  const view = viewOf(bytes);
  const found: Head[] = [];
  for (let at = 0; at + linux.SIZEOF_NLMSGHDR <= bytes.length;) {
    const length = view.getUint32(at + linux.NLMSGHDR_LEN_AT, true);
    if (length < linux.SIZEOF_NLMSGHDR) break;
    found.push({
      type: view.getUint16(at + linux.NLMSGHDR_TYPE_AT, true),
      flags: view.getUint16(at + linux.NLMSGHDR_FLAGS_AT, true),
      body: bytes.subarray(at + linux.SIZEOF_NLMSGHDR, at + length),
    });
    at += align(length);
  }
  return found;
}

function acknowledgement(body: Uint8Array): string {
  const errno = -viewOf(body).getInt32(linux.NLMSGERR_ERROR_AT, true);
  return errno === 0 ? "ACK" : `ERROR ${errnoName(LINUX, errno).replace(/ \(.*/, "")}`;
}

/** Attributes by number: a number of 4 bytes, or hexadecimal. */
function attributesText(
  body: Uint8Array,
  at: number,
  readers: Record<number, (bytes: Uint8Array) => string>,
): string {
  return [...readAttributes(body, at)].map(([type, bytes]) => {
    const value = readers[type]?.(bytes) ??
      (bytes.length === 4 ? String(readU32(bytes)) : bytes.toHex());
    return ` ${type}=${value}`;
  }).join("");
}

function addressText(bytes: Uint8Array): string {
  return bytes.length === 4 ? formatIpv4(viewOf(bytes).getUint32(0)) : formatIpv6(bytes);
}
