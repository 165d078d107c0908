import { readU32 } from "#src/protocol/wire/bytes.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { DESTINATION_AT, formatIpv6, isBubble, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";

interface Entry {
  readonly time: number;
  readonly way: string | readonly [address: number, port: number, to: number, toPort: number];
  readonly bytes: Uint8Array | undefined;
}

const ICMPV6 = new Map([
  [1, "unreachable"],
  [128, "echo request"],
  [129, "echo reply"],
  [133, "router solicitation"],
  [134, "router advertisement"],
]);

/** The last packets on their way, decoded only when someone wants to read them. */
export class PacketLog {
  readonly #entries: Entry[] = [];
  readonly #length: number;
  #at = 0;

  constructor(length: number) {
    this.#length = length;
  }

  datagram(time: number, from: number, port: number, to: number, toPort: number, b: Uint8Array) {
    this.#add({ time, way: [from, port, to, toPort], bytes: b });
  }

  ipv6(time: number, way: string, b: Uint8Array): void {
    this.#add({ time, way, bytes: b });
  }

  note(time: number, text: string): void {
    this.#add({ time, way: text, bytes: undefined });
  }

  /** One line for each packet, the oldest first. */
  lines(): string[] {
    const inOrder = [...this.#entries.slice(this.#at), ...this.#entries.slice(0, this.#at)];
    return inOrder.map(format);
  }

  #add(entry: Entry): void {
    this.#entries[this.#at] = entry;
    this.#at = (this.#at + 1) % this.#length;
  }
}

function format(entry: Entry): string {
  const time = (entry.time / 1_000).toFixed(3).padStart(10);
  const { way, bytes } = entry;
  const text = typeof way === "string"
    ? way
    : `${formatIpv4(way[0])}:${way[1]} > ${formatIpv4(way[2])}:${way[3]}`;
  return bytes === undefined ? `${time} ${text}` : `${time} ${text}: ${describe(bytes)}`;
}

/** What a datagram or an IPv6 packet is, in words. */
export function describe(b: Uint8Array): string {
  const d = new TeredoDatagram();
  if (d.parse(b, 0, b.length) !== Drop.None) return `${b.length} bytes that are no Teredo`;
  const at = d.ipv6At;
  const parts = [
    d.authenticationAt < 0 ? "" : "authentication, ",
    d.originAt < 0 ? "" : `origin ${formatIpv4(d.originAddress)}:${d.originPort}, `,
    formatIpv6(b, at + SOURCE_AT),
    " > ",
    formatIpv6(b, at + DESTINATION_AT),
    ": ",
    payloadOf(b, at),
  ];
  return parts.join("");
}

function payloadOf(b: Uint8Array, at: number): string {
  if (isBubble(b, at)) return "bubble";
  if (b[at + 6] === 17) return `data ${readU32(b, at + 40)}`;
  if (b[at + 6] !== 58) return `next header ${b[at + 6]}`;
  return ICMPV6.get(b[at + 40]!) ?? `ICMPv6 type ${b[at + 40]}`;
}
