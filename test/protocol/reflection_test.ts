import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { DISCOVERY_PATH, SERVICE_PATH } from "#src/protocol/client/contract.ts";
import { Drop } from "#src/protocol/drops.ts";
import {
  alternatesTrailer,
  CLIENT_OPTIONS,
  ClientLab,
  type End,
  endOf,
  MAPPED_AT,
  nonceTrailer,
  PEER,
  PEER_AT,
  portTrailer,
  RELAY_AT,
  type Sent as ClientSent,
  SERVER_AT,
} from "./client/lab.ts";
import { bubble, concat, icmpv6, ip4, origin, packet, teredo } from "./packets.ts";
import { data, HOST, RelayLab, type RelaySent } from "./relay/lab.ts";
import { type Sent, ServerLab } from "./server/lab.ts";
import { CLIENT, CLIENT_PORT, RELAY, SECONDARY_SERVER, SERVER, vector } from "./vectors.ts";

/**
 * Bytes out for bytes in, towards somebody who did not ask, of every path through relay, server and client.
 *
 * A packet counts as its Ethernet frame: header (14), check sequence (4), at least 64 in all. Each
 * path is measured with the packet that does worst, and its row stands in docs/limits.md.
 */
const frame = (ipLength: number) => Math.max(64, 14 + ipLength + 4);
const udpFrame = (payload: number) => frame(20 + 8 + payload);

interface Path {
  readonly name: string;
  /** Bytes of the frame in, and of all the frames out that it causes. */
  readonly measure: () => readonly [cameBytes: number, wentBytes: number];
  /** What bounds a path that gives more than it takes. RFC 4380, RFC 4443 and RFC 6081 prescribe them */
  readonly bound?: string;
}

const A2 = vector("A2");
const NATIVE = "2001:db8::1";
const empty = packet(59, NATIVE, A2, new Uint8Array(0), 64);

const bytesOf = ({ to, hex }: RelaySent | Sent) =>
  to === "ipv6" || to === "icmpv6" ? frame(hex.length / 2) : udpFrame(hex.length / 2);
const sum = (sent: readonly (RelaySent | Sent)[]) =>
  sent.reduce((total, one) => total + bytesOf(one), 0);

/** What one packet from the IPv6 side costs others, within `milliseconds`. */
function toClient(bytes: Uint8Array, milliseconds: number, restricted = false): Path["measure"] {
  return () => {
    const lab = new RelayLab({ restricted });
    lab.fromIpv6(bytes);
    let went = sum(lab.sent);
    lab.advance(milliseconds);
    went += sum(lab.sent.filter(({ to }) => to !== "icmpv6"));
    return [frame(bytes.length), went];
  };
}

/** What a stranger's datagram to the relay costs the ones it names. */
function fromStranger(bytes: Uint8Array): Path["measure"] {
  return () => {
    const lab = new RelayLab();
    assert.equal(lab.fromClient(bytes), Drop.UnknownPeer);
    return [udpFrame(bytes.length), sum(lab.sent)];
  };
}

function throughServer(bytes: Uint8Array, from: Parameters<ServerLab["receive"]>[1] = {}) {
  return () => {
    const lab = new ServerLab();
    assert.equal(lab.receive(bytes, from), Drop.None);
    return [udpFrame(bytes.length), sum(lab.sent)] as const;
  };
}

const clientSum = (sent: readonly ClientSent[]) =>
  sent.reduce((total, { to, bytes }) => {
    return total +
      (to === "ipv6" || to === "icmpv6" ? frame(bytes.length) : udpFrame(bytes.length));
  }, 0);

/** Clients behind each kind of NAT that has them send something else. */
const BEHIND: readonly ((lab: ClientLab) => End)[] = [
  (lab) => (lab.qualify(), MAPPED_AT),
  (lab) => (lab.qualifySymmetric(KEPT_AT), KEPT_AT),
  (lab) => (lab.qualifySymmetric(), MAPPED_AT),
];

/**
 * What one datagram to a client costs all whom it then asks or answers, within `milliseconds`: behind the
 * NAT, with the trailers, and with a server that answers what is asked by other ports or not, as it is worst.
 */
function throughClient(
  datagram: (own: Uint8Array) => Uint8Array,
  from: End,
  {
    milliseconds = 0,
    path = SERVICE_PATH,
    localDiscovery = false,
    trailers = [NOTHING] as readonly Uint8Array[],
  } = {},
): Path["measure"] {
  return () => {
    const all = BEHIND.flatMap((qualify) =>
      trailers.flatMap((trailer) =>
        [true, false].map((answers): [number, number] => {
          const lab = new ClientLab({ localDiscovery });
          const mapped = qualify(lab);
          const bytes = concat(datagram(lab.address), trailer);
          lab.receive(bytes, from, path);
          const sent = clientSum(lab.sent);
          const later = repeated(lab, milliseconds, mapped, answers);
          return [udpFrame(bytes.length), sent + later];
        })
      )
    );
    return all.reduce((worst, it) => it[1] / it[0] > worst[1] / worst[0] ? it : worst);
  };
}

