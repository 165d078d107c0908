import { Flag, HEADERS_LENGTH, Way } from "#src/datapath/recorder/entry.ts";
import type { RecordedPacket, RecordedPackets } from "#src/datapath/recorder/packets.ts";
import { DISCOVERY_PATH, SERVICE_PATH } from "#src/protocol/client/contract.ts";
import { DISCOVERY_GROUP } from "#src/protocol/client/peers/discovery.ts";
import { readU16, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { addBytes, finishChecksum } from "#src/protocol/wire/checksum.ts";
import { ORIGIN_LENGTH } from "#src/protocol/wire/datagram.ts";
import { writeOrigin } from "#src/protocol/wire/build.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { IPV6_HEADER_LENGTH, PAYLOAD_LENGTH_AT } from "#src/protocol/wire/ipv6.ts";
import { type Direction, PcapngWriter } from "./pcapng.ts";
import { clientOf, commentOf } from "./words.ts";

/** Interfaces of the file, in this order. */
const UDP_SIDE = 0;
const IPV6_SIDE = 1;

const IPV4_HEADER_LENGTH = 20;
const OUTER_LENGTH = IPV4_HEADER_LENGTH + 8;
/** An IPv4 header without options. */
const VERSION_AND_LENGTH = 0x45;
const TIME_TO_LIVE = 64;
const PROTOCOL_UDP = 17;
/** A super-packet is longer than a datagram can be, and goes out as several. */
const MOST_PAYLOAD = 0xffff - OUTER_LENGTH;

/** Of the daemon whose packets they are. */
export interface Recorder {
  /** Name and version. */
  readonly program: string;
  /** `A.B.C.D:port` of its sockets, the server's primary one first. */
  readonly listening: readonly string[];
  /** Where its IPv6 packets pass, where that is one of its own. */
  readonly interfaceName: string | undefined;
}

/**
 * A pcapng file of what was recorded, by two interfaces: datagrams with the IPv4 and UDP headers that
 * they had, as far as these are known, and IPv6 packets. Payloads are cut off. A packet that was passed
 * through stands on both sides.
 */
export function captureOf(
  packets: RecordedPackets,
  recorder: Recorder,
  why: string,
): Uint8Array<ArrayBuffer> {
  const { program, interfaceName } = recorder;
  const writer = new PcapngWriter(program, why);
  writer.addInterface("udp", "UDP side: IPv4 and UDP headers made again from what was recorded");
  writer.addInterface(interfaceName ?? "ipv6", "IPv6 side");
  const maker = new BlockMaker(writer, packets, recorder.listening);
  for (let i = 0; i < packets.count; i++) maker.add(packets.at(i));
  return writer.bytes;
}

const encoder = new TextEncoder();

class BlockMaker {
  readonly #writer: PcapngWriter;
  readonly #ends: readonly (readonly [address: number, port: number])[];
  /** A datagram's headers. */
  readonly #datagram = new Uint8Array(OUTER_LENGTH + HEADERS_LENGTH + ORIGIN_LENGTH);
  /** Our address, where a packet does not tell which of ours. */
  #local: number;

  constructor(writer: PcapngWriter, packets: RecordedPackets, listening: readonly string[]) {
    this.#writer = writer;
    this.#ends = listening.map((text) => {
      const [address = "", port] = text.split(":");
      return [parseIpv4(address) ?? 0, Number(port)];
    });
    this.#local = 0;
    for (let i = 0; i < packets.count && this.#local === 0; i++) {
      const { local } = packets.at(i);
      if (local > DISCOVERY_PATH) this.#local = local;
    }
  }

  add(packet: RecordedPacket): void {
    const { way, flags } = packet;
    const text = commentOf(packet);
    const comment = text === undefined ? undefined : encoder.encode(text);
    const comes = way === Way.FromUdp || way === Way.FromIpv6 || way === Way.FromHold;
    const direction = comes ? "in" : "out";
    if (way === Way.FromUdp || way === Way.ToUdp) {
      this.#addDatagram(packet, asItCame(packet), direction, comment);
    } else {
      this.#addIpv6(packet, direction, comment);
    }
    if (flags & Flag.Passed) this.#addIpv6(packet, "out", undefined);
    if (!(flags & Flag.SentOn)) return;
    const onward = way === Way.FromUdp ? onwardOf(packet) : asItCame(packet);
    this.#addDatagram({ ...packet, flags: 0 }, onward, "out", undefined);
  }

  #addIpv6(packet: RecordedPacket, direction: Direction, comment: Uint8Array | undefined): void {
    const { headers, ipv6At, way, time } = packet;
    const bytes = headers.subarray(ipv6At);
    // In a datagram there is more than the packet.
    const length = way === Way.FromUdp ? ipv6LengthOf(packet) : packet.length;
    this.#writer.addPacket({ interface: IPV6_SIDE, direction, time, bytes, length, comment });
  }

  /**
   * Our end. A client's packets tell their path, smaller than any address: of a random port, whose
   * number is not recorded, the path stands in its place.
   */
  #endOf(local: number, flags: number): readonly [address: number, port: number] {
    const [bound, port] = this.#ends[flags & Flag.Secondary ? 1 : 0]!;
    if (local > DISCOVERY_PATH) return [local, port];
    if (local === DISCOVERY_PATH) return [DISCOVERY_GROUP, TEREDO_PORT];
    return [bound !== 0 ? bound : this.#local, local === SERVICE_PATH ? port : local];
  }

  #addDatagram(
    { flags, time, local }: RecordedPacket,
    { address, port, length, headers }: Outer,
    direction: Direction,
    comment: Uint8Array | undefined,
  ): void {
    const b = this.#datagram;
    const [ours, ourPort] = this.#endOf(local, flags);
    const payload = Math.min(length, MOST_PAYLOAD);
    const [from, to] = direction === "in" ? [12, 16] : [16, 12];
    const [fromPort, toPort] = direction === "in" ? [0, 2] : [2, 0];
    const udp = IPV4_HEADER_LENGTH;
    b.fill(0);
    b[0] = VERSION_AND_LENGTH;
    writeU16(b, 2, OUTER_LENGTH + payload);
    b[8] = TIME_TO_LIVE;
    b[9] = PROTOCOL_UDP;
    writeU32(b, from, address);
    writeU32(b, to, ours);
    writeU16(b, 10, finishChecksum(addBytes(b, 0, IPV4_HEADER_LENGTH, 0)));
    writeU16(b, udp + fromPort, port);
    writeU16(b, udp + toPort, ourPort);
    writeU16(b, udp + 4, OUTER_LENGTH - IPV4_HEADER_LENGTH + payload);
    b.set(headers, OUTER_LENGTH);
    this.#writer.addPacket({
      interface: UDP_SIDE,
      direction,
      time,
      bytes: b.subarray(0, OUTER_LENGTH + headers.length),
      length: OUTER_LENGTH + payload,
      comment,
    });
  }
}

