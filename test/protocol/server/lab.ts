import assert from "node:assert/strict";
import type { Authenticate } from "#src/protocol/wire/authentication.ts";
import { createHmac } from "node:crypto";
import { Counter, type CounterName, DROPS_AT, makeCounters } from "#src/protocol/counters.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { Server, type ServerPassage } from "#src/protocol/server/rules.ts";
import {
  PRIMARY,
  SECONDARY,
  type ServerOptions,
  type ServerSocket,
} from "#src/protocol/server/contract.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { arrival } from "../packets.ts";
import { CLIENT, CLIENT_PORT, SECONDARY_SERVER, SERVER, toHex } from "../vectors.ts";

export const hmacSha1: Authenticate = (key, message) =>
  createHmac("sha1", key).update(message).digest();

export const ALICE = {
  clientId: new TextEncoder().encode("alice"),
  key: new TextEncoder().encode("0123456789abcdef0123"),
  valid: true,
};

export const OPTIONS: ServerOptions = {
  prefix: SERVICE_PREFIX,
  serverAddress: SERVER,
  secondaryAddress: SECONDARY_SERVER,
  ownAddresses: [SERVER, SECONDARY_SERVER],
  mtu: 1280,
  refuseReserved: false,
  requireAuthentication: false,
  secrets: [],
  solicitationRate: 0,
  solicitationBurst: 1,
  forwardRate: 0,
  icmpMaxLength: 88,
};

/** What a server gave to its sink. */
export type Sent =
  | { to: "udp"; socket: ServerSocket; hex: string; address: number; port: number }
  | { to: "ipv6"; hex: string };

export interface From {
  socket?: ServerSocket;
  address?: number;
  port?: number;
  now?: number;
  /** What lies around the datagram in its frame; nobody may see it. */
  fill?: number;
}

const HEADROOM = 64;

/** A server, the datagrams it is given, and all it does in return. */
export class ServerLab {
  readonly counters = makeCounters();
  readonly server: Server;
  /** What datagrams are given to. */
  passage: ServerPassage;
  sent: Sent[] = [];

  constructor(options: Partial<ServerOptions> = {}) {
    this.server = new Server({ ...OPTIONS, ...options }, this.counters, hmacSha1, 1, 2);
    this.passage = this.server;
  }

  /** Gives the server one datagram, by default from the client of the vectors. */
  receive(datagram: Uint8Array, from: From = {}): Drop {
    const frame = new Uint8Array(HEADROOM + datagram.length + 32).fill(from.fill ?? 0xee);
    frame.set(datagram, HEADROOM);
    this.sent = [];
    const { address = CLIENT, port = CLIENT_PORT, socket = PRIMARY, now = 0 } = from;
    const came = arrival(frame, address, port, 0, HEADROOM, datagram.length);
    return this.passage.fromUdp(socket, came, now, {
      sendDatagram: (socket, { bytes, at, length, address, port }) => {
        this.sent.push({ to: "udp", socket, hex: toHex(bytes, at, length), address, port });
      },
      sendIpv6: (b, at, length) => {
        this.sent.push({ to: "ipv6", hex: toHex(b, at, length) });
      },
    });
  }

  count(name: CounterName): number {
    return this.counters[Counter[name]]!;
  }

  drops(reason: Drop): number {
    return this.counters[DROPS_AT + reason]!;
  }

  /** All drops of all reasons. */
  get allDrops(): number {
    return this.counters.subarray(DROPS_AT).reduce((sum, n) => sum + n, 0);
  }
}

/** The packet is discarded for exactly this reason, counted once, and nobody hears of it. */
export function assertSilent(lab: ServerLab, datagram: Uint8Array, reason: Drop, from: From = {}) {
  const before = lab.drops(reason);
  const allBefore = lab.allDrops;
  const drop = lab.receive(datagram, from);
  assert.equal(DROP_NAMES[drop], DROP_NAMES[reason]);
  assert.deepEqual(lab.sent, []);
  assert.equal(lab.drops(reason), before + 1);
  assert.equal(lab.allDrops, allBefore + 1);
}

/** Exactly one datagram goes to the client of the vectors, or to `to`. */
export function assertAnswer(
  lab: ServerLab,
  hex: string,
  socket: typeof PRIMARY | typeof SECONDARY = PRIMARY,
  address = CLIENT,
  port = CLIENT_PORT,
) {
  assert.deepEqual(lab.sent, [{ to: "udp", socket, hex, address, port }]);
}
