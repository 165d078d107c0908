import assert from "node:assert/strict";
import { captureOf } from "#src/daemon/recordings/capture.ts";
import { rowOf } from "#src/daemon/recordings/words.ts";
import { Flag, HEADERS_LENGTH } from "#src/datapath/recorder/entry.ts";
import { latestOf } from "#src/datapath/recorder/packets.ts";
import { PacketRecorder } from "#src/datapath/recorder/recorder.ts";
import { Tape } from "#src/datapath/recorder/tape.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { readU16 } from "#src/protocol/wire/bytes.ts";
import { addBytes, finishChecksum } from "#src/protocol/wire/checksum.ts";
import { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { tshark } from "#test/daemon/recordings/tshark.ts";
import { addressBytes, teredo } from "#test/protocol/packets.ts";
import { Choices } from "../engine/choices.ts";
import type { Target } from "../engine/target.ts";
import { readPcapng } from "../pcapng.ts";
import { HEADROOM, MadeDatagram } from "../inputs/made_datagram.ts";

/** Bytes of an event: what becomes of it, who, flags, drop; then a datagram's. */
const EVENT = 16;
const START = 1_764_386_400_000;
const OURS = 0xc6336432;
/** Captures that Wireshark reads as well, one of so many. */
const SAMPLE = 20_000;
const RECORDERS = [
  { program: "teredo 1", listening: ["0.0.0.0:3545"], interfaceName: "teredo" },
  {
    program: "teredo 1",
    listening: ["198.51.100.1:3544", "198.51.100.2:3544"],
    interfaceName: undefined,
  },
] as const;
const ADDRESSES = [
  teredo(0xcb007107, 40_000),
  teredo(0xcb007108, 0),
  ...["2001:db8:1::2", "fe80::1", "ff02::2", "ff02::16", "::"].map(addressBytes),
];

/** What passes one thread, recorded, and written as a capture. */
export const target: Target = {
  name: "recording",
  unit: EVENT,
  most: 1 + 16 * EVENT,
  seeds: () => [0, 1, 2, 3, 4, 5, 6].map((kind) => Uint8Array.of(kind & 1, kind, 0, 0, 0, 0, 0)),
  open: () => {
    const play = new Play();
    const choices = new Choices();
    return (input) => play.play(choices.take(input));
  },
};

class Play {
  readonly #made = new MadeDatagram();
  readonly #tape = new Tape();
  readonly #arrival = new UdpDatagram();
  readonly #other = new UdpDatagram();
  #captures = 0;

  play(c: Choices): void {
    const isServer = (c.u8() & 1) === 1;
    this.#tape.bytes.fill(0);
    this.#tape.publish(0);
    this.#tape.release();
    let now = 1_000;
    const wall = () => START + now;
    const memory = this.#made.bytes;
    const recorder = new PacketRecorder(this.#tape, memory, makeCounters(), wall);
    recorder.begin(now);
    while (c.left > 0) {
      const kind = c.u8();
      if (kind & 0x80) recorder.begin(now += c.u8() * 10);
      else this.#event(c, recorder, kind, isServer);
    }
    recorder.end();
    this.#check(isServer);
  }

  #event(c: Choices, recorder: PacketRecorder, kind: number, isServer: boolean): void {
    const [who, flags] = [c.u8(), c.u8()];
    const drop = flags & 1 ? Drop.None : (c.u8() % DROP_NAMES.length) as Drop;
    const from = ADDRESSES[who % ADDRESSES.length]!;
    const to = ADDRESSES[(who >> 4) % ADDRESSES.length]!;
    this.#made.make(c, from, to);
    const { bytes: b, length } = this.#made;
    const [came, sent] = [this.#arrival, this.#other];
    came.setPayload(b, HEADROOM, length);
    came.setEnds(0xcb007107 + (who & 3), who * 257, flags & 2 ? OURS : 0);
    switch (kind % 6) {
      case 0:
      case 1:
        recorder.came(came, isServer && flags & 4 ? Flag.Secondary : 0);
        if (drop === Drop.None && isServer && flags & 8) {
          sent.setPayload(b, HEADROOM, length);
          sent.setEnds(flags & 16 ? came.address : 0xcb007163, came.port, 0);
          if (length > 0) recorder.answered(sent);
        } else if (drop === Drop.None && flags & 8) recorder.passed();
        recorder.dealtWith(came, drop);
        return;
      case 2: {
        const packets = 1 + (flags >> 5);
        recorder.cameIpv6(b, HEADROOM, length, packets, length * packets);
        if (drop === Drop.None && flags & 8) recorder.sent(came);
        recorder.dealtWithIpv6(drop);
        return;
      }
      case 3:
        return recorder.sent(came);
      case 4:
        return recorder.sentIpv6(b, HEADROOM, length, drop);
      default:
        return recorder.letGo(b, HEADROOM, length, drop);
    }
  }

  #check(isServer: boolean): void {
    const packets = latestOf([this.#tape.copy()], 4_096);
    const recorder = RECORDERS[isServer ? 1 : 0]!;
    const capture = captureOf(packets, recorder, "fuzz");
    const { interfaces, packets: read } = readPcapng(capture);
    assert.equal(interfaces, 2);
    assert.ok(read.length >= packets.count && read.length <= 3 * packets.count);
    let last = -Infinity;
    for (const { interface: of, bytes: b, length, direction, time } of read) {
      assert.ok(direction === 1 || direction === 2);
      assert.ok(time >= last && time >= START * 1_000, "time went back");
      last = time;
      // Headers alone: whatever was sent, no more than these can be.
      assert.ok(b.length <= 28 + HEADERS_LENGTH + 8);
      if (of === 0) {
        assert.equal(b[0], 0x45);
        assert.equal(readU16(b, 2), length, "IPv4's length");
        assert.equal(finishChecksum(addBytes(b, 0, 20, 0)), 0, "IPv4's checksum");
        assert.equal(readU16(b, 24), length - 20, "UDP's length");
      } else if (b.length > 0) assert.equal(b[0]! >> 4, 6);
    }
    for (let i = 0; i < packets.count; i++) {
      const row = JSON.stringify(rowOf(packets.at(i)));
      assert.ok(row.length < 1_000 && !/undefined|NaN/.test(row), row);
    }
    if (this.#captures++ % SAMPLE !== 1 || read.length === 0) return;
    assert.equal(tshark(capture, ["frame.number"]).length, read.length, "as Wireshark reads it");
  }
}
