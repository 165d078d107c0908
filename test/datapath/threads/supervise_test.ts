import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { Fates } from "#src/datapath/fates/wish.ts";
import { SharedValue } from "#src/datapath/threads/shared_value.ts";
import { SharedState } from "#src/datapath/threads/shared.ts";
import { HEARTBEAT_CHECK } from "#src/datapath/threads/hang.ts";
import {
  oldestBeat,
  superviseThreads,
  type ThreadHooks,
  type WorkerStart,
} from "#src/datapath/threads/supervise.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { Wake } from "#src/datapath/threads/wake.ts";
import { Counter } from "#src/protocol/counters.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";

const LOOPBACK = 0x7f000001;
/** How long to wait for what must come. */
const PATIENCE_MS = 60_000;
const libc = await openLibc();

const OPTIONS = {
  prefix: SERVICE_PREFIX,
  serverAddress: LOOPBACK,
  secondaryAddress: LOOPBACK,
  ownAddresses: [LOOPBACK],
  mtu: 1280,
  refuseReserved: false,
  requireAuthentication: false,
  secrets: [],
  solicitationRate: 0,
  solicitationBurst: 1,
  forwardRate: 0,
  icmpMaxLength: 88,
};

/** Threads of a server on loopback sockets of any port. */
async function startThreads(count: number, hooks: ThreadHooks) {
  const arena = new Arena(libc, 65_536);
  const descriptors: number[] = [];
  const open = () => {
    const address = { address: LOOPBACK, port: 0, buffer: 65_536 };
    const { fd } = openUdpSocket(LINUX_KERNEL, libc, arena, address);
    descriptors.push(fd);
    return fd;
  };
  const start = (): WorkerStart => {
    const wake = new Wake(libc, arena);
    descriptors.push(wake.fd);
    const shared = new SharedState();
    const data = {
      role: "server",
      shared: shared.buffer,
      // The thread never gets to send natively, so any descriptor stands in for the raw socket.
      descriptors: { primary: open(), secondary: open(), ipv6: open(), wake: wake.fd },
      rules: new SharedValue(1_024).buffer,
      fates: new Fates(1).optionsOf(0),
      options: { ...OPTIONS, algorithm: "sha1" },
      seeds: [1, 2],
    } as const;
    return { data, shared, wake };
  };
  const starts = Array.from({ length: count }, start);
  const datapath = await superviseThreads(starts, {
    stopping: hooks.stopping,
    ended: () => {
      for (const fd of descriptors) libc.call.close(fd);
      arena.close();
      hooks.ended();
    },
  });
  return { datapath, starts, descriptors };
}

const NO_HOOKS: ThreadHooks = { stopping: () => {}, ended: () => {} };

