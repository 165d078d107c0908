import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { decode, encode, type Identity } from "#src/daemon/handover/form.ts";
import { decodeInto, encode as encodeHistory } from "#src/daemon/history/form.ts";
import type { Legacy } from "#src/datapath/legacy.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { ROW_LENGTH } from "#src/protocol/peers/legacy.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import { isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import { writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { concat, packet, teredo } from "#test/protocol/packets.ts";
import { keyedHash, RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";
import { RELAY, RELAY_PORT } from "#test/protocol/vectors.ts";
import { Clocks } from "#test/daemon/history/clocks.ts";
import type { Target } from "../engine/target.ts";

const NOW = 5_000_000;
const INSTANCE = "3c1d/4026531840";
const IDENTITY: Identity = { instance: INSTANCE, listening: "0.0.0.0:3545", prefix: "2001::/32" };
const MAX_PEERS = 8;
/** First byte of an input: what the file is, and whether its sum is made right. */
const HISTORY = 1;
const AS_IT_IS = 2;

const encoder = new TextEncoder();

/** A file that another daemon left, behind a byte that says which. */
export const target: Target = {
  name: "handover",
  unit: 1,
  most: 8_192,
  seeds,
  words: ["null", "[]", "{}", "-1", "1e999", '"', "\n", "rows", "9007199254740993", "true", ","]
    .concat(['"__proto__":', "0.5", '"seconds"', '"columns"', '"changes"', "[null]"])
    .map((text) => encoder.encode(text)),
  open: () => {
    const successor = new Successor();
    return (input) => {
      const kind = input[0] ?? 0;
      const file = kind & AS_IT_IS ? input.subarray(1) : sealed(input.subarray(1));
      if (kind & HISTORY) checkHistory(file);
      else successor.check(file);
    };
  },
};

function row(address: number, port: number, standing: number): Uint8Array {
  const b = new Uint8Array(ROW_LENGTH);
  b.set(teredo(address, port), 0);
  writeU32(b, 16, address);
  writeU16(b, 20, port);
  b[22] = standing;
  writeU32(b, 24, RELAY);
  for (const at of [28, 32, 36, 40]) writeU32(b, at, 1_000);
  return b;
}

function seeds(): Uint8Array[] {
  const rows = [row(0xc0000201, 4_000, 3), row(0xc0000202, 4_001, 1), row(0x0a000001, 1, 3)];
  const peers = concat(...encode({ rows, writtenAt: NOW - 1_000 }, IDENTITY));
  const clocks = new Clocks("relay", 1_200);
  clocks.look(0);
  const whole = concat(...encodeHistory(clocks.history, INSTANCE));
  return [
    Uint8Array.of(0, ...peers),
    Uint8Array.of(AS_IT_IS, ...peers),
    Uint8Array.of(HISTORY, ...whole.subarray(0, 8_000)),
    Uint8Array.of(HISTORY | AS_IT_IS, ...whole.subarray(0, 8_000)),
  ];
}

/** The digest is no secret: a file of one's own can have a right one. */
function sealed(file: Uint8Array): Uint8Array {
  const first = file.indexOf(10) + 1;
  const rest = file.subarray(first);
  const text = Buffer.from(file.subarray(0, Math.max(0, first - 65))).toString("latin1");
  const digest = createHash("sha256").update(rest).digest("hex");
  return concat(encoder.encode(`${text}${digest}\n`), rest);
}

class Successor implements TunnelSink {
  readonly #counters = makeCounters();
  readonly #relay: Relay;
  #now = NOW;

  constructor() {
    const options = { ...RELAY_OPTIONS, maxPeers: MAX_PEERS };
    this.#relay = new Relay(options, this.#counters, keyedHash("fuzz"), 3);
  }

  check(file: Uint8Array): void {
    const found = decode(file, IDENTITY, NOW);
    if (typeof found === "string") {
      assert.ok(found.length > 0);
      return;
    }
    this.#checkLegacy(found);
    this.#now += 10_000_000;
    const written = this.#now - (NOW - found.writtenAt);
    for (const rows of found.rows) {
      this.#relay.takeOver(rows, written, this.#now, () => true);
    }
    const { peers, trusted, heldPackets } = this.#relay.gauges;
    assert.ok(peers <= MAX_PEERS && trusted <= peers && heldPackets === 0);
    this.#probe(found);
    const end = this.#now + 800_000;
    while (this.#relay.nextTimer() <= end) {
      this.#now = Math.max(this.#now, this.#relay.nextTimer());
      this.#relay.tick(this.#now, this);
    }
    assert.equal(this.#relay.gauges.peers, 0, "a peer stays for ever");
    assert.equal(this.#relay.nextTimer(), Infinity);
  }

  #checkLegacy({ rows, writtenAt }: Legacy): void {
    assert.ok(Number.isFinite(writtenAt) && writtenAt <= NOW);
    for (const it of rows) assert.equal(it.length % ROW_LENGTH, 0);
  }

  /** A packet for each peer that the file names goes to no place that is not global. */
  #probe({ rows }: Legacy): void {
    for (const all of rows) {
      for (let at = 0; at < Math.min(all.length, 32 * ROW_LENGTH); at += ROW_LENGTH) {
        const b = packet(17, "2001:db8::1", all.slice(at, at + 16), new Uint8Array(20));
        this.#relay.fromIpv6(b, 0, b.length, this.#now, this);
      }
    }
  }

  sendDatagram({ address, port }: { readonly address: number; readonly port: number }): void {
    assert.ok(isGlobalUnicast(address, false) && port > 0, `sent to ${address}:${port}`);
    assert.ok(address !== RELAY || port !== RELAY_PORT, "sent to ourselves");
  }
  sendIpv6(): void {
    assert.fail("a packet that no client sent");
  }
  sendIcmpv6Error(): void {}
}

/** It is refused with a reason, or the history is one that can be shown. */
function checkHistory(file: Uint8Array): void {
  const clocks = new Clocks("relay", 1_200);
  const why = decodeInto(clocks.history, file, INSTANCE);
  if (why !== undefined) return assert.ok(why.length > 0);
  clocks.look(0);
  JSON.stringify([clocks.history.journal.changes, clocks.history.standings.all]);
}
