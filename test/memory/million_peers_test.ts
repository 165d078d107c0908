import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import process from "node:process";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { PEER_LIFETIME, PEER_VALIDITY } from "#src/protocol/peers/table.ts";
import { addressOf, Crowd, CROWD_OPTIONS, fixedHash, MILLION, portOf } from "./crowd.ts";

/** Most timers that one tick sees to. */
const TICK_LIMIT = 512;

/** Every client from `from` to `to` - 1 gets its packet at once, at its own mapping. */
function assertServed(crowd: Crowd, from: number, to: number): void {
  const { delivered } = crowd;
  let wrong = 0;
  for (let client = from; client < to; client++) {
    const drop = crowd.toClient(client);
    if (drop !== Drop.None || crowd.lastAddress !== addressOf(client)) wrong++;
    else if (crowd.lastPort !== portOf(client)) wrong++;
  }
  assert.equal(wrong, 0);
  assert.equal(crowd.delivered - delivered, to - from);
}

/** Lets all that is due happen, and checks that no single tick does more than its share. */
function tickAll(crowd: Crowd): number {
  let ticks = 0;
  while (crowd.relay.nextTimer() <= crowd.now) {
    const before = crowd.relay.gauges;
    crowd.relay.tick(crowd.now, crowd);
    const after = crowd.relay.gauges;
    assert.ok(before.peers - after.peers <= TICK_LIMIT, "too many peers in one tick");
    assert.ok(before.heldPackets - after.heldPackets <= 2 * TICK_LIMIT);
    ticks++;
  }
  return ticks;
}

test("Relay serves 1,048,576 live peers, lets none go, and forgets them bit by bit (R-26)", () => {
  const crowd = new Crowd({}, fixedHash);
  crowd.meet(0, MILLION);
  assert.equal(crowd.relay.gauges.trusted, MILLION);
  assertServed(crowd, 0, MILLION);

  assert.equal(crowd.toClient(MILLION), Drop.PeerTableFull); // all are there: a stranger waits
  assert.equal(crowd.fromClient(MILLION), Drop.UnknownPeer);
  assert.equal(crowd.relay.gauges.trusted, MILLION);

  crowd.now += PEER_LIFETIME - 1;
  tickAll(crowd);
  assert.equal(crowd.relay.gauges.peers, MILLION);
  crowd.now += PEER_LIFETIME;
  const ticks = tickAll(crowd);
  assert.ok(ticks >= MILLION / TICK_LIMIT);
  assert.deepEqual(crowd.relay.gauges, {
    peers: 0,
    trusted: 0,
    resolving: 0,
    failed: 0,
    heldPackets: 0,
    heldBytes: 0,
  });
  assert.equal(crowd.relay.nextTimer(), Infinity);
  assert.equal(crowd.count("peers_expired"), MILLION);
});

test("Relay lets no scan of 2^20 fresh destinations push out a trusted peer (R-26)", () => {
  const trusted = 65_536;
  const crowd = new Crowd({}, fixedHash);
  crowd.meet(0, trusted);
  for (let i = 0; i < MILLION; i++) {
    assert.equal(crowd.toClient(trusted + i), Drop.None);
    const { peers, heldBytes } = crowd.relay.gauges;
    if (peers > MILLION || heldBytes > CROWD_OPTIONS.holdMemory) assert.fail("out of bounds");
  }
  assert.equal(crowd.relay.gauges.peers, MILLION);
  assert.equal(crowd.relay.gauges.trusted, trusted);
  assert.equal(crowd.count("peers_evicted"), trusted); // all of them strangers
  assertServed(crowd, 0, trusted);

  crowd.now += 10_000; // nobody answered
  tickAll(crowd);
  assert.equal(crowd.relay.gauges.heldPackets, 0);
  assertServed(crowd, 0, trusted);
});

test("Relay lets strangers give way first, then the idle, the longest silent first (R-26)", () => {
  const third = 10_000;
  const crowd = new Crowd({ maxPeers: 3 * third }, fixedHash);
  crowd.meet(0, third); // will be idle
  crowd.now += PEER_VALIDITY;
  crowd.meet(third, 2 * third); // are there
  for (let i = 2 * third; i < 3 * third; i++) crowd.toClient(i); // strangers
  const newcomers = 3 * third;

  for (let i = 0; i < third; i++) {
    assert.equal(crowd.toClient(newcomers + i), Drop.None);
    crowd.fromClient(newcomers + i);
    assert.equal(crowd.relay.gauges.trusted, 2 * third + i + 1); // a stranger went
  }
  for (let i = third; i < 2 * third; i++) {
    const before = crowd.delivered;
    assert.equal(crowd.toClient(newcomers + i), Drop.None);
    assert.equal(crowd.relay.gauges.trusted, 3 * third - 1); // one that was idle went
    crowd.fromClient(newcomers + i);
    assert.equal(crowd.delivered, before + 1);
  }
  for (let i = 2 * third; i < 2 * third + 100; i++) {
    assert.equal(crowd.toClient(newcomers + i), Drop.PeerTableFull);
  }
  assert.equal(crowd.count("peers_evicted"), 2 * third);
  assertServed(crowd, third, 2 * third);
  assertServed(crowd, newcomers, newcomers + 2 * third);
});

for (const maxPeers of [1, 2, 3, 5, 17, 349_526]) {
  test(`Relay with room for ${maxPeers} peers, as a worker's share may be, serves as many (R-26)`, () => {
    const crowd = new Crowd({ maxPeers }, fixedHash);
    crowd.meet(0, maxPeers);
    assertServed(crowd, 0, maxPeers);
    assert.equal(crowd.toClient(maxPeers), Drop.PeerTableFull);
    crowd.now += PEER_VALIDITY;
    crowd.meet(maxPeers, 2 * maxPeers);
    assertServed(crowd, maxPeers, 2 * maxPeers);
    assert.equal(crowd.count("peers_evicted"), maxPeers);
  });
}

test("1,048,576 live peers take 160 bytes each of the process, all told (R-26)", () => {
  // A process of its own: what other tests left behind is not the peers'.
  const script = join(dirname(import.meta.dirname!), "load/peers_report.ts");
  const run = process.versions["deno"] === undefined ? [] : ["run", "-A", "--no-check", "-q"];
  const child = spawnSync(process.execPath, [...run, script, "--memory"], { encoding: "utf8" });
  assert.equal(child.status, 0, child.stderr);
  const report = JSON.parse(child.stdout);
  assert.equal(report.peers, MILLION);
  assert.ok(report.bytesPerPeer > 64, `${report.bytesPerPeer} is less than an entry has`);
  assert.ok(report.bytesPerPeer <= 160, `${report.bytesPerPeer} bytes a peer`);
});
