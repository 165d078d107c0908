import process from "node:process";
import { CHANGE_BOTH, CHANGE_NOTHING, CHANGE_PORT } from "#src/netcheck/stun/message.ts";
import { measureStun } from "#src/netcheck/stun/measure.ts";
import { bind, type Bound, closed } from "#src/probe/sockets.ts";
import type { Endpoint } from "#src/probe/contract.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { concat, ip4 } from "#test/protocol/packets.ts";

/**
 * Measures by a server of two addresses and two ports, some of which are dead: they are on loopback, in a
 * network namespace. Its arguments are JSON: which are dead, and what is kept out. Prints what was seen.
 */
const ADDRESSES = [ip4("192.0.2.1"), ip4("192.0.2.2")] as const;
const PORTS = [34_781, 34_791] as const;
const CHANGE_REQUEST_VALUE_AT = 27;

export type Place = "primary" | "other port" | "other address" | "other both";
const PLACES: Readonly<Record<Place, Endpoint>> = {
  "primary": { address: ADDRESSES[0], port: PORTS[0] },
  "other port": { address: ADDRESSES[0], port: PORTS[1] },
  "other address": { address: ADDRESSES[1], port: PORTS[0] },
  "other both": { address: ADDRESSES[1], port: PORTS[1] },
};

function endpoint(type: number, { address, port }: Endpoint): Uint8Array {
  const b = new Uint8Array(12);
  const view = new DataView(b.buffer);
  view.setUint32(0, type << 16 | 8);
  view.setUint16(4, 1);
  view.setUint16(6, port);
  view.setUint32(8, address);
  return b;
}

function answer(asked: Uint8Array, from: Endpoint): Uint8Array {
  const body = concat(endpoint(0x0001, from), endpoint(0x802c, PLACES["other both"]));
  const header = concat(new Uint8Array([1, 1, 0, body.length]), asked.subarray(4, 20));
  return concat(header, body);
}

/** @param keptOut whose answers come in only when it was asked itself, as behind a NAT that filters */
async function open(
  dead: readonly Place[],
  keptOut: readonly Place[],
): Promise<() => Promise<void>> {
  const bound = new Map<Place, Bound>();
  const from: Readonly<Record<number, Place>> = {
    [CHANGE_NOTHING]: "primary",
    [CHANGE_PORT]: "other port",
    [CHANGE_BOTH]: "other both",
  };
  for (const place of Object.keys(PLACES) as Place[]) {
    if (dead.includes(place)) continue;
    const { address, port } = PLACES[place];
    const it = await bind(address, port);
    bound.set(place, it);
    it.socket.on("message", (b, { address, port }) => {
      const change = b[CHANGE_REQUEST_VALUE_AT] ?? CHANGE_NOTHING;
      const sender = change === CHANGE_NOTHING ? place : from[change]!;
      if (change !== CHANGE_NOTHING && keptOut.includes(sender)) return;
      const said = answer(b, { address: ip4(address), port });
      bound.get(sender)?.socket.send(said, port, address, () => {});
    });
  }
  return async () => {
    await Promise.all([...bound.values()].map(({ socket }) => closed(socket)));
  };
}

const [dead, keptOut] = process.argv.slice(2).map((it) => JSON.parse(it) as readonly Place[]);
const close = await open(dead!, keptOut!);
const { address, port } = PLACES.primary;
const seen = await measureStun({ host: formatIpv4(address), port }, ip4("192.0.2.1"));
const { changedBothCameIn: both, changedPortCameIn: isPortIn, canChange, first } = seen;
const answers = first !== undefined;
process.stdout.write(
  JSON.stringify({ both: both ?? null, port: isPortIn ?? null, canChange, answers }),
);
await close();
