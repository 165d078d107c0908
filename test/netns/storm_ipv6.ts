import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { RELAY_ADDRESS, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { openRawIpv6, RawIpv6Sender } from "#src/datapath/raw_ipv6.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { bubble, icmpv6, packet, teredo } from "#test/protocol/packets.ts";
import type { Prng } from "#test/sim/prng.ts";
import { RELAY_PORT } from "./programs.ts";
import { REPEATED, SCANNED, type Storm } from "./storm_kinds.ts";

const RELAY = parseIpv4(RELAY_ADDRESS)!;
const SERVER = parseIpv4(SERVER_ADDRESS)!;
const NOT_GLOBAL = ["0.0.0.1", "10.1.2.3", "127.0.0.1", "192.88.99.1", "224.0.0.1"];

/** What a hostile network on the IPv6 side sends to Teredo clients. */
export class Ipv6Storm implements Storm {
  readonly #random: Prng;
  readonly #sender: RawIpv6Sender;
  #scanned = 0;

  constructor(random: Prng, libc: Libc) {
    this.#random = random;
    const arena = new Arena(libc, RawIpv6Sender.arenaLength);
    this.#sender = new RawIpv6Sender(libc, arena, openRawIpv6(libc), "packet");
  }

  readonly kinds: readonly (readonly [weight: number, name: string, send: () => void])[] = [
    [80, "scan", () => this.#scan()],
    [2, "repeat", () => this.#repeat()],
    [8, "embedded", () => this.#embedded()],
    [8, "odd", () => this.#odd()],
  ];

  #send(b: Uint8Array): void {
    this.#sender.send(b, 0, b.length);
  }

  /** One of very many hosts behind host6. */
  #anyone(): Uint8Array {
    const source = Uint8Array.from({ length: 16 }, () => this.#random.below(256));
    source.set([0x20, 0x01, 0x0d, 0xb8, 0, 2]);
    return source;
  }

  /** The next client of the prefix, once each; most are clients of servers far away. */
  #scan(): void {
    const i = this.#scanned++ % SCANNED.count;
    const server = i % 8 === 0 ? SERVER : 0x3d000000 + i;
    const client = teredo(SCANNED.mapped + i, SCANNED.port, server);
    this.#send(packet(17, this.#anyone(), client, new Uint8Array(this.#random.below(80))));
  }

  /** Not from the start: the entries made first give way when the table is full. */
  #repeat(): void {
    if (this.#scanned < REPEATED.after) return this.#scan();
    const mapped = REPEATED.mapped + 16 * this.#random.below(REPEATED.count);
    const client = teredo(mapped, REPEATED.port, SERVER);
    this.#send(packet(17, this.#anyone(), client, new Uint8Array(1_200)));
  }

  /** Asks the relay to send where it must not. */
  #embedded(): void {
    const bad = this.#random.pick(NOT_GLOBAL.map((text) => parseIpv4(text)!).concat(RELAY));
    const client = this.#random.pick([
      teredo(bad, this.#random.pick([RELAY_PORT, TEREDO_PORT, 0]), SERVER),
      teredo(0x3f000001, 4_000, bad),
      teredo(0x3f000001, 0, SERVER),
    ]);
    this.#send(packet(17, this.#anyone(), client, new Uint8Array(40)));
  }

  /** What no error may answer, what no router passes on, and what is no honest packet. */
  #odd(): void {
    const client = teredo(0x3f000003, 4_000, SERVER);
    const anyone = this.#anyone();
    this.#send(
      this.#random.pick([
        () => icmpv6(1, anyone, client, new Uint8Array(48)),
        () => icmpv6(137, anyone, client),
        () => packet(17, "ff0e::1", client),
        () => packet(17, "fe80::1", client),
        () => packet(17, "::", client),
        () => packet(17, teredo(0x3f000002, 4_000, SERVER), client),
        () => bubble(anyone, client),
        () => packet(44, anyone, client, new Uint8Array(16).fill(0xff)),
        () => packet(0, anyone, client, new Uint8Array(8).fill(0xff)),
        () => packet(17, anyone, client, new Uint8Array(8), this.#random.below(2)),
      ])(),
    );
  }
}