/** What is told of a datagram. */
interface Outer {
  /** The other end. */
  readonly address: number;
  readonly port: number;
  /** Of its payload. */
  readonly length: number;
  /** As much of the payload as is known. */
  readonly headers: Uint8Array;
}

function asItCame({ address, port, length, headers }: RecordedPacket): Outer {
  return { address, port, length, headers };
}

/** What a server made of a datagram, for the client that its IPv6 destination names. */
function onwardOf(packet: RecordedPacket): Outer {
  const { flags, headers, ipv6At, length } = packet;
  const own = headers.subarray(ipv6At);
  // With what stands behind the packet, where it is known how much stood before it.
  const whole = flags & Flag.LeftOut ? ipv6LengthOf(packet) : length - ipv6At;
  const added = flags & Flag.OriginAdded ? ORIGIN_LENGTH : 0;
  const bytes = new Uint8Array(added + own.length);
  if (added > 0) writeOrigin(bytes, 0, packet.address, packet.port);
  bytes.set(own, added);
  const { address, port } = clientOf(packet);
  return { address, port, length: added + whole, headers: bytes };
}

/** By its own header. */
function ipv6LengthOf({ headers, ipv6At }: RecordedPacket): number {
  return IPV6_HEADER_LENGTH + readU16(headers, ipv6At + PAYLOAD_LENGTH_AT);
}
