import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { bubble, icmpv6, packet, teredo } from "./packets.ts";
import { data, HOST, RelayLab, type RelaySent } from "./relay/lab.ts";
import { type Sent, ServerLab } from "./server/lab.ts";
import { CLIENT, CLIENT_PORT, RELAY, SERVER, vector } from "./vectors.ts";

/**
 * Bytes out for bytes in, towards somebody who did not ask, of every path through relay and server.
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
  /** What bounds a path that gives more than it takes. RFC 4380 and RFC 4443 prescribe them */
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
    /^(relay|server)[:,]/.test(cells[1] ?? "") && cells[2] !== ""
  )
    .map((cells) => cells[1]);
  assert.deepEqual(names, PATHS.map(({ name }) => name));
});
