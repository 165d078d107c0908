import assert from "node:assert/strict";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { loadConfig } from "#src/config/load.ts";
import { Readiness, type Served } from "#src/daemon/readiness.ts";
import { History } from "#src/daemon/history/mod.ts";
import { DaemonState } from "#src/daemon/state.ts";
import { openNotifier } from "#src/daemon/notify.ts";
import { Watch, watchOver } from "#src/daemon/watch.ts";
import type { Datapath } from "#src/datapath/datapath.ts";
import { withRefused } from "#src/datapath/offloads.ts";
import { LimitedLog } from "#src/log/limited.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt, type Level } from "#src/log/record.ts";
import { isTeredo, SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { createStatus } from "#src/status/app.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { datagramReceiver } from "#test/log/datagram_receiver.ts";
import { dated, sampleSnapshot } from "#test/status/sample.ts";
import {
  clientConfig,
  emptyFile,
  type Facts,
  fakeHost,
  PRIMARY_ADDRESS,
  REFUSED,
  relayConfig,
  sentBy,
  serverConfig,
  UPLINK,
} from "./checks/fake_host.ts";
import { datapath, OPEN, TUNNEL } from "./fake_datapath.ts";

const history = () => new History("relay", () => performance.now());

/** Packets to clients as the rest of the Internet's. */
const byDefault = () => sentBy("eth0");

interface Case {
  readonly name: string;
  readonly facts?: Facts;
  readonly served?: Partial<Served>;
  /** `name: detail` of the checks that fail. */
  readonly want: readonly string[];
}

const ADD_ROUTE =
  "ip -6 route add 2001::/32 dev teredo metric 10; if it is there, a rule leads past " +
  "it, which `ip -6 rule` shows";

const cases: readonly Case[] = [
  { name: "all is well", want: [] },
  {
    name: "the datapath is stuck",
    served: { datapath: datapath(2_000) },
    want: ["datapath: no sign of life; restart the daemon, as a watchdog of its service does"],
  },
  { name: "the daemon is ending", served: { draining: true }, want: ["serving: draining"] },
  {
    name: "the interface is gone",
    facts: { device: () => undefined, way6: byDefault },
    want: [
      "interface: teredo is gone; restart the daemon",
      `route: 2001::/32 leads to eth0; ${ADD_ROUTE}`,
    ],
  },
  {
    name: "the interface is down",
    facts: {
      device: () => ({ ...TUNNEL, up: false }),
      way6: ({ destination }) =>
        isTeredo(destination, 0, SERVICE_PREFIX) ? REFUSED : sentBy("eth0"),
    },
    want: [
      "interface: teredo is down; ip link set dev teredo up",
      `route: 2001::/32 is refused: no route leads there; ${ADD_ROUTE}`,
    ],
  },
  {
    name: "the interface has no carrier",
    facts: { device: () => ({ ...TUNNEL, hasCarrier: false }) },
    want: [
      "interface: teredo has no carrier, so that nothing passes; ip link set dev teredo carrier on",
    ],
  },
  {
    name: "a route refuses what is for clients",
    facts: {
      way6: ({ destination }) =>
        isTeredo(destination, 0, SERVICE_PREFIX)
          ? { kind: "refused", why: "a route or rule says blackhole", isSaid: true }
          : sentBy("eth0"),
    },
    want: [
      "route: 2001::/32 is refused: a route or rule says blackhole; take away what says so, unless it " +
      "is meant; `ip -6 route show table all` and `ip -6 rule` show it",
    ],
  },
  {
    name: "the interface lost its address",
    facts: { device: () => ({ ...TUNNEL, hasLinkLocal: false }) },
    want: [
      "interface: teredo has no link-local address; ip -6 addr add fe80::ffff:ffff:ffff/64 dev teredo",
    ],
  },
  {
    name: "IPv6 is off on the interface, which took its address away",
    facts: {
      device: () => ({ ...TUNNEL, hasLinkLocal: false }),
      disabledIpv6: () => "sysctl -w net.ipv6.conf.teredo.disable_ipv6=0",
    },
    want: [
      "interface: teredo has IPv6 disabled; sysctl -w net.ipv6.conf.teredo.disable_ipv6=0",
    ],
  },
  {
    name: "another route of the prefix wins",
    facts: {
      way6: byDefault,
      decidingRoute6: () => ({ length: 32, description: "proto bird, metric 3, table main" }),
    },
    want: [
      "route: 2001::/32 leads to eth0 (proto bird, metric 3, table main); take the other route away, " +
      "or let it have a higher metric; `ip -6 route get fibmatch 2001::1` shows it",
    ],
  },
  {
    name: "a rule sends elsewhere what is to be forwarded",
    facts: {
      way6: (journey) =>
        journey.comesBy === "eth0" || !isTeredo(journey.destination, 0, SERVICE_PREFIX)
          ? sentBy("eth0")
          : sentBy("teredo"),
      decidingRoute6: ({ comesBy }) =>
        comesBy === undefined
          ? undefined
          : { length: 32, description: "proto static, metric 1024, table 7" },
    },
    want: [
      "route: what comes in by eth0 for 2001::/32 leads to eth0 (proto static, metric 1024, table 7); " +
      "take the other route away, or let it have a higher metric; `ip -6 route get fibmatch 2001::1` " +
      "shows it",
    ],
  },
  {
    name: "packets of clients have no way on",
    facts: {
      way6: ({ destination, source }) =>
        isTeredo(destination, 0, SERVICE_PREFIX)
          ? sentBy("teredo")
          : source === undefined
          ? sentBy("eth0")
          : REFUSED,
    },
    want: [
      "ipv6_route: packets from clients, of 2001::/32, to 2001:503:ba3e::2:30 are refused, while this " +
      "host's own leave by eth0: no route leads there; ip -6 route add default from 2001::/32 dev eth0",
    ],
  },
  {
    name: "the default route of a network without the Internet is none",
    facts: {
      way6: ({ destination }) =>
        isTeredo(destination, 0, SERVICE_PREFIX) ? sentBy("teredo") : REFUSED,
    },
    want: [],
  },
  {
    name: "forwarding went off",
    facts: { variables: { "net/ipv6/conf/all/forwarding": "0" } },
    want: [
      "forwarding: the kernel does not forward IPv6 packets; sysctl -w net.ipv6.conf.all.forwarding=1",
    ],
  },
  {
    name: "forwarding is off in a relay that serves its own host",
    facts: { variables: { "net/ipv6/conf/all/forwarding": "0" } },
    served: { relay: relayConfig({ served: "self" }) },
    want: [],
  },
  {
    name: "the last IPv4 address left",
    facts: { hasIpv4: () => false },
    want: [
      "sockets: this host has no IPv4 address, so no client reaches it; give it a public one: ip addr " +
      "add A.B.C.D/32 dev INTERFACE",
    ],
  },
  {
    name: "the last IPv4 address of a client left",
    facts: { hasIpv4: () => false },
    served: { role: "client" },
    want: [
      "sockets: this host has no IPv4 address, so no server can be asked; connect it to a network with " +
      "IPv4: the client goes on by itself",
      "qualified: it is starting; wait a moment",
    ],
  },
  {
    name: "its sockets are of another namespace, and this one has no IPv4 address",
    facts: { hasIpv4: () => false },
    served: { open: { ...OPEN, isLent: true } },
    want: [],
  },
  {
    name: "an address it is bound to has left the host",
    facts: {
      takes4: (address) => address === PRIMARY_ADDRESS,
      interfaces: () => [{ ...UPLINK, ipv4: [PRIMARY_ADDRESS] }],
    },
    served: {
      role: "server",
      open: { ...OPEN, listening: ["198.51.100.1:3544", "198.51.100.2:3544"] },
    },
    want: ["sockets: 198.51.100.2 is not on this host; ip addr add 198.51.100.2/32 dev eth0"],
  },
  {
    name: "an address it is bound to is on no interface, and the kernel takes packets for it",
    facts: { takes4: () => true, interfaces: () => [] },
    served: {
      role: "server",
      open: { ...OPEN, listening: ["198.51.100.1:3544", "198.51.100.2:3544"] },
    },
    want: [],
  },
  {
    name: "a server has neither interface nor forwarding",
    facts: { device: () => undefined, variables: { "net/ipv6/conf/all/forwarding": "0" } },
    served: { role: "server" },
    want: [],
  },
];

for (const { name, facts, served, want } of cases) {
  test(`Readiness.look() when ${name}`, () => {
    const host = fakeHost({ device: () => TUNNEL, ...facts });
    const base = {
      role: "relay",
      relay: relayConfig(),
      server: serverConfig(),
      client: clientConfig(),
      open: OPEN,
      datapath: datapath(10),
    } as const;
    const checks = new Readiness(host).look({ ...base, draining: false, ...served });
    const failed = checks.filter((check) => !check.ok).map(({ name, detail, mend }) =>
      `${name}: ${detail}${mend === undefined ? "" : `; ${mend}`}`
    );
    assert.deepEqual(failed, want);
    assert.ok(checks.every(({ ok, mend }) => !ok || mend === undefined));
  });
}

test("Readiness.look() asks for no list, so that its cost does not grow with what a host has", () => {
  const lists = ["interfaces", "defaultRoutes6", "serviceRoute", "udpOwner"] as const;
  const refuses = Object.fromEntries(lists.map((name) => [name, () => assert.fail(name)]));
  const host = fakeHost({ device: () => TUNNEL, ...refuses });
  for (const role of ["relay", "server"] as const) {
    const served = {
      role,
      relay: relayConfig(),
      server: serverConfig(),
      client: clientConfig(),
      open: OPEN,
      datapath: datapath(10),
      draining: false,
    };
    assert.ok(new Readiness(host).look(served).every(({ ok }) => ok));
  }
});

test("DaemonState: until the last worker is there, the status pages say that it is starting", async () => {
  const { config } = loadConfig("relay", { path: "r.ini", readFile: emptyFile });
  const host = fakeHost({ device: () => TUNNEL });
  const state = new DaemonState("relay", "1", config, host, () => 0, history());
  const app = createStatus(state.read);
  for (const path of ["/healthz", "/readyz", "/metrics", "/status"]) {
    const answer = await app.request(path);
    assert.equal(answer.status, 503, path);
    assert.deepEqual(await answer.json(), { version: 1, error: "The daemon is starting" });
  }
  state.serve(OPEN, datapath(10));
  assert.equal((await app.request("/readyz")).status, 200);
  state.drain(true);
  assert.equal((await app.request("/readyz")).status, 503);
  assert.equal((await app.request("/healthz")).status, 200);
});

function watching(): { watch: Watch; lines: string[] } {
  const lines: string[] = [];
  const sink = (_: Level, line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
  const limits = { burst: 2, interval: 1000, maxKeys: 8, now: () => 0 };
  return { watch: new Watch(log, new LimitedLog(log, limits), sampleSnapshot()), lines };
}

const withCheck = (ok: boolean, detail: string): Partial<Snapshot> => ({
  checks: [dated({ name: "route", ok, detail })],
});

test("Watch.look() logs a check once when it turns, either way", () => {
  const { watch, lines } = watching();
  watch.look(sampleSnapshot(withCheck(true, "a")));
  watch.look(sampleSnapshot(withCheck(false, "b")));
  watch.look(sampleSnapshot(withCheck(false, "c")));
  watch.look(sampleSnapshot(withCheck(true, "d")));
  assert.deepEqual(lines, [
    'level=warn msg="Not ready" check=route detail=b',
    'level=info msg="Ready again" check=route detail=d',
  ]);
});

test("Watch.look() logs what fails while the daemon drains, but not that it drains", () => {
  const { watch, lines } = watching();
  const serving = dated({ name: "serving", ok: false, detail: "draining" });
  watch.look(sampleSnapshot({ checks: [serving], draining: true }));
  assert.deepEqual(lines, []);
  const route = dated({ name: "route", ok: false, detail: "gone" });
  watch.look(sampleSnapshot({ checks: [serving, route], draining: true }));
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^level=warn msg="Not ready" check=route detail=gone/);
});

test("Watch.look() logs drops that are this machine's doing, and bounds the lines", () => {
  const { watch, lines } = watching();
  const drops = sampleSnapshot().drops;
  const later = (n: number): Partial<Snapshot> => ({
    drops: { ...drops, socket_overflow: drops.socket_overflow + n, bad_token: drops.bad_token + n },
  });
  for (const n of [0, 0, 3, 4, 9, 20]) watch.look(sampleSnapshot(later(n)));
  assert.deepEqual(lines, [
    'level=warn msg="Packets dropped" reason=socket_overflow count=3',
    'level=warn msg="Packets dropped" reason=socket_overflow count=1',
  ]);
});

test("Watch.look() says at its first look what went wrong since the daemon began to serve", () => {
  const { watch, lines } = watching();
  const { drops, offloads } = sampleSnapshot();
  const refused = withRefused(offloads, ["udpSegment"]);
  watch.look(
    sampleSnapshot({
      drops: { ...drops, socket_overflow: drops.socket_overflow + 2 },
      offloads: refused,
    }),
  );
  assert.deepEqual(lines, [
    'level=warn msg="Packets dropped" reason=socket_overflow count=2',
    `level=info msg="Offload given up" offload=udp_segment reason="${refused.udpSegment.note}"`,
  ]);
});

test("Watch.look() says once that an offload was given up, and why, and that it is used again", () => {
  const { watch, lines } = watching();
  const { offloads } = sampleSnapshot();
  const refused = withRefused(offloads, ["tun", "udpSegment"]);
  for (const now of [offloads, offloads, refused, refused, offloads]) {
    watch.look(sampleSnapshot({ offloads: now }));
  }
  assert.deepEqual(lines, [
    `level=info msg="Offload given up" offload=tun reason="${refused.tun.note}"`,
    `level=info msg="Offload given up" offload=udp_segment reason="${refused.udpSegment.note}"`,
    'level=info msg="Offload in use again" offload=tun',
    'level=info msg="Offload in use again" offload=udp_segment',
  ]);
});

test("Watch.look() says what the kernel meant by each refusal, and what mends it", () => {
  const { watch, lines } = watching();
  const { failures } = sampleSnapshot();
  const more = (n: number) => ({
    ...failures,
    udp: { ...failures.udp, EPERM: failures.udp.EPERM + n, other: failures.udp.other + n },
    tun: { ...failures.tun, EIO: failures.tun.EIO + n },
  });
  for (const n of [0, 2, 2]) watch.look(sampleSnapshot({ failures: more(n) }));
  assert.equal(lines.length, 3, lines.join("\n"));
  assert.match(
    lines[0]!,
    /reason=send_failed way=to_udp errno=other count=2 detail="[^"]+" mend="/,
  );
  assert.match(
    lines[1]!,
    /level=warn .*reason=send_failed .*errno=EPERM count=2 .*connections is full.*nf_conntrack_max/,
  );
  assert.match(lines[2]!, /reason=tun_write_failed way=to_tun errno=EIO .*interface is down/);
});

