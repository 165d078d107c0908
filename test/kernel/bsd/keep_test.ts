import assert from "node:assert/strict";
import test from "node:test";
import { EIO } from "#ffi/posix.ts";
import { RouteChanges } from "#src/datapath/bsd/keep/changes.ts";
import { FREE_ATTEMPTS } from "#src/datapath/keep/patience.ts";
import type { Keeper, Kept, Upkeep } from "#src/datapath/keep/contract.ts";
import { bsdKernel } from "#src/datapath/bsd/kernel.ts";
import type { OpenRole } from "#src/datapath/datapath.ts";
import { openRelay } from "#src/datapath/start/relay.ts";
import { Life } from "../life.ts";
import { relaySteps } from "../relay_steps.ts";
import { relay } from "../roles.ts";
import { typeAsRoot } from "./commands.ts";
import { backendOf, type HostName, HOSTS, machineOf, tunnelsOf } from "./hosts.ts";
import type { BsdMachine } from "./machine.ts";
import { RTM_GET, RTM_LOSING, RTM_MISS } from "./numbers.ts";
import { BsdProcess, RELAY } from "./process.ts";

/** What a relay keeps of its interface on the BSDs of paper, and what it says where it cannot. */

const RENAMING: readonly HostName[] = ["FreeBSD 14", "FreeBSD 15", "DragonFly BSD 6"];
const FREEBSD: readonly HostName[] = ["FreeBSD 14", "FreeBSD 15"];
const OWN = "fe80::ffff:ffff:ffff";
/** What one change by an operator takes away. */
interface Taking {
  readonly name: string;
  readonly hosts: readonly HostName[];
  /** What an operator types. @param name of the interface */
  readonly lines: (name: string, host: HostName) => readonly string[];
  /** What is told to be restored. */
  readonly restored: readonly Kept[] | ((host: HostName) => readonly Kept[]);
  /** No notification is known of it: it is found within a second. */
  readonly isSilent?: (host: HostName) => boolean;
}

const deletesRoute = (host: HostName) =>
  host === "OpenBSD 7"
    ? "route -n delete -inet6 2001:: -prefixlen 32"
    : "route -n delete -inet6 2001::/32";

const TAKINGS: readonly Taking[] = [
  { name: "up", hosts: HOSTS, lines: (it) => [`ifconfig ${it} down`], restored: ["up"] },
  {
    name: "the MTU",
    hosts: HOSTS,
    lines: (it) => [`ifconfig ${it} mtu 1400`],
    restored: ["mtu"],
    isSilent: (host) => host === "NetBSD 10",
  },
  {
    name: "the address",
    hosts: HOSTS,
    lines: (it) => [`ifconfig ${it} inet6 ${OWN}%${it} -alias`],
    // The route hangs on it, and is made anew.
    restored: ["address", "route"],
  },
  {
    name: "the route",
    hosts: HOSTS,
    lines: (_, host) => [deletesRoute(host)],
    restored: ["route"],
  },
  {
    name: "the name",
    hosts: RENAMING,
    lines: (it) => [`ifconfig ${it} name vpn7`],
    restored: ["name"],
  },
  {
    name: "IPv6",
    hosts: FREEBSD,
    lines: (it) => [`ifconfig ${it} inet6 ifdisabled`],
    restored: ["ipv6"],
    isSilent: () => true,
  },
  {
    name: "all of it at once",
    hosts: HOSTS,
    lines: (it, host) => [
      ...(FREEBSD.includes(host) ? [`ifconfig ${it} inet6 ifdisabled`] : []),
      deletesRoute(host),
      `ifconfig ${it} inet6 ${OWN}%${it} -alias`,
      `ifconfig ${it} mtu 1400`,
      `ifconfig ${it} down`,
      ...(RENAMING.includes(host) ? [`ifconfig ${it} name vpn7`] : []),
    ],
    restored: (host) => [
      ...(RENAMING.includes(host) ? ["name" as const] : []),
      "mtu",
      ...(FREEBSD.includes(host) ? ["ipv6" as const] : []),
      "up",
      "address",
      "route",
    ],
  },
];

/** What there is of tunnels, in no order. */
function stateOf(machine: BsdMachine): readonly string[] {
  const off = machine.world.links.filter((link) => machine.nd6(link).isDisabled);
  return [...tunnelsOf(machine), ...off.map(({ name }) => `${name}: IPv6 is off`)].sort();
}

/** A relay and what keeps it. */
class KeptRelay {
  readonly machine: BsdMachine;
  readonly process: BsdProcess;
  readonly open: OpenRole;
  readonly keeper: Keeper;
  readonly whole: readonly string[];
  now = performance.now() + 1_000_000;