/** The same of a packet of its own host's, which somebody had it send. */
function fromItsHost(milliseconds: number): Path["measure"] {
  return () => {
    const lab = new ClientLab().qualify();
    lab.transmit(packet(17, lab.address, PEER, new Uint8Array(0)));
    return [frame(40), clientSum(lab.sent) + repeated(lab, milliseconds)];
  };
}

/** Without what goes to its own host, and its own solicitations, which it has a limit of its own for. */
function repeated(
  lab: ClientLab,
  milliseconds: number,
  mapped: End = MAPPED_AT,
  answers = false,
): number {
  let sum = 0;
  let port = 50_000;
  // What goes out within the first moment has been counted: of that, only answers are to come.
  let asked: readonly ClientSent[] = lab.sent;
  for (const end = lab.now + milliseconds; lab.now < end;) {
    for (const it of asked.filter(isSolicitation)) {
      if (it.path === SERVICE_PATH) lab.advertise(it, mapped);
      else if (answers) {
        const { address } = it.to === endOf(SERVER_AT) ? SERVER_AT : SECONDARY_AT;
        lab.advertise(it, { ...mapped, port: port++ }, SERVER, address);
        sum += clientSum(lab.sent);
      }
    }
    asked = lab.advance(100).sent;
    const isOwn = (it: ClientSent) => isSolicitation(it) && it.path === SERVICE_PATH;
    sum += clientSum(asked.filter((it) => it.to !== "icmpv6" && !isOwn(it)));
  }
  return sum;
}

const isSolicitation = ({ to, bytes }: ClientSent) =>
  bytes[0] === 0 && bytes[1] === 1 && [SERVER_AT, SECONDARY_AT].some((it) => endOf(it) === to);
const SECONDARY_AT: End = { address: SECONDARY_SERVER, port: SERVER_AT.port };
const KEPT_AT: End = { ...MAPPED_AT, port: CLIENT_OPTIONS.servicePort };

/** On four hosts, of which none has asked. */
const ALTERNATES = [1, 2, 3, 4].map((i) => ({ address: ip4("198.51.100.128") + i, port: 7 }));
const indirect = (own: Uint8Array) =>
  concat(origin(PEER_AT.address, PEER_AT.port), bubble(PEER, own));
const NOTHING = new Uint8Array(0);
/** What has the receiver send from another port, or to one. */
const PORTS: readonly Uint8Array[] = [NOTHING, nonceTrailer("01020304"), portTrailer(1_201)];
const NEIGHBOUR = teredo(MAPPED_AT.address, 41_000, SERVER);
const OF_STRANGERS =
  "20 a second for one IPv4 address that comes straight, 100 for all; two with a test of ports";
const OF_PEERS =
  "one a second to a peer; new peers 20 a second by way of our server, 100 for all; two with a test of ports";

