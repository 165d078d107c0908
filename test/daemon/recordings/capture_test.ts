import assert from "node:assert/strict";
import test from "node:test";
import { captureOf } from "#src/daemon/recordings/capture.ts";
import { rowOf } from "#src/daemon/recordings/words.ts";
import { latestOf } from "#src/datapath/recorder/packets.ts";
import { PacketRecorder } from "#src/datapath/recorder/recorder.ts";
import { Tape } from "#src/datapath/recorder/tape.ts";
import { DISCOVERY_PATH, SERVICE_PATH } from "#src/protocol/client/contract.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  arrival,
  bubble,
  concat,
  icmpv6,
  ip4,
  nonceOnly,
  origin,
  packet,
  teredo,
} from "#test/protocol/packets.ts";
import { assertWellFormed, tshark } from "./tshark.ts";

const CLIENT = ip4("203.0.113.7");
const PORT = 40_000;
const SERVER = ip4("198.51.100.1");
const A = "2001:0:c633:6401:0:63bf:34ff:8ef8";
const HOST = "2001:db8:1::2";
const OURS = ip4("198.51.100.50");
const START = 1_764_386_401_250;
const RECORDER = {
  program: "teredo 1.2.3",
  listening: ["0.0.0.0:3545"],
  interfaceName: "teredo",
};

/** Records by a clock that began 1 s before {@link START}. @param steps with a function to set it */
function record(steps: (recorder: PacketRecorder, at: (time: number) => void) => void) {
  const tape = new Tape();
  let now = 0;
  const wall = () => START - 1_000 + now;
  const recorder = new PacketRecorder(tape, new Uint8Array(8), makeCounters(), wall);
  const at = (time: number) => {
    now = time;
    recorder.begin(time);
  };
  at(1_000);
  steps(recorder, at);
  recorder.end();
  return latestOf([tape.copy()], 4_096);
}

function came(recorder: PacketRecorder, bytes: Uint8Array, drop: Drop, passes = false): void {
  const datagram = arrival(bytes, CLIENT, PORT, OURS);
  recorder.came(datagram);
  if (passes) recorder.passed();
  recorder.dealtWith(datagram, drop);
}

function cameIpv6(recorder: PacketRecorder, bytes: Uint8Array, drop: Drop, packets = 1): void {
  recorder.cameIpv6(bytes, 0, bytes.length, packets, bytes.length + 60 * (packets - 1));
  if (drop === Drop.None && packets > 1) recorder.sent(arrival(bytes, CLIENT, PORT, OURS));
  recorder.dealtWithIpv6(drop);
}

const echo = (type: number, from: string, to: string) =>
  icmpv6(type, from, to, concat(Uint8Array.of(0, 7, 0, 42), new Uint8Array(56).fill(0xd7)));

function tcp(from: string, to: string, payload: number): Uint8Array {
  const b = new Uint8Array(20 + payload).fill(0xd7, 20);
  b.set([0xc0, 0, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10]);
  return packet(6, from, to, b);
}

