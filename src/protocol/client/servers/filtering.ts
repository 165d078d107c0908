import { AdvertisementReader } from "../messages/advertisement.ts";
import { type ClientHost, type Filtering, FILTERING_PATH } from "../contract.ts";
import { Counter } from "../../counters.ts";
import type { TeredoDatagram } from "../../wire/datagram.ts";
import { Drop } from "../../drops.ts";
import { Inquiry } from "./inquiry.ts";
import type { ClientParts } from "../parts.ts";
import { RS_TIMEOUT, SOLICITATION_MAX_LENGTH } from "../messages/solicitation.ts";
import type { Server } from "./server.ts";
import { TEREDO_PORT } from "../../wire/teredo_address.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import { UdpDatagram } from "../../wire/udp_datagram.ts";

/**
 * Whether the NAT lets in datagrams of who was sent none (RFC 4787 §5): for who asks what kind it is, and
 * nothing here goes by it. A port of its own solicits our server's primary address with the cone flag, to
 * which the secondary answers (RFC 4380 §5.2.1). By the service port it would tell nothing, for that has
 * let the secondary in.
 *
 * No cone step of the qualification, which RFC 5991 §3.2 leaves out: no address ever has the flag.
 */
export class FilteringTest {
  /** Grows whenever the result is another one. */
  changes = 0;
  readonly #parts: ClientParts;
  readonly #host: ClientHost;
  readonly #advertisement = new AdvertisementReader();
  readonly #buffer = new Uint8Array(SOLICITATION_MAX_LENGTH);
  readonly #out = new UdpDatagram();
  #beginAt: Millis = Infinity;
  /** Of whom it is asked, by {@link FILTERING_PATH}; undefined: it is not. */
  #server: Server | undefined;
  #inquiry: Inquiry | undefined;

  constructor(parts: ClientParts, host: ClientHost) {
    this.#parts = parts;
    this.#host = host;
  }

  /** There is another mapping. When it is begun the secondary address has been asked: see {@link tick}. */
  plan(now: Millis): void {
    this.#end();
    this.#tell("unknown");
    this.#beginAt = now + RS_TIMEOUT;
  }

  get nextAt(): Millis {
    return Math.min(this.#beginAt, this.#inquiry?.nextAt ?? Infinity);
  }

  tick(now: Millis, sink: TunnelSink): void {
    if (now >= this.#beginAt) this.#begin(now);
    const inquiry = this.#inquiry;
    if (inquiry === undefined || now < inquiry.nextAt) return;
    if (inquiry.mayRepeat) return this.#send(inquiry, this.#server!.primary, now, sink);
    this.#end();
    this.#tell("dependent");
  }

  /** An advertisement that came by {@link FILTERING_PATH} from one of a server's addresses. */
  receive(arrival: UdpDatagram, d: TeredoDatagram): Drop {
    const server = this.#server;
    const inquiry = this.#inquiry;
    if (server === undefined || inquiry === undefined) return Drop.NotAccepted;
    const { bytes: b, address } = arrival;
    if (address !== server.primary && address !== server.secondary) return Drop.NotAccepted;
    const { prefix } = this.#parts.options();
    const drop = this.#advertisement.read(b, d, inquiry.solicitation, prefix, server.primary);
    if (drop !== Drop.None) return drop;
    if (this.#advertisement.confirmation !== 0) return Drop.AuthenticationFailed;
    this.#end();
    // A server that does not go by the flag shows nothing.
    if (address === server.secondary) this.#tell("endpoint_independent");
    return Drop.None;
  }

  /** Silence says something only where the secondary address answers when it is asked itself. */
  #begin(now: Millis): void {
    this.#beginAt = Infinity;
    const { nat, nonces, options } = this.#parts;
    const server = this.#parts.server();
    if (server === undefined || !nat.isCompared) return;
    if (this.#host.openPort(FILTERING_PATH) === 0) return;
    this.#server = server;
    this.#inquiry = new Inquiry(options().identity, true);
    this.#inquiry.begin(1, nonces.draw(), now);
  }

  #send(inquiry: Inquiry, address: number, now: Millis, sink: TunnelSink): void {
    const length = inquiry.solicitation.write(this.#buffer, now);
    inquiry.sent(now);
    this.#out.setPayload(this.#buffer, 0, length);
    this.#out.setEnds(address, TEREDO_PORT, FILTERING_PATH);
    sink.sendDatagram(this.#out);
    this.#parts.counters[Counter.client_solicitations]!++;
  }

  #end(): void {
    this.#beginAt = Infinity;
    if (this.#inquiry === undefined) return;
    this.#inquiry = undefined;
    this.#server = undefined;
    this.#host.closePort(FILTERING_PATH);
  }

  #tell(filtering: Filtering): void {
    const { nat } = this.#parts;
    if (nat.filtering === filtering) return;
    nat.filtering = filtering;
    this.changes++;
  }
}
