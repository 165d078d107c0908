import { EINVAL, IPPROTO_ICMPV6, IPPROTO_RAW, POLLOUT, SIZEOF_ICMP6_FILTER } from "#ffi/posix.ts";
import { writeU16 } from "#src/protocol/wire/bytes.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  isLinkLocal,
  SOURCE_AT,
  writeIpv6Header,
} from "#src/protocol/wire/ipv6.ts";
import { Errno, errnoOf, unknown } from "./errno.ts";
import { type Message, PaperFile } from "./file.ts";
import type { PaperKernel } from "./kernel.ts";
import { concat, equal } from "./lists.ts";
import { addressOf6 } from "./sockaddr.ts";

const ICMPV6_CHECKSUM_AT = 2;
const HOP_LIMIT = 64;

/** A raw IPv6 socket: for ICMPv6, or, with IPPROTO_RAW, for packets whose header is given. */
export class RawFile extends PaperFile {
  readonly kind = "raw";
  /** Of ICMPv6: whether any message at all is let in. */
  receives = true;
  readonly #kernel: PaperKernel;
  readonly #protocol: number;

  constructor(kernel: PaperKernel, protocol: number) {
    super();
    this.#kernel = kernel;
    this.#protocol = protocol;
  }

  override setOption(level: number, name: number, value: Uint8Array): void {
    const { ICMP6_FILTER, ICMP6_FILTER_BLOCK } = this.#kernel.system.layout;
    const isFilter = this.#protocol === IPPROTO_ICMPV6 && level === IPPROTO_ICMPV6 &&
      name === ICMP6_FILTER;
    if (!isFilter) unknown(`setsockopt ${level}, ${name} of raw`);
    if (value.length !== SIZEOF_ICMP6_FILTER) throw new Errno(EINVAL);
    if (!value.every((byte) => byte === ICMP6_FILTER_BLOCK)) {
      unknown("a filter that lets some pass");
    }
    this.receives = false;
  }

  override ready(): number {
    return POLLOUT;
  }

  override send({ data, name, control }: Message): number {
    const { layout } = this.#kernel.system;
    if (name === undefined || control.length > 0) return unknown("send through raw");
    const destination = addressOf6(layout, name);
    const packet = this.#protocol === IPPROTO_RAW ? data : this.#headed(data, destination);
    // A packet of another destination would go there, by the route of the one in the sockaddr.
    const written = packet.subarray(DESTINATION_AT, DESTINATION_AT + 16);
    if (!equal(written, destination)) unknown("a raw packet to another destination");
    const link = this.#kernel.world.routeFor(destination)?.link;
    if (link === undefined) throw new Errno(errnoOf(layout, "ENETUNREACH"));
    if (packet.length > link.mtu && this.#protocol === IPPROTO_RAW) {
      throw new Errno(layout.EMSGSIZE);
    }
    this.#kernel.world.send(packet);
    return data.length;
  }

  /** Puts the header before an ICMPv6 message that the kernel makes, and sums it. RFC 3542 §3.1 */
  #headed(message: Uint8Array, destination: Uint8Array): Uint8Array {
    const packet = concat(new Uint8Array(IPV6_HEADER_LENGTH), message);
    writeIpv6Header(packet, 0, message.length, this.#protocol, HOP_LIMIT);
    packet.set(this.#sourceFor(destination), SOURCE_AT);
    packet.set(destination, DESTINATION_AT);
    const at = IPV6_HEADER_LENGTH + ICMPV6_CHECKSUM_AT;
    writeU16(packet, at, 0);
    writeU16(packet, at, payloadChecksum(packet, 0));
    return packet;
  }

  /** An address of the interface that the packet leaves by, rather not a link-local one. RFC 6724 */
  #sourceFor(destination: Uint8Array): Uint8Array {
    const { layout } = this.#kernel.system;
    const link = this.#kernel.world.routeFor(destination)?.link;
    const own = (link?.addresses ?? []).map((it) => it.bytes).filter((it) => it.length === 16);
    const source = own.find((it) => !isLinkLocal(it, 0)) ?? own[0];
    if (source === undefined) throw new Errno(errnoOf(layout, "ENETUNREACH"));
    return source;
  }
}
