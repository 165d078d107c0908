import assert from "node:assert/strict";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  SIZEOF_SK_BUFF,
  SK_BUFF_GSO_SIZE_AT,
  TC_ACT_REDIRECT,
  TC_ACT_SHOT,
  TCX_NEXT,
} from "#ffi/linux/mod.ts";
import { ServerPrograms } from "#src/datapath/linux/fast_path/server/programs.ts";
import type { ServerReason } from "#src/datapath/linux/fast_path/server/reasons.ts";
import { PRIMARY, SECONDARY, type ServerOptions } from "#src/protocol/server/contract.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import { Runner } from "#test/datapath/linux/bpf/runner.ts";
import { OPTIONS, ServerLab } from "#test/protocol/server/lab.ts";
import { SECONDARY_SERVER, SERVER, toHex } from "#test/protocol/vectors.ts";
import { endsOf, INNER, IPV4, ipv4Rest, UDP, udpRest } from "../frames.ts";

export const TTL = 61;
const CAPACITY = 2048;

export type Verdict = "answered" | "dropped" | "left";

/** Addresses that the sockets are bound to; behind 1:1 NAT not those that clients see. */
interface Bound {
  readonly primary: number;
  readonly secondary: number;
}

/**
 * The server's program in the kernel, run on bytes by BPF_PROG_TEST_RUN, and the server's rules as the
 * judge of what it does.
 */
export class ServerWorld {
  readonly programs: ServerPrograms;
  readonly rules: ServerLab;
  /** The frame that the last run left. */
  out: Uint8Array = new Uint8Array(0);
  readonly #options: ServerOptions;
  readonly #bound: Bound;
  readonly #arena: Arena;
  readonly #runner: Runner;
  readonly #at: number;
  readonly #outAt: number;
  readonly #context: number;

  constructor(
    libc: Libc,
    options: Partial<ServerOptions> = {},
    broadcasts: readonly number[] = [],
    bound: Bound = { primary: SERVER, secondary: SECONDARY_SERVER },
  ) {
    this.#arena = new Arena(libc, 1 << 20);
    this.#runner = new Runner(libc, this.#arena);
    this.#at = this.#arena.take(CAPACITY);
    this.#outAt = this.#arena.take(CAPACITY);
    this.#context = this.#arena.take(SIZEOF_SK_BUFF);
    this.#options = { ...OPTIONS, ...options };
    this.#bound = bound;
    this.programs = new ServerPrograms(libc, this.#arena, this.optionsWith({}, broadcasts));
    this.programs.open = true;
    this.rules = new ServerLab({ ...this.#options, solicitationRate: 0 });
    this.rules.server.setBroadcasts(broadcasts);
  }

  optionsWith(options: Partial<ServerOptions>, broadcasts: readonly number[] = []) {
    return { ...this.#bound, broadcasts, ttl: TTL, rules: { ...this.#options, ...options } };
  }

  /** Has the program judge a frame; {@link out} is what became of it. */
  run(frame: Uint8Array, gsoSize = 0): Verdict {
    const { u8, u32 } = this.#arena;
    u8.set(frame, this.#at);
    u32[(this.#context + SK_BUFF_GSO_SIZE_AT) >> 2] = gsoSize;
    const verdict = this.#runner.run(this.programs.program, {
      at: this.#at,
      length: frame.length,
      outAt: this.#outAt,
      capacity: CAPACITY,
      contextAt: this.#context,
      contextLength: gsoSize === 0 ? 0 : SIZEOF_SK_BUFF,
    });
    this.out = u8.slice(this.#outAt, this.#outAt + this.#runner.ranLength);
    if (verdict === TC_ACT_REDIRECT) return "answered";
    assert.equal(toHex(this.out), toHex(frame), "not answered, and changed");
    if (verdict === TC_ACT_SHOT) return "dropped";
    assert.equal(verdict, TCX_NEXT, "a verdict of its own");
    return "left";
  }

  /** Runs it, and holds an answer against what the rules answer. */
  check(frame: Uint8Array): Verdict {
    const verdict = this.run(frame);
    if (verdict !== "answered") return verdict;
    assertSound(frame);
    const { source, sourcePort, destination, destinationPort } = endsOf(frame);
    assert.equal(destinationPort, 3544);
    const { primary, secondary } = this.#bound;
    assert.ok(destination === primary || destination === secondary, "to somebody else");
    const socket = destination === primary ? PRIMARY : SECONDARY;
    this.rules.receive(frame.subarray(INNER), { socket, address: source, port: sourcePort });
    const from = this.rules.sent.map((it) => {
      assert.ok(it.to === "udp");
      return { ...it, source: it.socket === PRIMARY ? primary : secondary };
    });
    const { out } = this;
    assertSound(out);
    assert.deepEqual(from.map(({ hex }) => hex), [toHex(out, INNER)]);
    assert.deepEqual(endsOf(out), {
      source: from[0]!.source,
      sourcePort: 3544,
      destination: from[0]!.address,
      destinationPort: from[0]!.port,
    });
    assert.equal(toHex(out, 0, 14), toHex(frame, 6, 6) + toHex(frame, 0, 6) + "0800");
    assert.equal(readU16(out, IPV4), 0x4500, "TOS 0");
    assert.equal(readU16(out, IPV4 + 6), 0, "not fragmented, and may be");
    assert.equal(out[IPV4 + 8], TTL);
    return verdict;
  }

  /** How often something was left alone, for each reason that there was. */
  get left(): Partial<Record<ServerReason, number>> {
    const all = Object.entries(this.programs.leftAlone()).filter(([, count]) => count > 0);
    return Object.fromEntries(all);
  }

  get counters() {
    const counters = makeCounters();
    this.programs.addTo(counters);
    return counters;
  }

  close(): void {
    this.programs.close();
    this.#arena.close();
  }
}

/** A datagram that any host would take: lengths agree, and both sums are there and right. */
function assertSound(frame: Uint8Array): void {
  assert.equal(frame[IPV4], 0x45);
  assert.equal(readU16(frame, IPV4 + 6) & 0x3fff, 0, "a fragment");
  assert.equal(readU16(frame, IPV4 + 2), frame.length - IPV4);
  assert.equal(readU16(frame, UDP + 4), frame.length - UDP);
  assert.equal(ipv4Rest(frame), 0, "IPv4 checksum");
  assert.notEqual(readU16(frame, UDP + 6), 0, "no UDP checksum");
  assert.equal(udpRest(frame), 0, "UDP checksum");
  assert.notEqual(readU32(frame, IPV4 + 12), 0);
}
