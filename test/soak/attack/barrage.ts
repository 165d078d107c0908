import type { Arena } from "#ffi/arena.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { IPV6_LENGTH, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  BUBBLE_LENGTH,
  writeAuthentication,
  writeBubble,
  writeRouterSolicitation,
} from "#src/protocol/wire/build.ts";
import { writeU32 } from "#src/protocol/wire/bytes.ts";
import {
  TEREDO_PORT,
  writeLinkLocal,
  writeTeredoAddress,
} from "#src/protocol/wire/teredo_address.ts";
import { type LinkSocket, Messages } from "#test/bench/link_socket.ts";
import {
  type Link,
  linkBetween,
  NATIVE_HEAD,
  TUNNEL_HEAD,
  writeInner,
  writeNativeHead,
  writeTunnelHead,
} from "#test/bench/packet_frames.ts";
import { PREFIX } from "#test/load/plan.ts";
import type { Prng } from "#test/sim/prng.ts";

/** What strangers send: to the relay's socket, to its IPv6 side, to the server. */
export type Arm = "strangers" | "scan" | "solicitations";

/** What `attacker_main.ts` is told. */
export interface AttackPlan {
  readonly arm: Arm;
  readonly seed: number;
  readonly seconds: number;
  /** Interface, and the Ethernet addresses of whoever seems to send, and of the victim. */
  readonly link: string;
  readonly from: string;
  readonly to: string;
  /** A.B.C.D of the victims, the relay's port, and the host that strangers want to reach. */
  readonly relay: string;
  readonly relayPort: number;
  readonly server: string;
  readonly host: string;
}

/** IPv4 addresses that strangers seem to come from, and Teredo clients that the scan asks for. */
export const SOURCES: number = 2 ** 20;
export const SCANNED: number = 2 ** 22;
const FIRST_SOURCE = parseIpv4("60.0.0.0")!;
const FIRST_SCANNED = parseIpv4("64.0.0.0")!;
/** Servers that the scanned addresses name: as many as the scan has of 256. */
const FIRST_SCANNED_SERVER = parseIpv4("72.0.0.0")!;
/** The network that scans, one provider's: who scans wants the answers. */
const SCANNER = parseIpv6("2a02:db8::")!;
const BATCH = 64;
const SLOT = 512;
const PORT = 4_000;
const DATA_LENGTH = 88;
const JUNK_LENGTH = 100;
/** A step that visits each of a power of two once, none near the one before. */
const STRIDE = 0x9e3779b1;
const NOTHING = new Uint8Array(0);
const FLAGS = 0x1234;

/** Frames of one arm, each written anew: no two of a round have the same source or destination. */
export class Barrage {
  readonly #b: Uint8Array;
  readonly #plan: AttackPlan;
  readonly #random: Prng;
  readonly #link: Link;
  readonly #messages: Messages;
  readonly #slots: number;
  readonly #relay: number;
  readonly #server: number;
  readonly #host: Uint8Array;
  readonly #client = new Uint8Array(IPV6_LENGTH);
  readonly #other = new Uint8Array(IPV6_LENGTH);
  #sent = 0;

  static readonly arenaLength: number = BATCH * SLOT + Messages.lengthOf(BATCH, 1) + 4_096;

  constructor(arena: Arena, plan: AttackPlan, random: Prng) {
    this.#b = arena.u8;
    this.#plan = plan;
    this.#random = random;
    this.#link = linkBetween(plan.from, plan.to);
    this.#messages = new Messages(arena, BATCH, 1);
    this.#slots = arena.take(BATCH * SLOT);
    this.#relay = parseIpv4(plan.relay)!;
    this.#server = parseIpv4(plan.server)!;
    this.#host = parseIpv6(plan.host)!;
  }

  /** Sends {@link BATCH} frames. @returns how many the link took */
  send(link: LinkSocket): number {
    for (let i = 0; i < BATCH; i++) {
      const at = this.#slots + i * SLOT;
      const head = this.#plan.arm === "scan" ? NATIVE_HEAD : TUNNEL_HEAD;
      const length = this.#write(at, this.#sent++);
      this.#messages.set(i, at, head, at + head, length, 1);
    }
    return link.send(this.#messages.at(0), BATCH);
  }

  /** @returns the length of what stands behind the head */
  #write(at: number, i: number): number {
    switch (this.#plan.arm) {
      case "strangers":
        return this.#writeStranger(at, i);
      case "scan":
        return this.#writeScan(at, i);
      case "solicitations":
        return this.#writeSolicitation(at, i);
    }
  }

  /** In turn: noise, a packet of a client nobody has met, a bubble that answers none, a forged source. */
  #writeStranger(at: number, i: number): number {
    const b = this.#b;
    const body = at + TUNNEL_HEAD;
    const source = this.#source(i);
    const kind = i & 3;
    // What is forged says that it comes from the client beside it.
    this.#writeClient(this.#client, kind === 3 ? source ^ 1 : source, this.#server);
    let length = DATA_LENGTH;
    if (kind === 0) {
      length = 4 * (1 + this.#random.below(JUNK_LENGTH / 4));
      for (let k = 0; k < length; k += 4) writeU32(b, body + k, this.#random.below(2 ** 32));
    } else if (kind === 2) {
      writeU32(this.#other, 0, 0xfe800000);
      writeU32(this.#other, 8, this.#random.below(2 ** 32));
      writeU32(this.#other, 12, this.#random.below(2 ** 32));
      length = BUBBLE_LENGTH;
      writeBubble(b, body, this.#client, 0, this.#other, 0);
    } else writeInner(b, body, this.#client, this.#host, PORT, DATA_LENGTH, i);
    this.#writeTunnel(at, source, this.#relay, this.#plan.relayPort, length);
    return length;
  }

  #writeScan(at: number, i: number): number {
    const target = Math.imul(i, STRIDE) & (SCANNED - 1);
    this.#writeClient(this.#client, FIRST_SCANNED + target, FIRST_SCANNED_SERVER + (target >>> 8));
    this.#other.set(SCANNER);
    writeU32(this.#other, 4, this.#random.below(2 ** 32));
    writeU32(this.#other, 12, this.#random.below(2 ** 32));
    const length = 8;
    this.#b.fill(0, at + NATIVE_HEAD, at + NATIVE_HEAD + length);
    writeNativeHead(this.#b, at, this.#link, this.#other, this.#client, PORT, length, 1);
    return length;
  }

  #writeSolicitation(at: number, i: number): number {
    const source = this.#source(i);
    const body = at + TUNNEL_HEAD;
    writeLinkLocal(this.#other, 0, 0, source, PORT);
    const nonce = writeAuthentication(this.#b, body, NOTHING, NOTHING, new Uint8Array(8), 0, 0);
    const end = writeRouterSolicitation(this.#b, nonce, this.#other, 0);
    this.#writeTunnel(at, source, this.#server, TEREDO_PORT, end - body);
    return end - body;
  }

  #source(i: number): number {
    return FIRST_SOURCE + (Math.imul(i, STRIDE) & (SOURCES - 1));
  }

  #writeClient(b: Uint8Array, mappedAddress: number, serverAddress: number): void {
    const mapped = { mappedAddress: mappedAddress >>> 0, mappedPort: PORT };
    writeTeredoAddress(b, 0, { prefix: PREFIX, serverAddress, flags: FLAGS, ...mapped });
  }

  #writeTunnel(
    at: number,
    source: number,
    destination: number,
    destinationPort: number,
    length: number,
  ): void {
    const tunnel = { source, sourcePort: PORT, destination, destinationPort };
    writeTunnelHead(this.#b, at, this.#link, tunnel, length, 1);
  }
}