  constructor(host: HostName, mayCommand = true) {
    this.machine = machineOf(host);
    this.process = new BsdProcess(this.machine);
    this.open = this.process.openRelay();
    this.whole = stateOf(this.machine);
    this.keeper = this.open.keep!(mayCommand);
    assert.deepEqual(this.look(0), []);
  }

  get name(): string {
    return this.open.interfaceName!;
  }

  type(...lines: readonly string[]): void {
    for (const line of lines) assert.equal(typeAsRoot(this.machine, line).status, 0, line);
  }

  look(after = 100): readonly Upkeep[] {
    this.now += after;
    return this.keeper.look(this.now);
  }

  /** Lines of the transcript that come of what is done. */
  calls(does: () => void): readonly string[] {
    const { lines } = this.process.libc.transcript;
    const before = lines.length;
    does();
    return lines.slice(before);
  }

  /** Nothing is left of it. */
  end(): void {
    this.keeper.close();
    this.open.close();
    assert.deepEqual(this.process.open, []);
    assert.deepEqual(this.process.libc.faults, []);
  }
}

const restored = (events: readonly Upkeep[]) =>
  events.filter(({ event }) => event === "restored").map(({ what }) => what);

for (const { name, hosts, lines, restored: wanted, isSilent } of TAKINGS) {
  for (const host of hosts) {
    const parts = typeof wanted === "function" ? wanted(host) : wanted;

    test(`${host}: ${name} that an operator takes from a relay's interface comes back`, () => {
      const kept = new KeptRelay(host);
      for (let i = 0; i < 3; i++) {
        kept.type(...lines(kept.name, host));
        assert.notDeepEqual(stateOf(kept.machine), kept.whole);
        // Told of by the kernel, or found by itself.
        const events = kept.look(isSilent?.(host) ? 1_000 : 100);
        assert.deepEqual(events.map(({ event }) => event), parts.map(() => "restored"));
        assert.deepEqual(restored(events), parts);
        assert.deepEqual(stateOf(kept.machine), kept.whole);
        assert.deepEqual(kept.look(1_000), []);
      }
      kept.end();
    });

    test(`${host}: ${name} that cannot be put right is told of, and comes back when it can`, () => {
      const kept = new KeptRelay(host);
      kept.type(...lines(kept.name, host));
      const { transcript } = kept.process.libc;
      // Every command fails, for three looks.
      let fails = true;
      transcript.inject({ call: "run", match: () => fails, errno: EIO, times: 1_000 });
      const first = kept.look(1_000);
      assert.ok(first.length > 0 && first.every(({ event }) => event === "refused"));
      for (const event of first) {
        assert.match(
          (event as { problem: string }).problem,
          /^`(ifconfig|route) .*` failed: .*EIO/,
        );
      }
      assert.deepEqual([kept.look(1_000), kept.look(1_000)], [[], []]);
      fails = false;
      assert.deepEqual(new Set(restored(kept.look(1_000))), new Set(parts));
      assert.deepEqual(stateOf(kept.machine), kept.whole);
      kept.end();
    });

    test(`${host}: ${name} comes back whichever call of a look fails`, () => {
      const whole = new KeptRelay(host);
      const count = whole.calls(() => {
        whole.type(...lines(whole.name, host));
        whole.look(1_000);
      }).length;
      assert.ok(count >= 5);
      for (let after = 0; after < count; after++) {
        const kept = new KeptRelay(host);
        kept.type(...lines(kept.name, host));
        kept.process.libc.transcript.inject({ errno: EIO, after });
        const seen = [() => kept.look(1_000), () => kept.look(1_000), () => kept.look(1_000)]
          .flatMap((look) => attempt(look));
        assert.deepEqual(stateOf(kept.machine), kept.whole, String(after));
        // Whose the route is that an address is under may have been what failed: then it stays.
        const sure = name === "the address" ? parts.slice(0, 1) : parts;
        for (const what of sure) assert.ok(seen.includes(what), `${after}: ${what}`);
        kept.end();
      }
    });
  }
}

