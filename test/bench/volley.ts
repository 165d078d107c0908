import type { Arena } from "#ffi/arena.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  BUBBLE_LENGTH,
  writeAuthentication,
  writeBubble,
  writeRouterSolicitation,
} from "#src/protocol/wire/build.ts";
import { TEREDO_PORT, toBytes, writeLinkLocal } from "#src/protocol/wire/teredo_address.ts";
import { clientAddress, clientIpv6, GENERATOR_PORT, PREFIX } from "#test/load/plan.ts";
import { Messages } from "./link_socket.ts";
import {
  type Link,
  linkBetween,
  NATIVE_HEAD,
  NETWORK_AT,
  TUNNEL_HEAD,
  writeInner,
  writeNativeHead,
  writeTunnelHead,
} from "./packet_frames.ts";
import {
  LOAD_PORT,
  type SendCommand,
  SERVER_LOAD_PORT,
  type StationPlan,
} from "./station_contract.ts";

/** Most clients of one load, most packets in a row, longest packet. */
export const MAX_PEERS = 10_240;
export const MAX_BURST = 16;
const MAX_SIZE = 1280;
const HEAD_STRIDE = 128;
/** Fewer peers are written several times over, so that a system call takes a whole batch. */
const LEAST_MESSAGES = 64;
/** Authentication with a nonce alone, router solicitation. */
const SOLICITATION_LENGTH = 13 + 48;
const NOTHING = new Uint8Array(0);

/** All messages of one load, written before it starts: one burst for each of its clients. */
export class Volley {
  /** Messages in it. */
  count = 0;
  readonly messages: Messages;
  readonly #arena: Arena;
  readonly #plan: StationPlan;
  readonly #link: Link;
  readonly #heads: number;
  readonly #bodies: number;

  static readonly arenaLength: number = MAX_PEERS * (HEAD_STRIDE + MAX_SIZE) +
    Messages.lengthOf(MAX_PEERS, MAX_BURST) + 4096;

  constructor(arena: Arena, plan: StationPlan) {
    this.#arena = arena;
    this.#plan = plan;
    this.#link = linkBetween(plan.from, plan.to);
    this.#heads = arena.take(MAX_PEERS * HEAD_STRIDE);
    this.#bodies = arena.take(MAX_PEERS * MAX_SIZE);
    this.messages = new Messages(arena, MAX_PEERS, MAX_BURST);
  }

  /** Writes the load over the one before. */
  write(load: SendCommand): void {
    const { peers, first, burst } = load;
    const bodies = Math.max(peers, LEAST_MESSAGES);
    this.count = bodies;
    for (let i = 0; i < bodies; i++) {
      const head = this.#heads + i * HEAD_STRIDE;
      const body = this.#bodies + i * MAX_SIZE;
      const [headLength, each] = this.#writeOne(load, first + (i % peers), head, body);
      this.messages.set(i, head, headLength, body, each, burst);
    }
  }

  /** @returns lengths of head and body */
  #writeOne(load: SendCommand, client: number, head: number, body: number): [number, number] {
    const { size, burst } = load;
    const { host, plain } = this.#plan;
    const b = this.#arena.u8;
    switch (load.kind) {
      case "up": {
        writeInner(b, body, clientIpv6(client), parseIpv6(host)!, LOAD_PORT, size);
        const to = { address: this.#plan.relay, port: this.#plan.relayPort };
        this.#writeTunnel(head, client, GENERATOR_PORT, to, size, burst);
        return [TUNNEL_HEAD, size];
      }
      case "down":
        return this.#writeNative(head, body, host, clientIpv6(client), size, burst);
      case "plain-up":
        return this.#writeNative(head, body, plain, parseIpv6(host)!, size, burst);
      case "plain-down":
        return this.#writeNative(head, body, host, parseIpv6(plain)!, size, burst);
      case "solicit":
        writeSolicitation(b, body, client);
        return this.#writeToServer(head, client, SOLICITATION_LENGTH, burst);
      case "bubble": {
        const server = this.#plan.server;
        writeBubble(b, body, served(server, client), 0, served(server, client + 1), 0);
        return this.#writeToServer(head, client, BUBBLE_LENGTH, burst);
      }
    }
  }

  #writeNative(
    head: number,
    body: number,
    from: string,
    to: Uint8Array,
    size: number,
    burst: number,
  ): [number, number] {
    const b = this.#arena.u8;
    const each = size - (NATIVE_HEAD - NETWORK_AT);
    b.fill(0, body, body + each);
    writeNativeHead(b, head, this.#link, parseIpv6(from)!, to, LOAD_PORT, each, burst);
    return [NATIVE_HEAD, each];
  }

  #writeToServer(head: number, client: number, each: number, burst: number): [number, number] {
    const to = { address: this.#plan.server, port: TEREDO_PORT };
    this.#writeTunnel(head, client, SERVER_LOAD_PORT, to, each, burst);
    return [TUNNEL_HEAD, each];
  }

  #writeTunnel(
    head: number,
    client: number,
    sourcePort: number,
    to: { readonly address: string; readonly port: number },
    each: number,
    burst: number,
  ): void {
    const tunnel = {
      source: clientAddress(client),
      sourcePort,
      destination: parseIpv4(to.address)!,
      destinationPort: to.port,
    };
    writeTunnelHead(this.#arena.u8, head, this.#link, tunnel, each, burst);
  }
}

/** The Teredo address of a client of the server under test, in 16 bytes of its own. */
function served(server: string, client: number): Uint8Array {
  return toBytes({
    prefix: PREFIX,
    serverAddress: parseIpv4(server)!,
    flags: 0x1234,
    mappedAddress: clientAddress(client),
    mappedPort: SERVER_LOAD_PORT,
  });
}

function writeSolicitation(b: Uint8Array, at: number, client: number): void {
  const linkLocal = new Uint8Array(16);
  writeLinkLocal(linkLocal, 0, 0, clientAddress(client), SERVER_LOAD_PORT);
  const end = writeAuthentication(b, at, NOTHING, NOTHING, new Uint8Array(8), 0, 0);
  writeRouterSolicitation(b, end, linkLocal, 0);
}