test("captureOf() writes what Wireshark reads: both sides, ends, directions, times, reasons", () => {
  const packets = record((recorder, at) => {
    came(recorder, echo(128, A, HOST), Drop.None, true);
    at(1_500.25);
    cameIpv6(recorder, echo(129, HOST, A), Drop.None);
    recorder.sent(arrival(bubble(HOST, A), SERVER, 3544));
    at(62_000);
    came(recorder, bubble(A, "fe80::1"), Drop.UnknownPeer);
    cameIpv6(recorder, tcp(HOST, A, 5_000), Drop.None, 4);
    recorder.letGo(echo(128, HOST, A), 0, 104, Drop.PeerUnreachable);
    recorder.sentIpv6(icmpv6(1, "::", HOST, new Uint8Array(60)), 0, 104);
    came(recorder, new TextEncoder().encode("not Teredo"), Drop.NotTeredo);
    came(recorder, concat(nonceOnly(), origin(CLIENT, PORT), bubble(A, HOST)), Drop.None);
  });
  const capture = captureOf(packets, RECORDER, "a test");
  assertWellFormed(capture);
  const fields = [
    "frame.interface_name",
    "frame.packet_flags_direction",
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "udp.srcport",
    "udp.dstport",
    "ipv6.src",
    "ipv6.dst",
    "frame.len",
    "frame.comment",
  ];
  const first = "1764386401.250000000";
  const second = "1764386401.750250000";
  const last = "1764386462.250000000";
  const from = ["203.0.113.7", "198.51.100.50", "40000", "3545"];
  const to = ["198.51.100.50", "203.0.113.7", "3545", "40000"];
  const none = ["", "", "", ""];
  const [incoming, outgoing] = ["0x00000001", "0x00000002"];
  const dropped = (reason: string) => (text: string) => text.startsWith(`dropped: ${reason}: `);
  const rows: readonly (readonly (string | ((text: string) => boolean))[])[] = [
    ["udp", incoming, first, ...from, A, HOST, "132", ""],
    ["teredo", outgoing, first, ...none, A, HOST, "104", ""],
    ["teredo", incoming, second, ...none, HOST, A, "104", "held until its client answers a bubble"],
    ["udp", outgoing, second, "198.51.100.50", "198.51.100.1", "3545", "3544", HOST, A, "68", ""],
    ["udp", incoming, last, ...from, A, "fe80::1", "68", dropped("unknown_peer")],
    [
      "teredo",
      incoming,
      last,
      ...none,
      HOST,
      A,
      "5060",
      "4 packets in one piece, 5240 bytes in all",
    ],
    ["udp", outgoing, last, ...to, HOST, A, "5088", ""],
    [
      "teredo",
      incoming,
      last,
      ...none,
      HOST,
      A,
      "104",
      (it) => it.startsWith("was held; dropped: peer_unreachable: "),
    ],
    ["teredo", outgoing, last, ...none, "::", HOST, "104", ""],
    ["udp", incoming, last, ...from, "", "", "38", dropped("not_teredo")],
    ["udp", incoming, last, ...from, A, HOST, "89", ""],
  ];
  const read = tshark(capture, fields);
  assert.equal(read.length, rows.length);
  rows.forEach((row, i) =>
    row.forEach((expected, k) => {
      const got = read[i]![k]!;
      const where = `packet ${i + 1}, ${fields[k]}: ${got}`;
      if (typeof expected === "string") assert.equal(got, expected, where);
      else assert.ok(expected(got), where);
    })
  );
  const teredo = tshark(capture, ["teredo.auth.nonce", "teredo.orig.addr"], "teredo.auth");
  assert.deepEqual(teredo[0]![1], "203.0.113.7");
  assert.ok(!capture.includes(0xd7), "payload in the capture");
});

test("captureOf() of nothing is a capture without packets", () => {
  const capture = captureOf(record(() => {}), RECORDER, "a test");
  assert.deepEqual(tshark(capture, ["frame.number"]), []);
});

test("captureOf() tells a server's two addresses apart, and what it sent on", () => {
  const other = teredo(ip4("198.51.100.99"), 50_000, SERVER);
  const packets = record((recorder) => {
    const asked = arrival(concat(nonceOnly(), bubble("fe80::1", "ff02::2")), CLIENT, PORT);
    recorder.came(asked, 4);
    recorder.answered(arrival(new Uint8Array(8), CLIENT, PORT));
    recorder.dealtWith(asked, Drop.None);
    for (const withOrigin of [true, false]) {
      const datagram = arrival(bubble(HOST, other), CLIENT, PORT);
      recorder.came(datagram);
      const sent = withOrigin ? concat(origin(CLIENT, PORT), datagram.bytes) : datagram.bytes;
      recorder.answered(arrival(sent, ip4("198.51.100.99"), 50_000));
      recorder.dealtWith(datagram, Drop.None);
    }
  });
  const listening = ["198.51.100.1:3544", "198.51.100.2:3544"];
  const capture = captureOf(packets, { ...RECORDER, listening }, "a test");
  assertWellFormed(capture);
  const fields = [
    "ip.src",
    "ip.dst",
    "udp.srcport",
    "udp.dstport",
    "teredo.orig.addr",
    "teredo.orig.port",
    "frame.len",
    "frame.comment",
  ];
  const [client, mapped] = ["203.0.113.7", "198.51.100.99"];
  assert.deepEqual(tshark(capture, fields), [
    [client, "198.51.100.2", "40000", "3544", "", "", "81", "answered to where it came from"],
    [client, "198.51.100.1", "40000", "3544", "", "", "68", ""],
    ["198.51.100.1", mapped, "3544", "50000", client, "40000", "76", ""],
    [client, "198.51.100.1", "40000", "3544", "", "", "68", ""],
    ["198.51.100.1", mapped, "3544", "50000", "", "", "68", ""],
  ]);
  assert.deepEqual(rowOf(packets.at(1)), {
    time: new Date(START).toISOString(),
    way: "from_udp",
    peer: "203.0.113.7:40000",
    packet: "bubble",
    source: HOST,
    destination: formatIpv6(other),
    to: "198.51.100.99:50000",
    bytes: 40,
    did: "sent on",
  });
});

