import { AdvertisementReader } from "../messages/advertisement.ts";
import { type ClientOptions, RANDOM_PORTS } from "../contract.ts";
import type { TeredoDatagram } from "../../wire/datagram.ts";
import { Drop } from "../../drops.ts";
import type { ClientParts } from "../parts.ts";
import type { Server } from "../servers/server.ts";
import { Solicitation } from "../messages/solicitation.ts";
import { Solicitor } from "../messages/solicitor.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import type { UdpDatagram } from "../../wire/udp_datagram.ts";

/**
 * What port a sequential NAT gives a random one of ours towards a peer: between those that it gives
 * it towards our server's two addresses, just before and just after. RFC 6081 §5.5.4
 *
 * The RFC calls it Echo Test, which has no echo in it.
 */
export class PortTests {
  readonly #parts: ClientParts;
  #identity: ClientOptions["identity"];
  #first: readonly Solicitation[] = [];
  #second: readonly Solicitation[] = [];
  readonly #lower = new Uint16Array(RANDOM_PORTS + 1);
  readonly #upper = new Uint16Array(RANDOM_PORTS + 1);
  readonly #advertisement = new AdvertisementReader();
  readonly #solicitor: Solicitor;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#solicitor = new Solicitor(parts.counters);
    this.#renew();
  }

  /** What shows who we are. */
  #renew(): void {
    const { identity } = this.#parts.options();
    const make = () => Array.from({ length: RANDOM_PORTS + 1 }, () => new Solicitation(identity));
    this.#identity = identity;
    this.#first = make();
    this.#second = make();
  }

  /** The first of three packets by `path`, before the bubble to the peer. */
  sendFirst(path: number, server: Server, now: Millis, sink: TunnelSink): void {
    if (this.#identity !== this.#parts.options().identity) this.#renew();
    this.#lower[path] = 0;
    this.#upper[path] = 0;
    this.#send(this.#first[path]!, path, server.primary, now, sink);
  }

  /** The third, behind it. */
  sendSecond(path: number, server: Server, now: Millis, sink: TunnelSink): void {
    this.#send(this.#second[path]!, path, server.secondary, now, sink);
  }

  /** An advertisement of `server` that came by a random port. RFC 6081 §5.5.4.4 */
  receive(arrival: UdpDatagram, d: TeredoDatagram, server: Server): Drop {
    const { bytes: b, local: path } = arrival;
    const isFirst = arrival.address === server.primary;
    const solicitation = (isFirst ? this.#first : this.#second)[path]!;
    const { prefix } = this.#parts.options();
    const drop = this.#advertisement.read(b, d, solicitation, prefix, server.primary);
    if (drop !== Drop.None) return drop;
    const port = isFirst ? this.#lower : this.#upper;
    if (port[path] === 0) port[path] = d.originPort;
    return Drop.None;
  }

  /** 0: an answer is missing. §5.5.4.4 prints the mean of one of the two; §6.4 has it right. */
  predicted(path: number): number {
    const lower = this.#lower[path]!;
    const upper = this.#upper[path]!;
    return lower === 0 || upper === 0 ? 0 : Math.floor((lower + upper) / 2);
  }

  #send(
    solicitation: Solicitation,
    path: number,
    address: number,
    now: Millis,
    sink: TunnelSink,
  ): void {
    solicitation.begin(false, 0, 0, this.#parts.nonces.draw());
    this.#solicitor.send(solicitation, address, now, sink, path);
  }
}
