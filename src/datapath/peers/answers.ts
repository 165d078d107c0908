import type { PeerId } from "#src/protocol/peers/index.ts";
import type { PeerListing } from "#src/protocol/peers/listing.ts";
import { PeerSearch } from "#src/protocol/peers/query.ts";
import type { Drop } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { MAX_PACKET, type PeerQuestions, Question } from "./questions.ts";

/** Entries of the table looked at in one turn of the loop; see docs/limits.md. */
export const ENTRIES_A_TURN = 2_048;
/** Between two such looks: whoever asks, and however often, packets have the time between. */
const PAUSE: Millis = 1;

/** Rules that can be asked about their peers, and about packets that there are not. */
export interface AskedRules {
  readonly listing: PeerListing;
  /** What would become of a packet from the IPv6 side at this moment. Changes and counts nothing. */
  foreseeFromIpv6(b: Uint8Array, at: number, length: number, now: Millis): Drop;
  /** The same of a datagram, from a peer that has proven itself where it comes from. */
  foreseeFromUdp(arrival: UdpDatagram, now: Millis): Drop;
}

/** A worker's answers about its peers, a part of one in each turn of its loop. Allocates nothing. */
export class PeerAnswers {
  readonly #questions: PeerQuestions;
  readonly #rules: AskedRules;
  #listing: PeerListing;
  readonly #search = new PeerSearch();
  readonly #packet = new Uint8Array(MAX_PACKET);
  readonly #arrival = new UdpDatagram();
  /** Of the answer at hand. */
  #behind: PeerId = 0;
  #begun = false;
  #notBefore: Millis = 0;

  constructor(questions: PeerQuestions, rules: AskedRules) {
    this.#questions = questions;
    this.#rules = rules;
    this.#listing = rules.listing;
  }

  /** When {@link answer} has something to do; Infinity: nothing is asked. */
  get nextAt(): Millis {
    return this.#questions.isAsked ? this.#notBefore : Infinity;
  }

  /** Does a bounded part of what is asked, if anything is. */
  answer(clock: () => Millis): void {
    const questions = this.#questions;
    if (!questions.isAsked) return;
    const now = clock();
    if (now < this.#notBefore) return;
    this.#notBefore = now + PAUSE;
    switch (questions.question) {
      case Question.Peers:
        return this.#look(now);
      case Question.ToClient:
        return questions.answerFate(this.#toClient(now));
      case Question.FromClient:
        return questions.answerFate(this.#fromClient(now));
    }
  }

  #look(now: Millis): void {
    const questions = this.#questions;
    if (!this.#begun) this.#begin();
    const listing = this.#listing;
    const { rows, limit } = questions;
    this.#behind = listing.look(this.#search, this.#behind, ENTRIES_A_TURN, rows, limit, now);
    if (this.#behind !== 0 && listing.written < limit) return;
    this.#begun = false;
    questions.answerPeers(listing.written, this.#behind);
  }

  #begin(): void {
    const questions = this.#questions;
    this.#begun = true;
    this.#listing = this.#rules.listing;
    this.#behind = questions.behind;
    this.#listing.written = 0;
    if (questions.isIpv4) {
      this.#search.askIpv4(questions.ipv4, questions.prefixLength, questions.port);
    } else {
      this.#search.askIpv6(questions.ipv6, questions.prefixLength);
    }
  }

  #toClient(now: Millis) {
    this.#packet.set(this.#questions.packet);
    return this.#rules.foreseeFromIpv6(this.#packet, 0, this.#questions.packetLength, now);
  }

  #fromClient(now: Millis) {
    const { packet, packetLength, address, port } = this.#questions;
    this.#packet.set(packet);
    this.#arrival.setPayload(this.#packet, 0, packetLength);
    this.#arrival.setEnds(address, port, 0);
    return this.#rules.foreseeFromUdp(this.#arrival, now);
  }
}