test("captureOf() tells a client's sockets apart", () => {
  const packets = record((recorder) => {
    for (const path of [SERVICE_PATH, 3, DISCOVERY_PATH]) {
      const datagram = arrival(bubble(A, HOST), CLIENT, PORT, path);
      recorder.came(datagram);
      recorder.dealtWith(datagram, Drop.None);
    }
  });
  const listening = ["198.51.100.50:40123"];
  const capture = captureOf(packets, { ...RECORDER, listening }, "a test");
  assert.deepEqual(tshark(capture, ["ip.dst", "udp.dstport"]), [
    ["198.51.100.50", "40123"],
    ["198.51.100.50", "3"],
    ["224.0.0.253", "3544"],
  ]);
});

test("captureOf() of many packets is a whole file", () => {
  const packets = record((recorder) => {
    for (let i = 0; i < 4_000; i++) {
      came(recorder, tcp(A, HOST, i % 100), i % 3 === 0 ? Drop.RateLimited : 0, i % 3 !== 0);
    }
  });
  const capture = captureOf(packets, RECORDER, "a test");
  assert.ok(capture.length < 2_000_000, `${capture.length}`);
  assert.equal(
    tshark(capture, ["frame.number"]).length,
    packets.count + Math.floor(packets.count * 2 / 3),
  );
});

test("rowOf() says in words what was recorded", () => {
  const packets = record((recorder) => {
    came(recorder, echo(128, A, HOST), Drop.None, true);
    cameIpv6(recorder, tcp(HOST, A, 5_000), Drop.None, 4);
    came(recorder, bubble(A, HOST), Drop.UnknownPeer);
    came(recorder, bubble(A, HOST), Drop.None);
    came(recorder, new Uint8Array(7), Drop.NotTeredo);
    cameIpv6(recorder, icmpv6(143, "fe80::1", "ff02::16"), Drop.None);
  });
  const time = new Date(START).toISOString();
  const peer = "203.0.113.7:40000";
  const rows = Array.from({ length: packets.count }, (_, i) => rowOf(packets.at(i)));
  assert.deepEqual(rows[0], {
    time,
    way: "from_udp",
    peer,
    packet: "icmpv6",
    what: "echo request 42",
    source: A,
    destination: HOST,
    bytes: 104,
    did: "passed to the IPv6 side",
  });
  assert.deepEqual(rows[1], {
    time,
    way: "from_ipv6",
    peer,
    packet: "tcp",
    what: "TCP, 5020 bytes",
    source: HOST,
    destination: A,
    bytes: 5_060,
    packets: 4,
    all_bytes: 5_240,
    did: "sent",
  });
  assert.equal(rows[2]!.reason, "unknown_peer");
  assert.ok(rows[2]!.detail!.startsWith("dropped: "));
  assert.deepEqual([rows[3]!.packet, rows[3]!.did], ["bubble", "taken"]);
  assert.deepEqual(rows[4], {
    time,
    way: "from_udp",
    peer,
    bytes: 7,
    reason: "not_teredo",
    detail: rows[4]!.detail,
  });
  assert.equal(rows[5]!.did, "left alone");
});
