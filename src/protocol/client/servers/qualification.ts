import { AdvertisementReader } from "../messages/advertisement.ts";
import type { ClientOptions, ClientState, Native } from "../contract.ts";
import { Counter, type Counters } from "../../counters.ts";
import type { TeredoDatagram } from "../../wire/datagram.ts";
import { Drop } from "../../drops.ts";
import type { Homes } from "./homes.ts";
import type { Inquiry } from "./inquiry.ts";
import type { Ipv4Filter } from "../../guard/ipv4_filter.ts";
import { IPV6_LENGTH } from "../../wire/ipv6.ts";
import type { Nat } from "./nat.ts";
import type { Nonces } from "../nonces.ts";
import { Refresh, REFRESH_MIN } from "./refresh.ts";
import { Questions } from "./questions.ts";
import { Retries } from "./retries.ts";
import { Server } from "./server.ts";
import { ServerList } from "./list.ts";
import { RS_ATTEMPTS, RS_TIMEOUT } from "../messages/solicitation.ts";
import { writeTeredoAddress } from "../../wire/teredo_address.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import type { UdpDatagram } from "../../wire/udp_datagram.ts";

/** How long the first in a strict order is waited for when another has answered. */
const STRICT_PATIENCE: Millis = 1_000;
/** After so long without a change a server earlier in a strict order is gone back to. */
const QUIET: Millis = 600_000;
/** So long a server has to show that native hosts are reached by way of it. */
const NATIVE_PATIENCE: Millis = 60_000;
/** The others are asked when the one in use has been silent so long: at T their answers are there. */
const ALARM: Millis = 1_000;

/** Who is told of what changes. */
export interface QualificationListener {
  /** What peers know of us is wrong. RFC 4380 §5.2.5 */
  mappingChanged(now: Millis, sink: TunnelSink): void;
  /** There is another current address; those before it are deprecated, by the same mapping. */
  addressChanged(now: Millis): void;
  /** Another address of the server in use has answered, and said what it sees. */
  compared(server: Server, now: Millis, sink: TunnelSink): void;
}

/**
 * Which server we are a client of, by which mapping, with which address: qualification (RFC 4380
 * §5.2.1), maintenance (§5.2.5), and the change to another server.
 *
 *     probing    all servers have been asked, none has answered
 *     qualified  the last answer is as young as it should be
 *     failing    the server in use is silent for 4 s, and no other answers; still carrying
 *     offline    all attempts were in vain; they are repeated, less and less often
 *
 * The cone step is left out: RFC 5991 §3.2.
 */
export class Qualification {
  state: ClientState = "probing";
  /** When {@link state}, server or address last changed. */
  changedAt: Millis = 0;
  /** How often that, or what is known of the NAT, has changed. */
  changes = 0;
  nextAt: Millis = Infinity;
  readonly refresh: Refresh;
  readonly #options: () => ClientOptions;
  readonly #nonces: Nonces;
  readonly #filter: Ipv4Filter;
  readonly #counters: Counters;
  readonly #listener: QualificationListener;
  readonly #advertisement = new AdvertisementReader();
  readonly #questions: Questions;
  readonly #address = new Uint8Array(IPV6_LENGTH);
  readonly servers = new ServerList();
  readonly nat: Nat;
  readonly homes: Homes;
  #current: Server | undefined;
  /** The random bits of the address stay while the mapping does. RFC 5991 §3.1 */
  #flags = 0;
  #chooseAt: Millis = Infinity;
  readonly #retries: Retries;
  #isAlarmed = false;
  /** Whether the server in use was last asked because it was time to. */
  #isRefresh = false;
  /** Up to when doubts have used what they may: two at once, one in {@link REFRESH_MIN}. */
  #doubtedTo: Millis = -Infinity;

  constructor(
    options: () => ClientOptions,
    nonces: Nonces,
    filter: Ipv4Filter,
    nat: Nat,
    homes: Homes,
    counters: Counters,
    listener: QualificationListener,
  ) {
    this.#options = options;
    this.#nonces = nonces;
    this.#filter = filter;
    this.#counters = counters;
    this.#questions = new Questions(nonces, counters);
    this.#listener = listener;
    this.nat = nat;
    this.homes = homes;
    this.refresh = new Refresh(options().refresh);
    this.#retries = new Retries(nonces);
  }

