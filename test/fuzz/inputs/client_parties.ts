import type { ClientOptions, Extensions, ServerAddresses } from "#src/protocol/client/contract.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import {
  CLIENT_OPTIONS,
  type End,
  HOST,
  MAPPED_AT,
  PEER,
  PEER_AT,
  PEER_SERVER,
  RELAY_AT,
} from "#test/protocol/client/lab.ts";
import { ip4, teredo } from "#test/protocol/packets.ts";
import { CLIENT_LOCAL, SECONDARY_SERVER, SERVER } from "#test/protocol/vectors.ts";

const OTHER_SERVER = { primary: ip4("83.170.6.76"), secondary: ip4("83.170.6.77") };
/** Ours, and those of peers. */
export const SERVERS: readonly ServerAddresses[] = [
  ...CLIENT_OPTIONS.servers,
  OTHER_SERVER,
  { primary: PEER_SERVER, secondary: PEER_SERVER + 1 },
];
export const NEIGHBOUR: End = { address: ip4("10.0.0.7"), port: 3_797 };
/** Clients, with where their addresses say that they are, and native hosts behind a relay. */
export const PEERS: readonly (readonly [Uint8Array, End])[] = [
  [PEER, PEER_AT],
  [teredo(PEER_AT.address, PEER_AT.port + 1, PEER_SERVER), { ...PEER_AT, port: PEER_AT.port + 1 }],
  [teredo(ip4("192.0.2.11"), 5_000, SERVER), { address: ip4("192.0.2.11"), port: 5_000 }],
  [teredo(MAPPED_AT.address, 9_000, SERVER), NEIGHBOUR],
  [teredo(ip4("10.0.0.7"), 3_797, SERVER), NEIGHBOUR],
  ...[HOST, "2001:db8::2", "2a00::1", "fe80::1", "ff02::1"].map((text) =>
    [parseIpv6(text)!, RELAY_AT] as const
  ),
];
/** Where datagrams come from that are not where they should be. */
export const ENDS: readonly End[] = [
  PEER_AT,
  RELAY_AT,
  NEIGHBOUR,
  { address: SERVER, port: TEREDO_PORT },
  { address: SECONDARY_SERVER, port: TEREDO_PORT },
  { address: OTHER_SERVER.primary, port: TEREDO_PORT },
  { address: PEER_AT.address, port: 40_000 },
  { address: CLIENT_LOCAL, port: 3_797 },
  { address: ip4("127.0.0.1"), port: 1 },
  { address: 0, port: 0 },
];

const NARROW: Partial<ClientOptions> = {
  maxPeers: 3,
  holdPackets: 2,
  holdBytes: 2 * 1280,
  holdMemory: 3 * 1280,
  holdAge: 3_000,
  icmpRate: 1,
  icmpBurst: 2,
};
export const PLAIN: Extensions = {
  symmetric: false,
  portPreserving: false,
  sequential: false,
  hairpin: false,
  loadReduction: false,
};
export const VARIANTS: readonly ClientOptions[] = [
  {},
  { localDiscovery: true },
  { ...NARROW, servers: [...CLIENT_OPTIONS.servers, OTHER_SERVER] },
  { extensions: PLAIN, refuseReserved: true },
  { servers: [OTHER_SERVER, ...CLIENT_OPTIONS.servers], serverOrder: "strict" as const },
].map((own) => ({ ...CLIENT_OPTIONS, ...own }));
