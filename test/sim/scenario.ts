import { teredo } from "#test/protocol/packets.ts";
import { RELAY, RELAY_PORT, SERVER } from "#test/protocol/vectors.ts";
import assert from "node:assert/strict";
import type { Client } from "./client.ts";
import { NAT_KINDS } from "./nat.ts";
import { makeBubble, makeData, REQUEST } from "./packets.ts";
import type { World } from "./world.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
/** After this long a relay that is left alone has forgotten everybody. */
const QUIET = 12 * MINUTE;

export interface Life {
  readonly clients: number;
  readonly duration: number;
  readonly meanStay: number;
}

/** Clients come, talk to hosts both ways, move and vanish, all at random. */
export class Scenario {
  readonly world: World;
  readonly #life: Life;
  readonly #end: number;

  constructor(world: World, life: Life) {
    this.world = world;
    this.#life = life;
    this.#end = world.clock.now + life.duration;
    for (let i = 0; i < life.clients; i++) {
      world.clock.after(world.random.between(0, life.duration), () => this.#arrive());
    }
  }

  run(): void {
    const { clock } = this.world;
    clock.runUntil(this.#end);
    for (const client of [...this.world.clients]) this.world.removeClient(client);
    clock.runUntil(this.#end + QUIET);
    this.world.watch.checkEmpty();
    this.world.checkServer();
  }

  #arrive(): void {
    const { world } = this;
    const client = world.addClient(world.random.pick(NAT_KINDS));
    const left = this.#end - world.clock.now;
    const stay = Math.min(left, world.random.exponential(this.#life.meanStay));
    this.#often(client, 25 * SECOND, () => client.request(world.random.pick(world.hosts)));
    this.#often(client, 8 * MINUTE, () => this.#talk(client));
    this.#often(client, 60 * SECOND, () => this.#burst(client));
    this.#often(client, 12 * MINUTE, () => this.#stream(client));
    this.#often(client, 20 * MINUTE, () => client.move());
    world.clock.after(stay, () => {
      // Hosts go on sending to who has left, until they are told.
      const { address } = client;
      world.removeClient(client);
      for (let i = 0; i < 5 && address !== undefined; i++) {
        const packet = makeData(world.random.pick(world.hosts), address, world.nextNumber(), 0);
        world.clock.after(i * 3 * SECOND, () => world.sendIpv6(packet));
      }
    });
  }

  #often(client: Client, mean: number, act: () => void): void {
    const { clock, random } = this.world;
    clock.after(random.exponential(mean), () => {
      if (!client.isAlive || clock.now > this.#end) return;
      act();
      this.#often(client, mean, act);
    });
  }

  /** A host that was never heard of sends some packets at once: none is lost. */
  #burst(client: Client): void {
    const host = this.world.random.pick(this.world.hosts);
    const count = 1 + this.world.random.below(4);
    for (let i = 0; i < count; i++) this.world.sendToClient(host, client);
  }

  /** Requests and replies, for minutes: a flow that lives through a restart of the relay. */
  #talk(client: Client): void {
    const { clock, random, hosts } = this.world;
    const host = random.pick(hosts);
    const end = clock.now + random.between(MINUTE, 3 * MINUTE);
    const request = (): void => {
      if (clock.now > end || !client.isAlive) return;
      client.request(host);
      clock.after(random.between(SECOND, 8 * SECOND), request);
    };
    request();
  }

  /** Packets in one direction, for minutes: after the first none waits for a bubble. */
  #stream(client: Client): void {
    const { world } = this;
    const { clock, random } = world;
    const host = random.pick(world.hosts);
    const interval = random.between(0.7 * SECOND, 6 * SECOND);
    const { generation } = client;
    const end = clock.now + random.between(MINUTE, 3 * MINUTE);
    const startedAt = clock.now;
    const send = (): void => {
      const same = client.isAlive && client.generation === generation;
      if (clock.now > end || !same || client.qualifiedAt === Infinity) return;
      const number = world.sendToClient(host, client);
      const late = clock.now - startedAt > 10 * SECOND &&
        clock.now - world.restartedAt > 10 * SECOND;
      if (late) clock.after(SECOND, () => this.#checkFlow(client, generation, number));
      clock.after(interval, send);
    };
    send();
  }

  #checkFlow(client: Client, generation: number, number: number): void {
    const { world } = this;
    if (!client.isAlive || client.generation !== generation || world.isLossy) return;
    if (!world.isSettled) return;
    if (world.clock.now - world.restartedAt <= 2 * SECOND) return;
    assert.ok(!world.isExpected(number), `data ${number} of a stream was held up`);
  }
}

/** What strangers send: scans of the prefix, forged datagrams and noise. */
export function disturb(world: World, end: number): void {
  const { clock, random } = world;
  if (clock.now > end) return;
  const host = random.pick(world.hosts);
  const stranger = teredo(random.below(0xffffffff), random.below(0xffff), random.pick([SERVER, 1]));
  const victim = random.pick([...world.clients, undefined])?.address ?? stranger;
  const forged = makeData(victim, host, 0xffffffff, REQUEST);
  const bubble = makeBubble(victim, host);
  const noise = Uint8Array.from({ length: random.below(100) }, () => random.below(256));
  world.sendIpv6(makeData(host, stranger, world.nextNumber(), 0));
  for (const b of [forged, bubble, noise]) {
    world.sendDatagram(b, random.below(0xffffffff), 1 + random.below(65_535), RELAY, RELAY_PORT);
  }
  clock.after(random.exponential(2 * SECOND), () => disturb(world, end));
}
