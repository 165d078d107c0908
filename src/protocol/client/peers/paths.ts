import { NO_HOME } from "../servers/homes.ts";
import type { PeerId } from "../../peers/index.ts";
import type { Millis } from "../../time.ts";
import { ALTERNATES_MAX } from "../../wire/trailers.ts";
import { Way, WAYS } from "./ways.ts";

/** An indirect bubble with a nonce has gone to the peer, or come from it. RFC 6081 §5.2.1 */
const NONCE_SENT = 1;
const NONCE_RECEIVED = 2;
/** It has shown that it knows trailers, so that one may be answered. */
const KNOWS_TRAILERS = 4;
/** It asked for us by an indirect bubble, and is to be asked in return. */
const INVITED = 8;
/** What port our NAT gives a random one is being found out for it. RFC 6081 §5.5 */
const TESTING = 16;
/** No Teredo client: it is reached through a relay, which an echo test finds. RFC 4380 §5.2.9 */
const NATIVE = 32;
/** Our host sent to it before a packet of it, other than a bubble, was let in: it is no stranger. See `Room`. */
const WANTED = 64;
/** A packet of our host's was to go to it and could not wait: it is asked for it all the same. */
const MISSED = 128;

/** By which ways a peer is reached: what RFC 6081 adds to its entry, in arrays beside the table. */
export class Paths {
  readonly #flags: Uint8Array;
  readonly #nonceSent: Uint32Array;
  readonly #nonceReceived: Uint32Array;
  /** Of our addresses the one its packets go to; see `Homes`. */
  readonly home: Int8Array;
  /** The random port's number, 1 and up; 0: there is none. */
  readonly randomPath: Uint8Array;
  /** Port that our NAT gives it, as we predict; 0: none. RFC 6081 §5.4.1: Random Port */
  readonly randomPort: Uint16Array;
  /** RFC 6081 §5.4.1 */
  readonly peerRandomPort: Uint16Array;
  /** Bubbles without data between, by a random port or a deprecated address. RFC 6081 §5.4.2.1 */
  readonly refreshes: Uint8Array;
  /** Solicitations without answer. RFC 6081 §5.7.1 */
  readonly solicitations: Uint8Array;
  /** RFC 6081 §5.5.1: Echo Test Retry Counter */
  readonly portTests: Uint8Array;
  readonly #nonceSentAt: Float64Array;
  /** It was trusted for the first time by the mapping that we have; Infinity: not yet. */
  readonly beganAt: Float64Array;
  /** A packet that is no bubble last passed, either way. */
  readonly dataAt: Float64Array;
  /** An indirect bubble was last answered. */
  readonly answeredAt: Float64Array;
  /** The peer's address on our own link, and when it last told it. RFC 4380 §5.2.8 */
  readonly localAddress: Uint32Array;
  readonly localPort: Uint16Array;
  readonly localAt: Float64Array;
  readonly alternates: Uint8Array;
  readonly #alternateAddresses: Uint32Array;
  readonly #alternatePorts: Uint16Array;
  readonly #ways: Uint8Array;
  /** Entries of each of {@link WAYS}, in their order. */
  readonly counts = new Uint32Array(WAYS.length);
  /** From the last question to its answer, where there was but one; 0: not measured. */
  readonly roundTrip: Float32Array;

  constructor(capacity: number) {
    const length = capacity + 1;
    this.#flags = new Uint8Array(length);
    this.#nonceSent = new Uint32Array(length);
    this.#nonceReceived = new Uint32Array(length);
    this.home = new Int8Array(length);
    this.randomPath = new Uint8Array(length);
    this.randomPort = new Uint16Array(length);
    this.peerRandomPort = new Uint16Array(length);
    this.refreshes = new Uint8Array(length);
    this.solicitations = new Uint8Array(length);
    this.portTests = new Uint8Array(length);
    this.#nonceSentAt = new Float64Array(length);
    this.beganAt = new Float64Array(length);
    this.dataAt = new Float64Array(length);
    this.answeredAt = new Float64Array(length);
    this.localAddress = new Uint32Array(length);
    this.localPort = new Uint16Array(length);
    this.localAt = new Float64Array(length);
    this.alternates = new Uint8Array(length);
    this.#alternateAddresses = new Uint32Array(ALTERNATES_MAX * length);
    this.#alternatePorts = new Uint16Array(ALTERNATES_MAX * length);
    this.#ways = new Uint8Array(length);
    this.roundTrip = new Float32Array(length);
  }

