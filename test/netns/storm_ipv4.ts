import { createSocket, type Socket } from "node:dgram";
import { RELAY_ADDRESS, SECONDARY_ADDRESS, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { bubble, concat, icmpv6, packet, teredo } from "#test/protocol/packets.ts";
import { CLIENT, CLIENT_PORT, fromHex, SERVER, vector, VECTORS } from "#test/protocol/vectors.ts";
import type { Prng } from "#test/sim/prng.ts";
import { RELAY_PORT } from "./programs.ts";
import type { Ipv4Endpoint, RawIpv4 } from "./raw_ipv4.ts";
import { SCANNED, type Storm } from "./storm_kinds.ts";

const ip4 = (text: string) => parseIpv4(text)!;
const RELAY = { address: ip4(RELAY_ADDRESS), port: RELAY_PORT };
const PRIMARY = { address: ip4(SERVER_ADDRESS), port: TEREDO_PORT };
const SECONDARY = { address: ip4(SECONDARY_ADDRESS), port: TEREDO_PORT };
const TARGETS = [RELAY, RELAY, PRIMARY, SECONDARY];
const SERVERS = [PRIMARY, PRIMARY, SECONDARY];

/** One of each kind that RFC 4380 §5.2.4 refuses, as far as the kernel lets it out. */
const NOT_GLOBAL = ["0.1.2.3", "10.1.2.3", "127.0.0.1", "169.254.1.2", "172.16.1.2", "192.88.99.1"]
  .concat(["192.168.1.2", "224.0.0.1", "239.255.255.255", "255.255.255.255"]).map(ip4);
/** Who solicits as fast as it can. */
const SOLICITOR = { address: ip4("80.1.2.3"), port: 4_000 };
const HOST = "2001:db8:1::2";

/** The vectors' datagrams, as if our server were theirs. */
const DATAGRAMS = VECTORS.filter((it) => it.len >= 40).map((it) => {
  const ours = PRIMARY.address.toString(16).padStart(8, "0");
  return fromHex(it.hex.replaceAll(SERVER.toString(16), ours));
});

/** What strangers on the IPv4 side send to a relay and a server. */
export class Ipv4Storm implements Storm {
  readonly #random: Prng;
  readonly #raw: RawIpv4;
  readonly #giants: Socket;
  readonly #own: number;

  /** @param own our address; the port of `giants` is the one its datagrams come from */
  constructor(random: Prng, raw: RawIpv4, own: number) {
    this.#random = random;
    this.#raw = raw;
    this.#own = own;
    this.#giants = createSocket("udp4");
    this.#giants.on("error", () => {});
  }

  readonly kinds: readonly (readonly [weight: number, name: string, send: () => void])[] = [
    [10, "noise", () => this.#noise()],
    [20, "mutant", () => this.#mutant()],
    [15, "stranger", () => this.#stranger()],
    [15, "forged", () => this.#forged()],
    [20, "solicitation", () => this.#solicitation()],
    [5, "loop", () => this.#loop()],
    [10, "not global", () => this.#notGlobal()],
    [10, "embedded", () => this.#embedded()],
    [5, "fragment", () => this.#fragment()],
    [1, "giant", () => this.#giant()],
  ];

  #bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#random.below(256));
  }

  /** Somebody far away. */
  #anyone(): Ipv4Endpoint {
    return {
      address: 0x46000000 + this.#random.below(1 << 24),
      port: 1 + this.#random.below(65_535),
    };
  }

  #noise(): void {
    const length = this.#random.below(this.#random.chance(0.1) ? 1_400 : 120);
    const from = { address: this.#random.below(2 ** 32), port: this.#random.below(65_536) };
    this.#raw.send(from, this.#random.pick(TARGETS), this.#bytes(length));
  }

  /** A good datagram with some bytes changed, cut short or with more behind it. */
  #mutant(): void {
    const random = this.#random;
    const b = random.pick(DATAGRAMS).slice();
    for (let i = random.below(4); i > 0; i--) b[random.below(b.length)] = random.below(256);
    const shape = random.below(5);
    const cut = shape === 0 ? b.subarray(0, random.below(b.length)) : b;
    const all = shape === 1 ? concat(cut, this.#bytes(random.below(100))) : cut;
    this.#raw.send({ address: CLIENT, port: CLIENT_PORT }, random.pick(TARGETS), all);
  }

  /** A flow that the relay knows nothing of. */
  #stranger(): void {
    const from = this.#anyone();
    const server = this.#random.pick([PRIMARY.address, from.address, 0x0a000001, RELAY.address]);
    const source = teredo(from.address, from.port, server);
    this.#raw.send(from, RELAY, packet(17, source, HOST, this.#bytes(this.#random.below(200))));
  }

  /** An answer to a bubble that we never saw, for a client that the relay may be waiting for. */
  #forged(): void {
    const client = SCANNED.mapped + this.#random.below(SCANNED.count);
    const token = concat(fromHex("fe80000000000000"), this.#bytes(8));
    const source = teredo(client, SCANNED.port, PRIMARY.address);
    const from = this.#random.chance(0.5) ? this.#anyone() : { address: client, port: 1_000 };
    this.#raw.send(from, RELAY, bubble(source, token));
  }

  #solicitation(): void {
    const solicitation = vector(this.#random.pick(["R1", "R2", "R3", "R4", "R5", "X1"]));
    this.#raw.send(SOLICITOR, this.#random.pick(SERVERS), solicitation);
  }

  /** From themselves to themselves, and from one to the other (N15). */
  #loop(): void {
    const from = this.#random.pick(TARGETS);
    const to = this.#random.pick(TARGETS);
    const source = teredo(from.address, from.port, PRIMARY.address);
    const destination = teredo(to.address, to.port, PRIMARY.address);
    this.#raw.send(
      from,
      to,
      this.#random.pick([
        bubble(source, destination),
        icmpv6(128, source, destination),
        bubble("fe80::8000:f227:39cc:9bfe", destination),
        vector("R2"),
      ]),
    );
  }

  #notGlobal(): void {
    const from = { address: this.#random.pick(NOT_GLOBAL), port: 4_000 };
    const source = teredo(from.address, from.port, PRIMARY.address);
    this.#raw.send(
      from,
      this.#random.pick(TARGETS),
      this.#random.pick([
        vector("R2"),
        packet(17, source, HOST, this.#bytes(100)),
        icmpv6(128, source, HOST),
        bubble("fe80::1", source),
      ]),
    );
  }

  /** Asks the server to send where it must not. */
  #embedded(): void {
    const from = this.#anyone();
    const addresses = [...NOT_GLOBAL, RELAY.address, PRIMARY.address, this.#anyone().address];
    const port = this.#random.pick([TEREDO_PORT, RELAY_PORT, 0, 4_000]);
    const destination = teredo(this.#random.pick(addresses), port, PRIMARY.address);
    const source = teredo(from.address, from.port, PRIMARY.address);
    this.#raw.send(
      from,
      this.#random.pick(SERVERS),
      this.#random.pick([
        bubble(source, destination),
        bubble("fe80::1", destination),
        icmpv6(1, source, destination, this.#bytes(40)),
        icmpv6(128, source, this.#random.pick(["fc00::1", "ff0e::1", "::1", HOST])),
      ]),
    );
  }

  #fragment(): void {
    const from = this.#anyone();
    this.#raw.send(from, this.#random.pick(TARGETS), this.#bytes(800), true);
  }

  /** As long as UDP can be: the kernel cuts it up and puts it together again. */
  #giant(): void {
    const { port } = this.#bound();
    const source = teredo(this.#own, port, PRIMARY.address);
    const b = this.#random.pick([
      () => packet(17, source, HOST, new Uint8Array(65_000)),
      () => concat(bubble(source, "fe80::1"), new Uint8Array(65_000)),
      () => concat(vector("R2"), new Uint8Array(65_000)),
      () => new Uint8Array(65_507),
    ])();
    const to = this.#random.pick([RELAY_ADDRESS, SERVER_ADDRESS]);
    this.#giants.send(b, to === RELAY_ADDRESS ? RELAY_PORT : TEREDO_PORT, to, () => {});
  }

  #bound(): { port: number } {
    return this.#giants.address();
  }

  /** Resolves when giants can be sent. */
  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#giants.bind(0, resolve));
  }

  close(): void {
    this.#giants.close();
  }
}