  /** The server in use. */
  get current(): Server | undefined {
    return this.#current;
  }

  /** When it is asked next; Infinity: there is none, or it has been. */
  get refreshAt(): Millis {
    const isDue = this.#current !== undefined && !this.#current.inquiry.isOpen;
    return isDue ? this.refresh.nextAt : Infinity;
  }

  /** Asks every server, at the start, when the network is another one, or the server in use is none any more. */
  start(now: Millis, sink: TunnelSink): void {
    this.#take();
    this.refresh.set(this.#options().refresh);
    this.#isRefresh = false;
    if (this.#current !== undefined && !this.servers.all.includes(this.#current)) {
      this.#current = undefined;
      this.homes.deprecate(now);
    }
    if (this.#current === undefined) this.#enterState("probing", now);
    else this.refresh.nextAt = now;
    this.#retries.end();
    this.#isAlarmed = true;
    for (const server of this.servers.all) {
      // From where we are now; of the one in use another mapping will show that it is elsewhere.
      if (server !== this.#current) server.native = "unknown";
      this.#questions.ask(server.inquiry, RS_ATTEMPTS, now, this.servers.silenceOf(server, now));
    }
    this.tick(now, sink);
  }

  /** Asks servers that are new: where network and NAT are what they were, those that stay have been asked. */
  follow(now: Millis, sink: TunnelSink): void {
    const added = this.#take();
    const isGone = this.#current !== undefined && !this.servers.all.includes(this.#current);
    if (isGone || (added.length > 0 && this.state === "offline")) return this.start(now, sink);
    for (const server of added) this.#questions.ask(server.inquiry, RS_ATTEMPTS, now);
    this.changes++;
    this.tick(now, sink);
  }

  /** Has the servers be those that are to be. @returns those that are new */
  #take(): readonly Server[] {
    const { servers, identity, quiet } = this.#options();
    return this.servers.set(quiet === true ? [] : servers, identity);
  }

  /** Sees to what is due. */
  tick(now: Millis, sink: TunnelSink): void {
    if (now >= this.refreshAt) {
      this.#isAlarmed = false;
      this.#isRefresh = true;
      this.#questions.ask(this.#current!.inquiry, RS_ATTEMPTS, now);
    }
    if (now >= this.#retries.at) this.#retry(now);
    for (const server of this.servers.all) this.#drive(server, now, sink);
    if (now >= this.#chooseAt) this.#choose(now, sink);
    if (this.#current !== undefined) this.#watch(this.#current, now, sink);
    else if (this.state === "probing" && this.servers.isQuiet) this.#goOffline(now);
    this.#plan();
  }

  /**
   * An advertisement that `d` found in a datagram from port 3544 of one of the servers' addresses.
   *
   * @returns why it counts for nothing
   */
  receive(arrival: UdpDatagram, d: TeredoDatagram, now: Millis, sink: TunnelSink): Drop {
    const server = this.servers.find(arrival.address);
    if (server === undefined) return Drop.NotAccepted;
    const isPrimary = arrival.address === server.primary;
    const inquiry = isPrimary ? server.inquiry : server.comparison;
    if (!inquiry.isOpen) return Drop.NotAccepted;
    const drop = this.#check(arrival.bytes, d, server, inquiry);
    if (drop !== Drop.None) return drop;
    const { originAddress, originPort } = d;
    if (isPrimary) {
      if (server.hear(originAddress, originPort, this.#advertisement.mtu, now)) this.changes++;
      server.planCheck(now, this.#nonces);
      this.#heard(server, now, sink);
    } else {
      inquiry.close();
      this.changes++;
      if (server === this.#current) {
        this.nat.compare(originAddress, originPort);
        this.#listener.compared(server, now, sink);
      }
    }
    this.#plan();
    return Drop.None;
  }

  /** Whether native hosts answer by way of the server in use, as echo tests show. */
  noteNative(native: Native, now: Millis, sink: TunnelSink): void {
    const current = this.#current;
    if (current === undefined) return;
    current.noteNative(native, now);
    if (native !== "unreachable" || now - this.changedAt < NATIVE_PATIENCE) return;
    const best = this.servers.mostUseful(current);
    if (best === current) return;
    // It is used when it answers: what it told last may be minutes old, and the mapping another one.
    if (!best.inquiry.isOpen) this.#questions.ask(best.inquiry, 1, now);
    this.#drive(best, now, sink);
    this.#plan();
  }

  /**
   * Nothing has come since then that should have: the server in use may be gone, or the mapping be another
   * one. It is asked now if it was not heard of meanwhile: of T up to a half has passed.
   */
  doubt(since: Millis, now: Millis, sink: TunnelSink): void {
    const current = this.#current;
    if (current === undefined || now + REFRESH_MIN < this.#doubtedTo) return;
    if (current.inquiry.isOpen || current.heardAt > since) return;
    this.#doubtedTo = Math.max(this.#doubtedTo, now) + REFRESH_MIN;
    this.#isAlarmed = false;
    this.#isRefresh = false;
    this.#questions.ask(current.inquiry, RS_ATTEMPTS, now, Math.max(since, now - RS_TIMEOUT / 2));
    this.#drive(current, now, sink);
    this.#plan();
  }

  /** RFC 4380 §5.2.1, §5.2.2; the mapping must be global: §4. */
  #check(b: Uint8Array, d: TeredoDatagram, server: Server, inquiry: Inquiry): Drop {
    const { prefix } = this.#options();
    const drop = this.#advertisement.read(b, d, inquiry.solicitation, prefix, server.primary);
    if (drop !== Drop.None) return drop;
    if (this.#advertisement.confirmation !== 0) {
      server.isKeyRefused = true;
      return Drop.AuthenticationFailed;
    }
    const isGlobal = this.#filter.isPeer(d.originAddress, d.originPort);
    return isGlobal ? Drop.None : Drop.MappedAddressNotGlobal;
  }

  #heard(server: Server, now: Millis, sink: TunnelSink): void {
    const current = this.#current;
    if (server === current) return this.#confirm(server, now, sink);
    if (current !== undefined) {
      const isBetter = current.native === "unreachable" && server.isMoreUsefulThan(current) &&
        now - this.changedAt >= NATIVE_PATIENCE;
      if (current.inquiry.isOverdue(now) || isBetter) this.#failOver(server, now, sink);
      else if (this.#mayGoBack(server, current, now)) {
        server.native = "unknown"; // it has another chance
        this.#use(server, now, sink);
      }
      return;
    }
    const isStrict = this.#options().serverOrder === "strict";
    if (!isStrict || server === this.servers.all[0]) this.#use(server, now, sink);
    else this.#chooseAt = Math.min(this.#chooseAt, server.inquiry.startedAt + STRICT_PATIENCE);
  }

  #mayGoBack(server: Server, current: Server, now: Millis): boolean {
    return this.#options().serverOrder === "strict" && now - this.changedAt >= QUIET &&
      this.servers.isBefore(server, current) && !server.isHopeless(current, now);
  }

  /** Of those that have answered, the first of a strict order. */
  #choose(now: Millis, sink: TunnelSink): void {
    this.#chooseAt = Infinity;
    if (this.#current !== undefined) return;
    const first = this.servers.all.find((server) => server.isLive && !server.inquiry.isOpen);
    if (first !== undefined) this.#use(first, now, sink);
  }

  /** The server in use has answered. */
  #confirm(server: Server, now: Millis, sink: TunnelSink): void {
    const { nat } = this;
    const { mappedAddress, mappedPort } = server;
    this.#retries.end();
    if (this.state !== "qualified") this.#enterState("qualified", now);
    if (nat.isAt(mappedAddress, mappedPort)) {
      this.refresh.survived();
      return this.refresh.plan(now, this.#nonces);
    }
    // Else it was not time that took it: a sleep, another way to the same NAT, one that began anew. C-52
    if (mappedAddress === nat.mappedAddress && this.#isRefresh) {
      this.refresh.broke(server.inquiry.startedAt - this.refresh.lastAt);
    }
    this.#counters[Counter.client_address_changes]!++;
    this.#use(server, now, sink);
  }

  /** The server is the one in use from now on, with the mapping that it has told. RFC 4380 §5.2.5 */
  #use(server: Server, now: Millis, sink: TunnelSink): void {
    const { nat, homes } = this;
    const { prefix, servicePort, remembered } = this.#options();
    const { mappedAddress, mappedPort } = server;
    const isKept = nat.isAt(mappedAddress, mappedPort);
    if (!isKept) {
      homes.clear();
      if (mappedAddress !== nat.mappedAddress) this.refresh.reset();
      nat.map(mappedAddress, mappedPort, servicePort);
      this.#flags = this.#nonces.flags(mappedAddress, mappedPort, remembered);
    }
    const flags = this.#flags;
    const serverAddress = server.primary;
    const parts = { prefix, serverAddress, flags, mappedAddress, mappedPort };
    writeTeredoAddress(this.#address, 0, parts);
    homes.enter(this.#address, now);
    this.#current?.comparison.close();
    this.#current = server;
    this.#retries.end();
    this.#chooseAt = Infinity;
    this.refresh.plan(now, this.#nonces);
    this.#enterState("qualified", now);
    this.#counters[Counter.client_qualifications]!++;
    if (!nat.isSettled) {
      this.#questions.ask(server.comparison, RS_ATTEMPTS, now);
      this.#drive(server, now, sink);
    }
    if (isKept) this.#listener.addressChanged(now);
    else this.#listener.mappingChanged(now, sink);
  }

  #failOver(server: Server, now: Millis, sink: TunnelSink): void {
    this.#current?.inquiry.close();
    this.#counters[Counter.client_failovers]!++;
    this.#use(server, now, sink);
  }

  /** Whether the server in use is silent, and what then. */
  #watch(current: Server, now: Millis, sink: TunnelSink): void {
    const { inquiry, comparison } = current;
    if (comparison.isOverdue(now) && !this.nat.isSettled) this.#settle(current);
    if (!inquiry.isOpen) {
      if (now < this.refresh.nextAt) return;
      return this.#goOffline(now); // it has been closed without an answer
    }
    const { startedAt } = inquiry;
    if (now - startedAt >= ALARM && !this.#isAlarmed) {
      this.#isAlarmed = true;
      for (const server of this.servers.all) {
        if (server !== current && !server.inquiry.isOpen) {
          this.#questions.ask(server.inquiry, 2, now);
        }
        this.#drive(server, now, sink);
      }
    }
    if (!inquiry.isOverdue(now)) return;
    current.isLive = false;
    // One that has answered since: where none does it is not the server that is gone.
    const best = this.servers.bestSince(startedAt, current, this.#options().serverOrder);
    if (best !== undefined) this.#failOver(best, now, sink);
    else if (this.state === "qualified") this.#enterState("failing", now);
  }

  /** The secondary address is silent: another server's answer has to do for the comparison. */
  #settle(current: Server): void {
    const other = this.servers.all.find((server) =>
      server !== current && server.isLive && server.heardAt >= this.changedAt - RS_TIMEOUT
    );
    if (other === undefined) this.nat.isSettled = true;
    else this.nat.compare(other.mappedAddress, other.mappedPort);
  }

  #goOffline(now: Millis): void {
    this.homes.deprecate(now);
    this.#current = undefined;
    this.refresh.nextAt = Infinity;
    this.#enterState("offline", now);
    this.#retries.plan(now);
    this.#listener.addressChanged(now);
  }

  #retry(now: Millis): void {
    for (const server of this.servers.all) this.#questions.ask(server.inquiry, 1, now);
    this.#retries.plan(now);
  }

  #drive(server: Server, now: Millis, sink: TunnelSink): void {
    this.#questions.drive(server, server === this.#current, now, sink);
  }

  #enterState(state: ClientState, now: Millis): void {
    this.state = state;
    this.changedAt = now;
    this.changes++;
  }

  #plan(): void {
    const current = this.#current;
    const { refreshAt } = this;
    // Once it is overdue it is no longer live.
    const overdueAt = current?.inquiry.isOpen && current.isLive
      ? current.inquiry.overdueAt
      : Infinity;
    let next = Math.min(refreshAt, overdueAt, this.#retries.at, this.#chooseAt);
    for (const server of this.servers.all) next = Math.min(next, server.nextAt());
    this.nextAt = next;
  }
}