test("watchOver() tells the service manager how it fares, and pings its watchdog while the datapath lives", async () => {
  const libc = await openLibc();
  const path = `@teredo-watchdog-${process.pid}`;
  const manager = datagramReceiver(libc, path);
  const said: string[] = [];
  /** The next ping of the watchdog; what else it is told goes to `said`. */
  const ping = () => {
    for (let it = manager.read(); it !== undefined; it = manager.read()) {
      if (it === "WATCHDOG=1") return it;
      said.push(it);
    }
    return undefined;
  };
  const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "10000" };
  const notifier = openNotifier(libc, env, process.pid);
  const { config } = loadConfig("relay", { path: "r.ini", readFile: emptyFile });
  const host = fakeHost();
  const state = new DaemonState("relay", "1", config, host, () => 0, history());
  const log = createLogger({
    level: "error",
    format: formatLogfmt,
    sink: () => {},
    time: undefined,
  });
  let [age, looks] = [10, 0];
  const watched: Datapath = { ...datapath(0), heartbeatAge: () => (looks++, age) };
  state.serve(OPEN, watched);
  let told = 0;
  const stop = watchOver({
    role: "relay",
    host,
    log,
    state,
    datapath: watched,
    notifier,
    onLook: () => void told++,
  });
  const until = async (done: () => boolean) => {
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  await until(() => ping() === "WATCHDOG=1");
  age = 5_000;
  await until(() => ping() === undefined);
  const from = looks;
  await until(() => looks > from + 20);
  assert.equal(ping(), undefined, "a datapath that does not turn is not covered up for");
  age = 10;
  await until(() => ping() === "WATCHDOG=1");
  await until(() => (ping(), said.length > 0));
  assert.match(said[0]!, /^STATUS=(Ready|Not ready)( for \d+ \w+)?(, .*)?: 0 peers/);
  await until(() => told > 1);
  stop();
  notifier.close();
  manager.close();
});