/** What a look that may fail has restored. */
function attempt(look: () => readonly Upkeep[]): readonly Kept[] {
  try {
    return restored(look());
  } catch (error) {
    assert.match(String(error), /^SyscallError: (ioctl|socket)\(.*EIO/);
    return [];
  }
}

for (const host of HOSTS) {
  test(`${host}: a look at what is right starts no process, changes nothing and is told of by none`, () => {
    const kept = new KeptRelay(host);
    const calls = kept.calls(() => assert.deepEqual(kept.look(1_000), []));
    assert.deepEqual(calls.filter((it) => it.startsWith("run(")), []);
    assert.ok(calls.length <= 16, calls.join("\n"));
    // The answer to our own question came to the other socket too, and is no change.
    const next = kept.calls(() => assert.deepEqual(kept.look(100), []));
    assert.deepEqual(next.filter((it) => !it.startsWith("recv(")), []);
    kept.end();
  });

  test(`${host}: a look of which any call fails changes nothing that is right`, () => {
    const count = new KeptRelay(host).calls(() => {}).length;
    assert.equal(count, 0);
    const looked = new KeptRelay(host);
    const calls = looked.calls(() => void looked.look(1_000)).length;
    for (let after = 0; after < calls; after++) {
      const kept = new KeptRelay(host);
      kept.process.libc.transcript.inject({ errno: EIO, after });
      const done = kept.calls(() => assert.deepEqual(attempt(() => kept.look(1_000)), []));
      assert.deepEqual(done.filter((it) => it.startsWith("run(")), [], String(after));
      assert.deepEqual(stateOf(kept.machine), kept.whole);
      kept.end();
    }
  });

  test(`${host}: what begins to keep it and fails at any call leaves nothing open`, () => {
    const first = new KeptRelay(host);
    const count = first.calls(() => first.open.keep!(true).close()).length;
    assert.ok(count >= 4);
    for (let after = 0; after < count; after++) {
      const kept = new KeptRelay(host);
      const before = kept.process.open.length;
      kept.process.libc.transcript.inject({ errno: EIO, after });
      try {
        kept.open.keep!(true).close();
      } catch (error) {
        assert.match(String(error), /^SyscallError: socket\(.*EIO/);
      }
      assert.equal(kept.process.open.length, before, String(after));
      kept.end();
    }
  });

  test(`${host}: an interface that somebody fights for is told of, and left to him for longer`, () => {
    const kept = new KeptRelay(host);
    const told: Upkeep[] = [];
    for (let i = 0; i < 10 * FREE_ATTEMPTS; i++) {
      kept.type(`ifconfig ${kept.name} down`);
      told.push(...kept.look());
    }
    const fought = told.filter(({ event }) => event === "fought");
    assert.deepEqual(fought, [{ event: "fought", what: "up", rivals: [] }]);
    const times = restored(told).length;
    assert.ok(times >= FREE_ATTEMPTS && times <= 2 * FREE_ATTEMPTS, `${times}`);
    kept.look(60_000);
    assert.deepEqual(stateOf(kept.machine), kept.whole);
    kept.end();
  });

  test(`${host}: a route that another program has made in place of ours stays, until it is gone`, () => {
    const kept = new KeptRelay(host);
    const other = host === "OpenBSD 7"
      ? "route -n add -inet6 2001:: -prefixlen 32 2001:db8::1"
      : "route -n add -inet6 2001::/32 2001:db8::1";
    kept.type(deletesRoute(host), other);
    const [event, ...more] = kept.look();
    assert.deepEqual(more, []);
    assert.ok(event?.event === "refused" && event.what === "route");
    assert.match(event.problem, /^2001::\/32 is already routed to the interface wan0, perhaps by/);
    assert.match(event.mend!, /^stop what made the route; `route -n get -inet6 2001::` shows it$/);
    const meanwhile = stateOf(kept.machine);
    assert.ok(meanwhile.includes("2001::/32 wan0"));
    kept.look(1_000);
    assert.deepEqual(stateOf(kept.machine), meanwhile);
    kept.type(deletesRoute(host));
    assert.deepEqual(restored(kept.look()), ["route"]);
    assert.deepEqual(stateOf(kept.machine), kept.whole);
    kept.end();
  });

  test(`${host}: without the right nothing is run; what differs is told with what mends it`, () => {
    const kept = new KeptRelay(host, false);
    kept.process.dropPrivileges();
    kept.type(`ifconfig ${kept.name} mtu 1400`, deletesRoute(host));
    const calls = kept.calls(() => {
      const events = kept.look(1_000);
      assert.deepEqual(events.map(({ event, what }) => [event, what]), [
        ["refused", "mtu"],
        ["refused", "route"],
      ]);
      const [mtu, route] = events.map((it) => it as Upkeep & { problem: string; mend?: string });
      assert.equal(mtu!.problem, `this process may not set up the interface ${kept.name} any more`);
      // What is to be typed does mend it.
      for (const { mend } of [mtu!, route!]) kept.type(/^run `(.*)`$/.exec(mend!)![1]!);
    });
    assert.deepEqual(calls.filter((it) => it.startsWith("run(")), []);
    assert.deepEqual(stateOf(kept.machine), kept.whole);
    assert.deepEqual(restored(kept.look()), ["mtu", "route"]);
    kept.keeper.close();
    kept.open.close();
  });

  test(`${host}: a command that does not end is waited for once in a look`, () => {
    const machine = machineOf(host);
    const process = new BsdProcess(machine);
    let isStuck = false;
    const waits: (number | undefined)[] = [];
    const ways = bsdKernel(process.libc, (argv, patience) => {
      if (!isStuck) return process.libc.run(argv);
      waits.push(patience);
      // Killed when its time was up: see `runCommand`.
      return { status: -1, stdout: "", stderr: "spawnSync /sbin/ifconfig ETIMEDOUT" };
    });
    const open = openRelay(process.libc, RELAY, ways, () => assert.fail("it serves"));
    const whole = stateOf(machine);
    const keeper = open.keep!(true);
    isStuck = true;
    const name = open.interfaceName!;
    typeAsRoot(machine, `ifconfig ${name} mtu 1400`);
    typeAsRoot(machine, `ifconfig ${name} down`);
    const now = performance.now() + 10_000;
    const events = keeper.look(now);
    assert.deepEqual(events.map(({ event, what }) => [event, what]), [
      ["refused", "mtu"],
      ["refused", "up"],
    ]);
    assert.deepEqual(waits, [2_000]);
    isStuck = false;
    assert.deepEqual(restored(keeper.look(now + 1_000)), ["mtu", "up"]);
    assert.deepEqual(stateOf(machine), whole);
    keeper.close();
    open.close();
  });

  test(`${host}: RouteChanges hears of changes, and of nothing else`, () => {
    const machine = machineOf(host);
    const process = new BsdProcess(machine);
    const changes = new RouteChanges(process.libc);
    const hear = (...types: readonly number[]) => {
      for (const type of types) machine.listeners.forEach((it) => it.hear(type));
      return changes.any();
    };
    assert.equal(hear(), false);
    const { types } = machine.numbers;
    for (const type of [1, 2, 3, ...Object.values(types)]) {
      assert.equal(hear(type), true, `${type}`);
    }
    assert.equal(hear(RTM_GET, RTM_MISS, RTM_LOSING), false);
    assert.equal(hear(RTM_MISS, types.RTM_IFINFO, RTM_MISS), true);
    // A storm is read in parts, and ends.
    const storm = Array.from({ length: 1_000 }, () => RTM_MISS);
    assert.equal(hear(...storm, types.RTM_IFINFO), false);
    const answers = Array.from({ length: 10 }, () => changes.any());
    assert.deepEqual(answers.filter(Boolean), [true]);
    // The kernel had no room for what it wanted to tell, after what was none.
    assert.equal(hear(RTM_MISS), false);
    process.libc.transcript.inject({ call: "recv", errno: 55 });
    assert.equal(changes.any(), true);
    assert.equal(changes.any(), false);
    changes.close();
    assert.deepEqual(process.open, []);
    assert.equal(machine.listeners.size, 0);
  });
}

/** What comes of an interface that is destroyed, whoever is the first to see it. */
for (
  const [host, message] of [
    ["OpenBSD 7", /: The interface tun0 is gone: read: EIO /],
    ["NetBSD 10", /: The interface tun0 is gone: read: ENXIO /],
  ] as const
) {
  test(`${host}: an interface that is destroyed while nothing passes ends the relay`, () => {
    const backend = backendOf(host);
    const before = backend.state();
    let keeper: Keeper | undefined;
    let told: readonly Upkeep[] = [];
    const life = new Life(backend, relay(), [
      ...relaySteps(),
      {
        name: "destroyed",
        does: ({ opened }) => {
          keeper = opened.keep!(true);
          assert.equal(typeAsRoot(backend.machine, "ifconfig tun0 destroy").status, 0);
          told = keeper.look(performance.now() + 10_000);
        },
        ...(host === "OpenBSD 7" ? { wakes: ["tun"] } : {}),
      },
    ]);
    assert.throws(() => life.live(), message);
    assert.deepEqual(told, [{
      event: "refused",
      what: "interface",
      problem: "the interface tun0 is gone",
      mend: "restart the daemon",
    }]);
    keeper!.close();
    life.opened.close();
    assert.deepEqual(backend.state(), before);
    assert.deepEqual([...backend.transcript.descriptors.open.values()], []);
  });
}

for (const host of RENAMING) {
  test(`${host}: a name that somebody else has by now is not taken from him`, () => {
    const kept = new KeptRelay(host);
    kept.type("ifconfig teredo name vpn7");
    kept.machine.world.addLink("teredo", 1500, 0);
    const [event] = kept.look();
    assert.ok(event?.event === "refused" && event.what === "name");
    assert.match(event.problem, /^`ifconfig vpn7 name teredo` failed: .*File exists/);
    assert.equal(kept.machine.world.link("teredo")!.mtu, 1500);
    kept.machine.world.removeLink(kept.machine.world.link("teredo")!);
    assert.deepEqual(restored(kept.look(1_000)), ["name"]);
    assert.deepEqual(stateOf(kept.machine), kept.whole);
    kept.end();
  });
}