const OTHER_SERVER = teredo(CLIENT + 1, CLIENT_PORT, SERVER + 9);
const PATHS: readonly Path[] = [
  {
    name: "relay: bubble for a packet of 40 bytes, the shortest",
    measure: toClient(empty, 0),
    bound: "`address_bubble_rate`, `bubble_rate`",
  },
  {
    name: "relay: bubble for a packet of 60 bytes, a TCP SYN",
    measure: toClient(data(NATIVE, A2, 0, 20), 0),
    bound: "`address_bubble_rate`, `bubble_rate`",
  },
  {
    name: "relay: bubble for a packet of 68 bytes or more",
    measure: toClient(data(NATIVE, A2, 0, 28), 0),
  },
  {
    name: "relay: all four bubbles for a packet of 40 bytes",
    measure: toClient(empty, 7_000),
    bound: "repeats: a tenth of both rates",
  },
  {
    name: "relay, `restricted`: both bubbles for a packet of 40 bytes",
    measure: toClient(empty, 0, true),
    bound: "`address_bubble_rate`, `bubble_rate`",
  },
  {
    name: "relay, `restricted`: all eight bubbles for a packet of 40 bytes",
    measure: toClient(empty, 7_000, true),
    bound: "repeats: a tenth of both rates",
  },
  {
    name: "relay: ICMPv6 error about a packet of 48 bytes",
    measure: toClient(data(NATIVE, "2001:db8::2", 0, 8), 0),
    bound: "`icmp_rate`, a quarter to one /64",
  },
  {
    name: "relay: ICMPv6 error about a packet of 1,280 bytes",
    measure: toClient(data(NATIVE, "2001:db8::2", 0, 1_240), 0),
  },
  {
    name: "relay: bubble for a stranger's bubble",
    measure: fromStranger(bubble(A2, HOST)),
  },
  {
    name: "relay: two bubbles for a stranger's packet of 126 bytes",
    measure: fromStranger(data(A2, HOST, 0, 86)),
  },
  {
    name: "server: advertisement for a solicitation",
    measure: throughServer(vector("R3").subarray(13)),
    bound: "`solicitation_rate`, `solicitation_burst`",
  },
  {
    name: "server: advertisement for a solicitation with a nonce",
    measure: throughServer(vector("R3")),
    bound: "`solicitation_rate`, `solicitation_burst`",
  },
  {
    name: "server: bubble to a client of its own",
    measure: throughServer(bubble(HOST, A2), { address: RELAY, port: 3_545 }),
    bound: "`forward_rate`",
  },
  {
    name: "server: ICMPv6 message of 4 bytes to a client of its own",
    measure: throughServer(icmpv6(200, HOST, A2, new Uint8Array(0)), {
      address: RELAY,
      port: 3_545,
    }),
    bound: "`forward_rate`",
  },
  {
    name: "server: bubble to a client of another server",
    measure: throughServer(bubble(A2, OTHER_SERVER)),
  },
  {
    name: "server: bubble to an IPv6 host",
    measure: throughServer(bubble(A2, HOST)),
  },
  {
    name: "server: reply to a ping of the server",
    measure: throughServer(icmpv6(128, A2, vector("A5"), new Uint8Array(4))),
  },
  {
    name: "client: bubble for an origin that its server tells",
    measure: throughClient(
      (own) => concat(origin(RELAY_AT.address, RELAY_AT.port), bubble("fe80::1", own)),
      SERVER_AT,
    ),
  },
  {
    name: "client: all for an indirect bubble",
    measure: throughClient(indirect, SERVER_AT, { milliseconds: 20_000, trailers: PORTS }),
    bound: OF_PEERS,
  },
  {
    name: "client: all for one with four alternate addresses",
    measure: throughClient(indirect, SERVER_AT, {
      milliseconds: 20_000,
      trailers: PORTS.map((it) => concat(it, alternatesTrailer(...ALTERNATES))),
    }),
    bound: OF_PEERS,
  },
  {
    name: "client: bubble for another client's first bubble",
    measure: throughClient((own) => bubble(PEER, own), PEER_AT),
  },
  {
    name: "client: all for a packet from elsewhere than its source says",
    measure: throughClient((own) => packet(17, PEER, own, new Uint8Array(0)), RELAY_AT, {
      milliseconds: 20_000,
    }),
    bound: OF_STRANGERS,
  },
  {
    name: "client: echo test for a stranger's native packet of 40 bytes",
    measure: throughClient((own) => packet(17, NATIVE, own, new Uint8Array(0)), RELAY_AT, {
      milliseconds: 20_000,
    }),
    bound: "20 a second for one IPv4 address, 100 for all",
  },
  {
    name: "client: bubble for a discovery bubble",
    measure: throughClient(
      () => bubble(NEIGHBOUR, "ff02::1"),
      { address: ip4("10.0.0.7"), port: 3_797 },
      { path: DISCOVERY_PATH, localDiscovery: true },
    ),
  },
  {
    name: "client: both bubbles for its host's packet of 40 bytes",
    measure: fromItsHost(0),
    bound: "one pair to a peer in 2 s",
  },
  {
    name: "client: all eight bubbles for its host's packet of 40 bytes",
    measure: fromItsHost(20_000),
    bound: "four pairs to a peer in 300 s",
  },
];

const docs = readFileSync(new URL("../../docs/limits.md", import.meta.url), "utf8")
  .split("\n").map((line) => line.split("|").map((cell) => cell.trim()));

for (const { name, measure, bound } of PATHS) {
  test(`${name}: reflects no more than docs/limits.md says (R-15, S-31)`, () => {
    const [came, went] = measure();
    assert.ok(went > 0, "nothing was sent");
    const factor = went / came;
    assert.ok(factor <= 1 || bound !== undefined, `${went} bytes for ${came}, without a bound`);
    const row = docs.find((cells) => cells[1] === name);
    assert.deepEqual(row?.slice(2, 6), [`${came}`, `${went}`, factor.toFixed(2), bound ?? "-"]);
  });
}

test("docs/limits.md has no path that is not measured", () => {
  const names = docs.filter((cells) =>
    /^(relay|server|client)[:,]/.test(cells[1] ?? "") && cells[2] !== ""
  )
    .map((cells) => cells[1]);
  assert.deepEqual(names, PATHS.map(({ name }) => name));
});