  /** Of an entry that is new. */
  clear(p: PeerId, isNative: boolean): void {
    this.#flags[p] = isNative ? NATIVE : 0;
    this.home[p] = NO_HOME;
    this.randomPath[p] = 0;
    this.answeredAt[p] = -Infinity;
    this.beganAt[p] = Infinity;
    this.dataAt[p] = -Infinity;
    this.localAt[p] = -Infinity;
    this.roundTrip[p] = 0;
    this.#ways[p] = isNative ? Way.NativeNone : Way.ClientNone;
    this.counts[this.#ways[p]!]!++;
    this.#reset(p);
  }

  /** Of an entry that is no more. */
  release(p: PeerId): void {
    this.counts[this.#ways[p]!]!--;
  }

  /** Place in {@link WAYS}. */
  way(p: PeerId): number {
    return this.#ways[p]!;
  }

  setWay(p: PeerId, way: Way): void {
    this.counts[this.#ways[p]!]!--;
    this.counts[way]!++;
    this.#ways[p] = way;
  }

  /** Nothing goes to it any more, until it has been heard of again. */
  loseWay(p: PeerId): void {
    this.setWay(p, this.isNative(p) ? Way.NativeNone : Way.ClientNone);
  }

  /** Our mapping is another one: what was agreed by the old one is void. */
  forget(p: PeerId): void {
    this.#flags[p]! &= NATIVE | KNOWS_TRAILERS | WANTED;
    this.answeredAt[p] = -Infinity;
    this.beganAt[p] = Infinity;
    // On another link it is another host that has its address.
    this.localAt[p] = -Infinity;
    this.#reset(p);
  }

  #reset(p: PeerId): void {
    this.randomPort[p] = 0;
    this.peerRandomPort[p] = 0;
    this.refreshes[p] = 0;
    this.solicitations[p] = 0;
    this.alternates[p] = 0;
    this.portTests[p] = 0;
    this.setTesting(p, false);
  }

  isNative(p: PeerId): boolean {
    return (this.#flags[p]! & NATIVE) !== 0;
  }

  /** The nonce of the last indirect bubble to the peer. */
  setNonceSent(p: PeerId, nonce: number, now: Millis): void {
    this.#nonceSent[p] = nonce;
    this.#nonceSentAt[p] = now;
    this.#flags[p]! |= NONCE_SENT;
  }

  /** Whether it is; with none sent none is, not even 0. */
  isNonceSent(p: PeerId, nonce: number): boolean {
    return (this.#flags[p]! & NONCE_SENT) !== 0 && this.#nonceSent[p] === nonce;
  }

  /** When that was sent. */
  nonceSentAt(p: PeerId): Millis {
    return this.#nonceSentAt[p]!;
  }

  /** When the flow with it began; what our host began may go on by any address. */
  beginning(p: PeerId): Millis {
    return this.isWanted(p) ? -Infinity : this.beganAt[p]!;
  }

  hasNonceReceived(p: PeerId): boolean {
    return (this.#flags[p]! & NONCE_RECEIVED) !== 0;
  }

  nonceReceived(p: PeerId): number {
    return this.#nonceReceived[p]!;
  }

  setNonceReceived(p: PeerId, nonce: number): void {
    this.#nonceReceived[p] = nonce;
    this.#flags[p]! |= NONCE_RECEIVED;
  }

  clearNonceReceived(p: PeerId): void {
    this.#flags[p]! &= ~NONCE_RECEIVED;
  }

  knowsTrailers(p: PeerId): boolean {
    return (this.#flags[p]! & KNOWS_TRAILERS) !== 0;
  }

  setKnowsTrailers(p: PeerId): void {
    this.#flags[p]! |= KNOWS_TRAILERS;
  }

  isInvited(p: PeerId): boolean {
    return (this.#flags[p]! & INVITED) !== 0;
  }

  setInvited(p: PeerId): void {
    this.#set(p, INVITED, true);
  }

  isMissed(p: PeerId): boolean {
    return (this.#flags[p]! & MISSED) !== 0;
  }

  setMissed(p: PeerId): void {
    this.#set(p, MISSED, true);
  }

  /** Nobody waits to be asked for, or is to be asked in return. */
  clearAsked(p: PeerId): void {
    this.#set(p, INVITED | MISSED, false);
  }

  isWanted(p: PeerId): boolean {
    return (this.#flags[p]! & WANTED) !== 0;
  }

  setWanted(p: PeerId): void {
    this.#set(p, WANTED, true);
  }

  isTesting(p: PeerId): boolean {
    return (this.#flags[p]! & TESTING) !== 0;
  }

  setTesting(p: PeerId, testing: boolean): void {
    this.#set(p, TESTING, testing);
  }

  #set(p: PeerId, flag: number, on: boolean): void {
    if (on) this.#flags[p]! |= flag;
    else this.#flags[p]! &= ~flag;
  }

  clearAlternates(p: PeerId): void {
    this.alternates[p] = 0;
  }

  /** Unless its address is among them. */
  addAlternate(p: PeerId, address: number, port: number): void {
    const count = this.alternates[p]!;
    if (this.hasAlternate(p, address)) return;
    this.#alternateAddresses[ALTERNATES_MAX * p + count] = address;
    this.#alternatePorts[ALTERNATES_MAX * p + count] = port;
    this.alternates[p] = count + 1;
  }

  hasAlternate(p: PeerId, address: number): boolean {
    for (let i = 0; i < this.alternates[p]!; i++) {
      if (this.alternateAddress(p, i) === address) return true;
    }
    return false;
  }

  alternateAddress(p: PeerId, i: number): number {
    return this.#alternateAddresses[ALTERNATES_MAX * p + i]!;
  }

  alternatePort(p: PeerId, i: number): number {
    return this.#alternatePorts[ALTERNATES_MAX * p + i]!;
  }

  isAlternate(p: PeerId, address: number, port: number): boolean {
    for (let i = 0; i < this.alternates[p]!; i++) {
      if (this.alternateAddress(p, i) === address && this.alternatePort(p, i) === port) return true;
    }
    return false;
  }

  /** Whether the peer was on our own link lately, or where it was then. RFC 4380 §5.2.4 case 3 */
  isLocal(p: PeerId, now: Millis): boolean {
    return now - this.localAt[p]! < LOCAL_MEMORY;
  }

  isLocalAt(p: PeerId, address: number, port: number): boolean {
    return this.localPort[p] === port && this.localAddress[p] === address &&
      this.localAt[p] !== -Infinity;
  }
}

/** RFC 4380 §5.2.4 case 3 */
export const LOCAL_MEMORY: Millis = 600_000;
