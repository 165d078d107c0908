import assert from "node:assert/strict";
import { change } from "#test/protocol/packets.ts";
import { CWR, FIN, PSH, RST, SYN, URG } from "#src/segments/transport.ts";
import { type Joined, split } from "./joined.ts";
import { ACK, bytes, tcp, udp, withExtensions } from "./packets.ts";

/** One thing that a sender or the network does next. */
export interface Event {
  readonly flow: number;
  readonly kind: "data" | "data" | "ack" | "flags" | "options" | "header" | "odd" | "again";
  readonly count: number;
  readonly size: number;
  readonly last: number;
  readonly value: number;
  /** What happens on the way to the packets of this event. */
  readonly fate: "none" | "lost" | "damaged" | "swapped" | "extended" | "flush";
  readonly which: number;
}

/** Every second flow is UDP. */
const isUdp = (flow: number) => flow % 2 === 1;
const ports = (flow: number) => [flow >> 2, 443 + ((flow >> 1) & 1)] as const;

/** Senders of all flows: what each has sent so far. */
class Senders {
  readonly #sequences = new Array<number>(12).fill(0xffff_f000);
  readonly #acknowledgments = new Array<number>(12).fill(0);

  packets(it: Event): Uint8Array[] {
    if (isUdp(it.flow)) {
      return this.#sizes(it).map((length, i) => {
        const payload = bytes(length, it.value + i);
        const b = udp({ ports: ports(it.flow), payload, ...headerOf(it, i) });
        return it.kind === "flags" ? change(change(b, 46, 0), 47, 0) : b; // no checksum
      });
    }
    if (it.kind === "ack") this.#acknowledgments[it.flow]! += it.value;
    const sizes = it.kind === "ack" ? [0] : this.#sizes(it);
    return sizes.map((length, i) => {
      const sequence = this.#sequences[it.flow]! >>> 0;
      this.#sequences[it.flow] = (sequence + length) >>> 0;
      return tcp({
        ports: ports(it.flow),
        sequence,
        acknowledgment: this.#acknowledgments[it.flow]! >>> 0,
        payload: bytes(length, it.value + i),
        flags: i === it.which % it.count ? flagsOf(it) : ACK,
        options: it.kind === "options" ? bytes(4 * (it.value % 11), it.value) : bytes(12),
        ...headerOf(it, i),
      });
    });
  }

  #sizes(it: Event): number[] {
    return Array.from({ length: it.count }, (_, i) => i < it.count - 1 ? it.size : it.last);
  }
}

function flagsOf(it: Event): number {
  if (it.kind !== "flags") return ACK;
  return ACK | [FIN, PSH, CWR, 0x40, SYN, RST, URG, FIN | PSH, CWR | PSH][it.value % 9]!;
}

function headerOf(it: Event, i: number) {
  if (it.kind !== "header" || i !== it.which % it.count) return {};
  const parts = [{ hopLimit: 9 }, { trafficClass: 2 }, { flowLabel: 5 }, { window: 1 }];
  return parts[it.value % parts.length]!;
}

const DESTINATION_OPTIONS = Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0);

/** What arrives of `packets`. */
function travelled(packets: Uint8Array[], { fate, which, value }: Event): Uint8Array[] {
  const arrived = packets.slice();
  const i = which % arrived.length;
  const b = arrived[i]!;
  if (fate === "lost") arrived.splice(i, 1);
  if (fate === "swapped") arrived.push(...arrived.splice(i, 1));
  if (fate === "damaged") arrived[i] = change(b, value % b.length, b[value % b.length]! ^ 0x20);
  if (fate === "extended") {
    arrived[i] = withExtensions(b, 60, change(DESTINATION_OPTIONS, 0, b[6]!));
  }
  return arrived;
}

export interface Traffic {
  readonly batches: readonly (readonly Uint8Array[])[];
  /** By the packet's bytes in hexadecimal. Damage may make another flow of one: it is then -1. */
  readonly flows: ReadonlyMap<string, number>;
}

export const hex = (b: Uint8Array) => b.toHex();

export function trafficOf(events: readonly Event[]): Traffic {
  const senders = new Senders();
  const flows = new Map<string, number>();
  const batches: Uint8Array[][] = [[]];
  for (const it of events) {
    const arrived = travelled(senders.packets(it), it);
    for (const b of arrived) flows.set(hex(b), it.fate === "damaged" ? -1 : it.flow);
    batches.at(-1)!.push(...arrived);
    if (it.fate === "flush") batches.push([]);
  }
  return { batches, flows };
}

/** What was joined is, when it is split, what was sent: bit for bit, each flow in its order. */
export function assertSame(traffic: Traffic, joined: readonly Joined[]): void {
  const sent = traffic.batches.flat().map(hex);
  const got = joined.flatMap(split).map(hex);
  assert.deepEqual(got.toSorted(), sent.toSorted());
  for (const flow of new Set(traffic.flows.values())) {
    if (flow === -1) continue;
    const of = (list: readonly string[]) => list.filter((it) => traffic.flows.get(it) === flow);
    assert.deepEqual(of(got), of(sent), `flow ${flow}`);
  }
}