async function until(what: string, ask: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!ask()) {
    assert.ok(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

for (const count of [1, 3]) {
  test(`Datapath.stop() ends ${count} threads, also when what comes before it fails`, async () => {
    for (const failure of [undefined, new Error("no answer from the kernel")]) {
      const told: string[] = [];
      const { datapath } = await startThreads(count, {
        stopping: () => {
          told.push("stopping");
          if (failure !== undefined) throw failure;
        },
        ended: () => told.push("ended"),
      });
      const stopped = datapath.stop();
      if (failure === undefined) await stopped;
      else await assert.rejects(stopped, failure);
      assert.deepEqual(told, ["stopping", "ended"]);
      await datapath.ended;
      await datapath.stop(); // once more does no harm
      assert.deepEqual(told, ["stopping", "ended"]);
    }
  });
}

test("Datapath: when one thread ends by itself all do, and it is a failure that says which", async () => {
  const told: string[] = [];
  const { datapath, starts, descriptors } = await startThreads(3, {
    stopping: () => told.push("stopping"),
    ended: () => told.push("ended"),
  });
  const { data, wake } = starts[1]!;
  assert.ok(data.role === "server");
  descriptors.splice(descriptors.indexOf(data.descriptors.primary), 1);
  libc.call.close(data.descriptors.primary);
  wake.signal();
  await assert.rejects(datapath.ended, /^Error: Worker 2 of 3: .*closed under it/);
  assert.deepEqual(told, ["ended"], "once, after the last one");
  await assert.rejects(datapath.stop(), /closed under it/);
});

test("superviseThreads() fails when one thread cannot start, and leaves none", async () => {
  let ended = 0;
  const arena = new Arena(libc, 65_536);
  const start = (role: string): WorkerStart => {
    const wake = new Wake(libc, arena);
    const shared = new SharedState();
    const descriptors = { primary: -1, secondary: -1, ipv6: -1, wake: wake.fd };
    const fates = new Fates(1).optionsOf(0);
    const common = { shared: shared.buffer, fates, descriptors, seeds: [1, 2] as const };
    const rules = new SharedValue(1_024).buffer;
    const data = { role, ...common, rules, options: { ...OPTIONS, algorithm: "sha1" } };
    return { data, shared, wake } as WorkerStart;
  };
  // A relay without its options is none.
  const starts = [start("server"), start("relay"), start("server")];
  await assert.rejects(
    superviseThreads(starts, { ...NO_HOOKS, ended: () => ended++ }),
    /^Error: Worker 2 of 3: /,
  );
  assert.equal(ended, 1);
  for (const { wake } of starts) libc.call.close(wake.fd);
  arena.close();
});

test("Datapath.counters() and levels() are sums, one thread's refusal is the datapath's", async () => {
  const { datapath, starts } = await startThreads(3, NO_HOOKS);
  starts.forEach(({ shared }, i) => {
    shared.counters[Counter.peers_created] = 10 ** i;
    shared.levels[1] = 2 * 10 ** i;
    shared.levels[4] = 5 * 10 ** i;
    shared.levels[8] = 3 * 10 ** i;
    shared.levels[9] = 4 * 10 ** i;
    shared.levels[10] = 6 * 10 ** i;
    shared.levels[12] = 7 * 10 ** i;
  });
  assert.equal(datapath.counters()[Counter.peers_created], 111);
  starts[0]!.shared.counters[Counter.peers_created]! += 1;
  assert.equal(datapath.counters()[Counter.peers_created], 112, "not the sum of sums");
  assert.deepEqual(datapath.levels(), {
    peers: 222,
    peersTrusted: 0,
    peersResolving: 333,
    peersFailed: 444,
    heldPackets: 0,
    heldBytes: 555,
    leases: 666,
    leasesRefused: 0,
    passedUp: 777,
    passedDown: 0,
  });
  assert.deepEqual(datapath.refusedOffloads(), []);
  starts[2]!.shared.levels[5] = 1;
  starts[1]!.shared.levels[7] = 1;
  assert.deepEqual(datapath.refusedOffloads(), ["tun", "udpSegment"]);
  await datapath.stop();
});

test("Datapath.heartbeatAge() is that of the thread that was silent longest", async () => {
  const { datapath, starts } = await startThreads(2, NO_HOOKS);
  // One thread stays in its loop; the other is told to leave it, and so gives no more beats.
  const age = datapath.heartbeatAge();
  assert.ok(age >= 0);
  const [first, second] = starts.map(({ shared }) => shared);
  const levels = second!.levels;
  const beat = levels[0]!;
  await until("the first gives beats", () => first!.levels[0]! > 1);
  const frozen = setInterval(() => levels[0] = beat, 1);
  await until("the age grows past a beat of the first", () => datapath.heartbeatAge() > 600);
  clearInterval(frozen);
  await datapath.stop();
});

test("oldestBeat() counts no stop of all threads, and each look at one that is silent", () => {
  const workers = [new SharedState(), new SharedState()];
  let now = 0;
  const age = oldestBeat(workers, () => now);
  age();
  now += 60_000;
  assert.ok(age() < 2 * HEARTBEAT_CHECK, "they had no turn to give a beat");
  for (const { levels } of workers) levels[0] = levels[0]! + 1;
  assert.equal(age(), 0);
  for (let look = 1; look <= 8; look++) {
    now += HEARTBEAT_CHECK;
    workers[0]!.levels[0] = look + 1;
    assert.equal(age(), look * HEARTBEAT_CHECK, "the second is silent");
  }
});
