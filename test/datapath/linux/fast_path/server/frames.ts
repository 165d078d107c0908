import { readU16 } from "#src/protocol/wire/bytes.ts";
import { concat, fixChecksum, icmpv6, ip4, nonceOnly } from "#test/protocol/packets.ts";
import { CLIENT, CLIENT_PORT, RELAY, SECONDARY_SERVER, SERVER } from "#test/protocol/vectors.ts";
import type { Random } from "#test/sim/prng.ts";
import {
  datagramFrame,
  type Ends,
  finishIpv4,
  finishUdp,
  INNER,
  UDP,
  unfinishUdp,
} from "../frames.ts";

/** Frames for the server's program. */

export const BODY = new Uint8Array(4);
export const CONE = "fe80::8000:5445:5245:444f";
export const PLAIN = "fe80::5445:5245:444f";

export const solicitation = (from: string | Uint8Array = PLAIN) =>
  icmpv6(133, from, "ff02::2", BODY, 255);

/** A datagram from the client of the vectors to the server's primary address, unless `ends` says else. */
export function serverFrame(
  random: Random,
  payload: Uint8Array,
  ends: Partial<Ends> = {},
): Uint8Array {
  return datagramFrame(random, {
    source: CLIENT,
    sourcePort: CLIENT_PORT,
    destination: SERVER,
    destinationPort: 3544,
    ...ends,
  }, payload);
}

/** One of each thousand frames may be anything; most are nearly a solicitation. */
export function mutated(random: Random): Uint8Array {
  const before = random.pick([new Uint8Array(0), nonceOnly()]);
  const ends = {
    source: random.pick([CLIENT, RELAY, ip4("8.8.8.8"), ip4("192.168.1.1"), SERVER]),
    sourcePort: random.pick([1, 3544, 40_000]),
    destination: random.pick([SERVER, SECONDARY_SERVER]),
  };
  const packet = solicitation(random.pick([PLAIN, CONE]));
  for (let n = random.below(3); n > 0; n--) {
    const at = random.below(packet.length);
    packet[at] = random.pick([0, 1, packet[at]! ^ (1 << random.below(8)), random.below(256)]);
  }
  const soundInside = random.below(4) > 0;
  if (soundInside) fixChecksum(packet);
  const b = serverFrame(random, concat(before, packet), ends);
  for (let n = random.below(3); n > 0; n--) {
    const at = random.below(INNER + before.length);
    b[at] = random.pick([0, 1, b[at]! ^ (1 << random.below(8)), random.below(256)]);
  }
  if (random.below(3) > 0) finishIpv4(b);
  if (random.below(3) > 0 && readU16(b, UDP + 4) === b.length - UDP) finishUdp(b);
  if (random.below(20) === 0) unfinishUdp(b);
  if (random.below(20) === 0) return b.slice(0, UDP + random.below(b.length - UDP));
  if (random.below(20) === 0) return concat(b, new Uint8Array(random.below(20)));
  return b;
}
