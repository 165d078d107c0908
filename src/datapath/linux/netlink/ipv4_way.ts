import {
  AF_INET,
  NLA_TYPE_MASK,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  NLMSGHDR_LEN_AT,
  NLMSGHDR_SEQ_AT,
  NLMSGHDR_TYPE_AT,
  RTA_DST,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_OIF,
  RTA_SRC,
  RTA_VIA,
  RTATTR_LEN_AT,
  RTATTR_TYPE_AT,
  RTAX_MTU,
  RTM_GETROUTE,
  RTMSG_DST_LEN_AT,
  RTMSG_FAMILY_AT,
  RTMSG_SRC_LEN_AT,
  RTMSG_TYPE_AT,
  SIZEOF_NLMSGHDR,
  SIZEOF_RTATTR,
  SIZEOF_RTMSG,
} from "#ffi/linux/mod.ts";
import { readU32, writeU32 } from "#src/protocol/wire/bytes.ts";
import type { NetlinkChannel } from "./channel.ts";
import { align } from "./message.ts";

/** An attribute with an IPv4 address. */
const ADDRESS_ATTRIBUTE = SIZEOF_RTATTR + 4;
const QUESTION = SIZEOF_RTMSG + 2 * ADDRESS_ATTRIBUTE;
const BITS = 32;

/**
 * What the kernel would do with a datagram of this host, asked for each of a hundred thousand peers:
 * as `wayOf()` in `look_up.ts`, but question and answer are written and read where they lie, and what
 * it says is kept in the fields until the next question. Nothing is left for a collector.
 */
export class Ipv4Way {
  /** RTN_UNICAST: it is sent. */
  type = 0;
  /** Of the interface that it leaves by; 0: of none. */
  index = 0;
  /** 0: none. */
  gateway = 0;
  /** The gateway is known by an address of the other family. */
  isVia = false;
  /** Bytes, where the route has its own; 0: it has none. */
  mtu = 0;
  readonly #channel: NetlinkChannel;

  constructor(channel: NetlinkChannel) {
    this.#channel = channel;
  }

  /** @returns whether there is one: else the kernel refuses the datagram, or gave no answer */
  ask(destination: number, source: number): boolean {
    this.#forget();
    this.#write(destination, source);
    const channel = this.#channel;
    // No NLM_F_ACK: the answer is all that comes.
    if (channel.send(RTM_GETROUTE, NLM_F_REQUEST, QUESTION) < 0) return false;
    for (;;) {
      const length = channel.receive();
      if (length < 0) return false;
      if (!this.#isAnswer(length)) continue; // to a question that was given up
      return this.#read();
    }
  }

  #forget(): void {
    this.type = 0;
    this.index = 0;
    this.gateway = 0;
    this.isVia = false;
    this.mtu = 0;
  }

  #write(destination: number, source: number): void {
    const { bytes, bodyAt } = this.#channel;
    bytes.fill(0, bodyAt, bodyAt + SIZEOF_RTMSG);
    bytes[bodyAt + RTMSG_FAMILY_AT] = AF_INET;
    bytes[bodyAt + RTMSG_DST_LEN_AT] = BITS;
    bytes[bodyAt + RTMSG_SRC_LEN_AT] = BITS;
    this.#writeAddress(bodyAt + SIZEOF_RTMSG, RTA_DST, destination);
    this.#writeAddress(bodyAt + SIZEOF_RTMSG + ADDRESS_ATTRIBUTE, RTA_SRC, source);
  }

  #writeAddress(at: number, type: number, address: number): void {
    const { bytes, view } = this.#channel;
    view.setUint16(at + RTATTR_LEN_AT, ADDRESS_ATTRIBUTE, true);
    view.setUint16(at + RTATTR_TYPE_AT, type, true);
    writeU32(bytes, at + SIZEOF_RTATTR, address);
  }

  #isAnswer(length: number): boolean {
    const { view, answerAt, sequence } = this.#channel;
    if (length < SIZEOF_NLMSGHDR) return false;
    if (view.getUint32(answerAt + NLMSGHDR_LEN_AT, true) > length) return false;
    return view.getUint32(answerAt + NLMSGHDR_SEQ_AT, true) === sequence;
  }

  #read(): boolean {
    const { bytes, view, answerAt } = this.#channel;
    const size = view.getUint32(answerAt + NLMSGHDR_LEN_AT, true);
    const at = answerAt + SIZEOF_NLMSGHDR;
    if (view.getUint16(answerAt + NLMSGHDR_TYPE_AT, true) === NLMSG_ERROR) return false;
    if (size < SIZEOF_NLMSGHDR + SIZEOF_RTMSG) return false;
    this.type = bytes[at + RTMSG_TYPE_AT]!;
    this.#readAttributes(at + SIZEOF_RTMSG, answerAt + size);
    return true;
  }

  /** What is malformed ends the list. */
  #readAttributes(at: number, end: number): void {
    const { bytes, view } = this.#channel;
    while (at + SIZEOF_RTATTR <= end) {
      const length = view.getUint16(at + RTATTR_LEN_AT, true);
      if (length < SIZEOF_RTATTR || at + length > end) return;
      const type = view.getUint16(at + RTATTR_TYPE_AT, true) & NLA_TYPE_MASK;
      const valueAt = at + SIZEOF_RTATTR;
      if (type === RTA_METRICS) this.#readMetrics(valueAt, at + length);
      else if (type === RTA_VIA) this.isVia = true;
      else if (length >= ADDRESS_ATTRIBUTE) {
        if (type === RTA_OIF) this.index = view.getUint32(valueAt, true);
        else if (type === RTA_GATEWAY) this.gateway = readU32(bytes, valueAt);
      }
      at += align(length);
    }
  }

  #readMetrics(at: number, end: number): void {
    const { view } = this.#channel;
    while (at + SIZEOF_RTATTR <= end) {
      const length = view.getUint16(at + RTATTR_LEN_AT, true);
      if (length < SIZEOF_RTATTR || at + length > end) return;
      const type = view.getUint16(at + RTATTR_TYPE_AT, true) & NLA_TYPE_MASK;
      if (type === RTAX_MTU && length >= ADDRESS_ATTRIBUTE) {
        this.mtu = view.getUint32(at + SIZEOF_RTATTR, true);
      }
      at += align(length);
    }
  }
}
