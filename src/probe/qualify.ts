import type { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import type { Millis } from "#src/protocol/time.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { type Advertised, readAdvertisement } from "./advertisement.ts";
import type {
  Endpoint,
  Failure,
  FillRandom,
  NatKind,
  ProbeOptions,
  ProbeSink,
  ProbeSocket,
} from "./contract.ts";
import { Solicitation, type Step } from "./solicitation.ts";

/** What qualification hands over when it is through. */
export interface Qualified {
  readonly mapped: Endpoint;
  readonly mtu: number;
  readonly nat: NatKind;
}

/**
 * Qualification (RFC 4380 §5.2.1), in an order in which no step opens the NAT for a later one:
 *
 *     primary    cone bit 0 to the primary address: the mapping
 *     cone       cone bit 1 to the primary address, which the secondary answers: does a stranger's
 *                packet come in?
 *     secondary  cone bit 0 to the secondary address: is the mapping the same?
 *
 * The cone step has a socket, so a mapping, of its own. Where a NAT does not let the stranger in but
 * takes its packet for one to itself, it may remember that: what we then send to the stranger by the
 * same mapping collides with it, and gets another port, as if the NAT were symmetric. Linux does so
 * unless it drops such packets.
 *
 * A client would leave the cone step out (RFC 5991 §3.2); here it is only told to people, and the
 * address is built with cone bit 0 whatever it says.
 */
export class Qualification {
  readonly #options: ProbeOptions;
  readonly #sink: ProbeSink;
  readonly #random: FillRandom;
  readonly #buffer = new Uint8Array(64);
  #solicitation: Solicitation;
  #mapped: Endpoint | undefined;
  #mtu = 0;
  #unfiltered = false;
  #symmetric: boolean | undefined;

  constructor(options: ProbeOptions, sink: ProbeSink, random: FillRandom) {
    this.#options = options;
    this.#sink = sink;
    this.#random = random;
    this.#solicitation = this.#make("primary");
  }

  get deadline(): Millis {
    return this.#solicitation.deadline;
  }

  start(now: Millis): void {
    this.#send(now);
  }

  /** Repeats what was not answered in time, or goes on without it. */
  tick(now: Millis): Qualified | Failure | undefined {
    if (now < this.deadline) return undefined;
    if (!this.#solicitation.exhausted) {
      this.#send(now);
      return undefined;
    }
    const step = this.#solicitation.step;
    if (step === "cone" || step === "secondary") {
      this.#sink.report({ kind: "silent", step });
      return this.#next(now);
    }
    return "server-silent";
  }

  /** An advertisement that came from `from`. */
  receive(
    b: Uint8Array,
    datagram: TeredoDatagram,
    from: Endpoint,
    now: Millis,
    socket: ProbeSocket,
  ): Qualified | Failure | undefined {
    const advertised = this.#read(b, datagram, from, socket);
    if (typeof advertised === "string") {
      this.#sink.report({ kind: "ignored", from, reason: `router advertisement: ${advertised}` });
      return undefined;
    }
    if (advertised.confirmation !== 0) return "key-refused"; // RFC 4380 §5.2.2
    const mapped = { address: datagram.originAddress, port: datagram.originPort };
    if (!isGlobalUnicast(mapped.address, this.#options.refuseReserved)) return "mapping-not-global";
    const rtt = now - this.#solicitation.sentAt;
    const { mtu } = advertised;
    this.#sink.report({ kind: "advertised", from: from.address, mapped, mtu, rtt });
    this.#learn(mapped, mtu);
    return this.#next(now);
  }

  #read(
    b: Uint8Array,
    datagram: TeredoDatagram,
    from: Endpoint,
    socket: ProbeSocket,
  ): Advertised | string {
    if (socket !== this.#solicitation.socket) return "it did not come where it was asked for";
    if (from.address !== this.#solicitation.from) return "it is not from the address expected";
    return readAdvertisement(b, datagram, {
      linkLocal: this.#solicitation.linkLocal,
      nonce: this.#solicitation.nonce,
      prefix: this.#options.prefix,
      serverAddress: this.#options.serverAddress,
    });
  }

  #learn(mapped: Endpoint, mtu: number): void {
    const step = this.#solicitation.step;
    if (step === "primary") {
      this.#mapped = mapped;
      this.#mtu = mtu;
    } else if (step === "cone") {
      this.#unfiltered = true;
    } else {
      this.#symmetric = mapped.address !== this.#mapped!.address ||
        mapped.port !== this.#mapped!.port;
    }
  }

  #next(now: Millis): Qualified | undefined {
    const step = this.#solicitation.step;
    if (step === "secondary") {
      return { mapped: this.#mapped!, mtu: this.#mtu, nat: this.#natKind() };
    }
    this.#solicitation = this.#make(step === "primary" ? "cone" : "secondary");
    this.#send(now);
    return undefined;
  }

  #natKind(): NatKind {
    const { local, ownAddresses } = this.#options;
    // One that never answers says nothing of strangers by its silence in the cone step.
    const isSilent = this.#symmetric === undefined;
    if (this.#symmetric) return "symmetric";
    if (ownAddresses.includes(this.#mapped!.address) && this.#mapped!.port === local.port) {
      if (this.#unfiltered) return "none";
      return isSilent ? "none-or-firewall" : "firewall";
    }
    if (this.#unfiltered) return "cone";
    return isSilent ? "unknown" : "restricted";
  }

  #make(step: Step): Solicitation {
    const { serverAddress, secondaryAddress } = this.#options;
    const local = step === "cone" ? this.#options.coneLocal : this.#options.local;
    const to = step === "secondary" ? secondaryAddress : serverAddress;
    const from = step === "primary" ? serverAddress : secondaryAddress;
    return new Solicitation(step, to, from, local, this.#random);
  }

  #send(now: Millis): void {
    const solicitation = this.#solicitation;
    const length = solicitation.write(this.#buffer, now);
    const { to, cone, socket, attempts: attempt } = solicitation;
    this.#sink.sendDatagram(this.#buffer, 0, length, to, TEREDO_PORT, socket);
    this.#sink.report({ kind: "solicited", to, cone, attempt });
  }
}
