import assert from "node:assert/strict";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { equalIpv6 } from "#src/protocol/wire/ipv6.ts";
import { writeU32 } from "#src/protocol/wire/bytes.ts";
import { bubble, concat, origin, teredo } from "#test/protocol/packets.ts";
import { alternatesTrailer, nonceTrailer, portTrailer } from "#test/protocol/client/lab.ts";
import { ALL_NAT_KINDS, type NatKind } from "../nat.ts";
import { makeData, REQUEST } from "../packets.ts";
import { FORGED } from "./watch.ts";
import type { SimClient } from "./client.ts";
import type { ClientWorld } from "./world.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
/** A packet between two who are there, and can reach each other, is answered by then. */
const DEADLINE = 14 * SECOND;
/** From then on a client is one that others can count on. */
const SETTLED = 14 * SECOND;
/** After this long a client that is left alone has forgotten everybody: 20 refreshes of a random port first. */
const QUIET = 17 * MINUTE;
/** Those whose mapping is one for all. */
const INDEPENDENT: readonly NatKind[] = ["full cone", "restricted", "port restricted"];

export interface Life {
  readonly clients: number;
  readonly duration: number;
  readonly meanStay: number;
}

interface Member {
  readonly client: SimClient;
  readonly kind: NatKind;
  readonly since: number;
}

/** Clients come, talk to hosts and to each other, and vanish, all at random. */
export class Crowd {
  readonly world: ClientWorld;
  readonly seen = { asked: 0, answered: 0, peers: 0, peersAnswered: 0 };
  readonly #life: Life;
  readonly #end: number;
  readonly #members = new Map<SimClient, Member>();

  constructor(world: ClientWorld, life: Life) {
    this.world = world;
    this.#life = life;
    this.#end = world.clock.now + life.duration;
    for (let i = 0; i < life.clients; i++) {
      world.clock.after(world.random.between(0, life.duration), () => this.#arrive());
    }
  }

  /** To the end; those who stayed then forget everybody, and everybody's packets. */
  run(): void {
    const { world } = this;
    world.clock.runUntil(this.#end);
    const left = [...world.clients];
    world.run(QUIET);
    for (const { core, ports, watch } of left) {
      const { gauges } = core;
      assert.deepEqual([gauges.peers, gauges.heldPackets, gauges.randomPorts], [0, 0, 0]);
      assert.equal(ports.size, 1);
      watch.checkMaintenance(world.clock.now);
    }
  }

  #arrive(): void {
    const { world } = this;
    const { random, clock } = world;
    const kind = random.pick(ALL_NAT_KINDS);
    const nat = world.addNat(kind, random.chance(0.5), random.between(45, 300) * SECOND);
    const client = world.addClient(nat);
    this.#members.set(client, { client, kind, since: clock.now });
    this.#often(client, 30 * SECOND, () => this.#askHost(client));
    this.#often(client, 40 * SECOND, () => this.#askPeer(client));
    this.#often(client, 45 * SECOND, () => client.watch.checkMaintenance(clock.now));
    clock.after(random.exponential(this.#life.meanStay), () => {
      if (clock.now < this.#end) this.#leave(client);
    });
  }

  #leave(client: SimClient): void {
    this.#members.delete(client);
    this.world.removeClient(client);
  }

  #often(client: SimClient, mean: number, act: () => void): void {
    const { clock, random } = this.world;
    clock.after(random.exponential(mean), () => {
      if (!client.isUp || clock.now > this.#end) return;
      act();
      this.#often(client, mean, act);
    });
  }

  #isSettled(client: SimClient): boolean {
    const { now } = this.world.clock;
    const { state, changedAt } = client.core.status();
    return client.isUp && state === "qualified" && now - changedAt >= SETTLED;
  }

