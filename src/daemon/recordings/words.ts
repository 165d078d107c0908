import { Flag, Way } from "#src/datapath/recorder/entry.ts";
import type { RecordedPacket } from "#src/datapath/recorder/packets.ts";
import { Drop, DROP_NAMES, type DropName } from "#src/protocol/drops.ts";
import { readU16 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  isMulticast,
  PAYLOAD_LENGTH_AT,
} from "#src/protocol/wire/ipv6.ts";
import { mappedAddressOf, mappedPortOf } from "#src/protocol/wire/teredo_address.ts";
import { DROP_HELP } from "#src/status/drop_help.ts";
import type { RecordedRow } from "#src/status/recordings_document.ts";
import { packetIn } from "../fates/words.ts";

const WAYS: Readonly<Record<Way, RecordedRow["way"]>> = {
  [Way.FromUdp]: "from_udp",
  [Way.FromIpv6]: "from_ipv6",
  [Way.ToUdp]: "to_udp",
  [Way.ToIpv6]: "to_ipv6",
  [Way.FromHold]: "from_hold",
};

/** One recorded packet in words, as far as may be in those of a packet's fate. */
export function rowOf(packet: RecordedPacket): RecordedRow {
  const { time, way, flags, drop, length, packets, allLength } = packet;
  const did = deedOf(packet);
  return {
    time: new Date(time).toISOString(),
    way: WAYS[way],
    ...(packet.port === 0 ? {} : { peer: endOf(packet) }),
    ...innerOf(packet),
    ...(way === Way.FromUdp && flags & Flag.SentOn ? { to: endOf(clientOf(packet)) } : {}),
    bytes: length,
    ...(packets === 1 ? {} : { packets, all_bytes: allLength }),
    ...(did === undefined ? {} : { did }),
    ...(drop === Drop.None ? {} : reasonOf(DROP_NAMES[drop]!)),
  };
}

function innerOf({ headers: b, ipv6At: at }: RecordedPacket): Partial<RecordedRow> {
  if (b.length < at + IPV6_HEADER_LENGTH) return {};
  return packetIn(b, at, IPV6_HEADER_LENGTH + readU16(b, at + PAYLOAD_LENGTH_AT));
}

/** What the rules did with it; undefined where they dropped it. */
export function deedOf(packet: RecordedPacket): string | undefined {
  const { way, drop, flags, headers, ipv6At } = packet;
  if (drop !== Drop.None) return undefined;
  switch (way) {
    case Way.FromUdp:
      if (flags & Flag.Passed) return "passed to the IPv6 side";
      if (flags & Flag.SentOn) return "sent on";
      return flags & Flag.Answered ? "answered" : "taken";
    case Way.FromIpv6:
      if (flags & Flag.SentOn) return "sent";
      return isMulticast(headers, ipv6At + DESTINATION_AT) ? "left alone" : "held";
    default:
      return "sent";
  }
}

interface End {
  readonly address: number;
  readonly port: number;
}

/** Where the Teredo address that a packet goes to says that its client is. */
export function clientOf({ headers, ipv6At }: RecordedPacket): End {
  const at = ipv6At + DESTINATION_AT;
  return { address: mappedAddressOf(headers, at), port: mappedPortOf(headers, at) };
}

function endOf({ address, port }: End): string {
  return `${formatIpv4(address)}:${port}`;
}

function reasonOf(reason: DropName): Partial<RecordedRow> {
  if (reason === "none") return {};
  return { reason, detail: `dropped: ${DROP_HELP[reason].because}` };
}

/** What a reader of captures cannot see of a packet itself; undefined: nothing. */
export function commentOf(packet: RecordedPacket): string | undefined {
  const { way, drop, flags, packets, allLength } = packet;
  const reason = DROP_NAMES[drop]!;
  const remarks = [
    ...(way === Way.FromHold ? ["was held"] : []),
    ...(reason === "none" ? [] : [`dropped: ${reason}: ${DROP_HELP[reason].because}`]),
    ...(flags & Flag.Answered ? ["answered to where it came from"] : []),
    ...(deedOf(packet) === "held" ? ["held until its client answers a bubble"] : []),
    ...(packets === 1 ? [] : [`${packets} packets in one piece, ${allLength} bytes in all`]),
    ...(flags & Flag.LeftOut ? ["an authentication encapsulation is left out"] : []),
  ];
  return remarks.length === 0 ? undefined : remarks.join("; ");
}
