import { AdvertisementReader } from "#src/protocol/client/messages/advertisement.ts";
import { SOLICITATION_MAX_LENGTH } from "#src/protocol/client/messages/solicitation.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import type { Millis } from "#src/protocol/time.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type {
  Endpoint,
  Failure,
  FillRandom,
  NatKind,
  ProbeOptions,
  ProbeSink,
  ProbeSocket,
  StepName,
} from "./contract.ts";
import { ADVERTISEMENT_FAULTS } from "./faults.ts";
import { Step } from "./step.ts";

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
  readonly #buffer = new Uint8Array(SOLICITATION_MAX_LENGTH);
  readonly #advertisement = new AdvertisementReader();
  #step: Step;
  #mapped: Endpoint | undefined;
  #mtu = 0;
  #unfiltered = false;
  #symmetric: boolean | undefined;

  constructor(options: ProbeOptions, sink: ProbeSink, random: FillRandom) {
    this.#options = options;
    this.#sink = sink;
    this.#random = random;
    this.#step = this.#make("primary");
  }

  get deadline(): Millis {
    return this.#step.deadline;
  }

  start(now: Millis): void {
    this.#send(now);
  }

  /** Repeats what was not answered in time, or goes on without it. */
  tick(now: Millis): Qualified | Failure | undefined {
    if (now < this.deadline) return undefined;
    if (!this.#step.exhausted) {
      this.#send(now);
      return undefined;
    }
    const { name } = this.#step;
    if (name === "cone" || name === "secondary") {
      this.#sink.report({ kind: "silent", step: name });
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
    const fault = this.#faultOf(b, datagram, from, socket);
    if (fault !== undefined) {
      this.#sink.report({ kind: "ignored", from, reason: `router advertisement: ${fault}` });
      return undefined;
    }
    const { confirmation, mtu } = this.#advertisement;
    if (confirmation !== 0) return "key-refused"; // RFC 4380 §5.2.2
    const mapped = { address: datagram.originAddress, port: datagram.originPort };
    if (!isGlobalUnicast(mapped.address, this.#options.refuseReserved)) return "mapping-not-global";
    const { name: step, solicitation } = this.#step;
    const rtt = now - solicitation.sentAt;
    this.#sink.report({ kind: "advertised", step, from: from.address, mapped, mtu, rtt });
    this.#learn(mapped, mtu);
    return this.#next(now);
  }

  /** Why the advertisement counts for nothing; undefined: it counts. */
  #faultOf(
    b: Uint8Array,
    datagram: TeredoDatagram,
    from: Endpoint,
    socket: ProbeSocket,
  ): string | undefined {
    if (socket !== this.#step.socket) return "it did not come where it was asked for";
    if (from.address !== this.#step.from) return "it is not from the address expected";
    const { solicitation } = this.#step;
    const { prefix, serverAddress } = this.#options;
    const drop = this.#advertisement.read(b, datagram, solicitation, prefix, serverAddress);
    return drop === Drop.None ? undefined : ADVERTISEMENT_FAULTS[drop];
  }

  #learn(mapped: Endpoint, mtu: number): void {
    const { name } = this.#step;
    if (name === "primary") {
      this.#mapped = mapped;
      this.#mtu = mtu;
    } else if (name === "cone") {
      this.#unfiltered = true;
    } else {
      this.#symmetric = mapped.address !== this.#mapped!.address ||
        mapped.port !== this.#mapped!.port;
    }
  }

  #next(now: Millis): Qualified | undefined {
    const { name } = this.#step;
    if (name === "secondary") {
      return { mapped: this.#mapped!, mtu: this.#mtu, nat: this.#natKind() };
    }
    this.#step = this.#make(name === "primary" ? "cone" : "secondary");
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

  #make(name: StepName): Step {
    const { serverAddress, secondaryAddress, answerTimeout, identity } = this.#options;
    const local = name === "cone" ? this.#options.coneLocal : this.#options.local;
    const to = name === "secondary" ? secondaryAddress : serverAddress;
    const from = name === "primary" ? serverAddress : secondaryAddress;
    return new Step(name, to, from, local, answerTimeout, this.#random, identity);
  }

  #send(now: Millis): void {
    const { to, cone, socket, solicitation } = this.#step;
    const length = solicitation.write(this.#buffer, now);
    const { attempts: attempt } = solicitation;
    this.#sink.sendDatagram(this.#buffer, 0, length, to, TEREDO_PORT, socket);
    this.#sink.report({ kind: "solicited", to, cone, attempt });
  }
}