  #askHost(client: SimClient): void {
    const { world } = this;
    const counts = this.#isSettled(client);
    const number = client.request(world.random.pick(world.hosts));
    if (!counts) return;
    this.seen.asked++;
    this.#expect(number, client, undefined, () => this.seen.answered++);
  }

  #askPeer(client: SimClient): void {
    const { world } = this;
    const other = world.random.pick([...this.#members.values()]);
    const to = other.client.teredo;
    if (other.client === client || to === undefined) return;
    const { kind } = this.#members.get(client)!;
    const areSettled = this.#isSettled(client) && this.#isSettled(other.client);
    const number = client.request(to);
    if (!areSettled || !reaches(kind, other.kind)) return;
    this.seen.peers++;
    this.#expect(number, client, other.client, () => this.seen.peersAnswered++);
  }

  /** With loss it may take longer than anybody waits. */
  #expect(
    number: number,
    client: SimClient,
    other: SimClient | undefined,
    count: () => void,
  ): void {
    const { world } = this;
    const [address, othersAddress] = [client.teredo!, other?.teredo];
    world.clock.after(DEADLINE, () => {
      if (client.arrived.has(number)) return count();
      const isThere = client.isUp && (other?.isUp ?? true);
      const same = isThere && isAt(client, address) &&
        (other === undefined || isAt(other, othersAddress!));
      if (world.loss > 0 || !same) return;
      const to = other === undefined ? "a host" : `one behind ${other.nat!.kind} NAT`;
      const at = formatIpv4(client.nat!.address);
      assert.fail(
        `${number} from ${at}, behind ${client.nat!.kind} NAT, to ${to} was not answered`,
      );
    });
  }
}

function isAt(client: SimClient, address: Uint8Array): boolean {
  const { teredo } = client;
  return teredo !== undefined && equalIpv6(teredo, 0, address, 0);
}

/**
 * Whether the source reaches the destination whatever server each has, and whatever else passes their
 * NATs: RFC 6081 Figure 1 without the port predictions, and without the bubbles that servers discard, of
 * a client behind a symmetric NAT to another server than its own (RFC 4380 §5.3.1, case 5).
 */
function reaches(source: NatKind, destination: NatKind): boolean {
  if (!INDEPENDENT.includes(source)) return false;
  return INDEPENDENT.includes(destination) || source === "full cone" ||
    (source === "restricted" && destination !== "address symmetric");
}

/** What strangers send to clients: forged data, advertisements, nonces, origins, and noise. */
export function disturb(world: ClientWorld, end: number): void {
  const { clock, random } = world;
  if (clock.now > end) return;
  const clients = [...world.clients];
  if (clients.length > 1) {
    const victim = random.pick(clients);
    const friend = random.pick(clients);
    const to = victim.teredo;
    const from = friend.teredo;
    if (to !== undefined && from !== undefined && friend !== victim) {
      const at = { address: random.below(0xffffffff), port: 1 + random.below(65_535) };
      const nonce = new Uint8Array(4);
      writeU32(nonce, 0, random.below(0xffffffff));
      const guess = nonceTrailer([...nonce].map((it) => it.toString(16).padStart(2, "0")).join(""));
      const noise = Uint8Array.from({ length: random.below(120) }, () => random.below(256));
      const forged = [
        makeData(from, to, FORGED, REQUEST),
        makeData(random.pick(world.hosts), to, FORGED, REQUEST),
        concat(bubble(from, to), guess),
        concat(origin(at.address, at.port), bubble(from, to), guess),
        bubble("fe80::1234:5678:9abc:def0", to),
        noise,
      ];
      for (const b of forged) victim.receive(b, at.address, at.port, 3_797);
      const named = at.address || 1;
      const many = [1, 2, 3, 4].map((port) => ({ address: named, port }));
      for (const server of [named, random.pick(world.servers).primary]) {
        const peer = bubble(teredo(named, at.port, server), to);
        forged.push(
          concat(
            origin(named, at.port),
            peer,
            guess,
            portTrailer(at.port),
            alternatesTrailer(...many),
          ),
        );
      }
      // From its server's address, which anybody can forge.
      const server = random.pick(world.servers).primary;
      for (const b of forged.slice(3)) victim.receive(b, server, 3_544, 3_797);
    }
  }
  clock.after(random.exponential(SECOND), () => disturb(world, end));
}
