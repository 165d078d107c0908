import assert from "node:assert/strict";
import test from "node:test";
import type { ClientConfig } from "#src/config/config.ts";
import { ClientControl } from "#src/daemon/client/control.ts";
import type { HookEnvironment } from "#src/daemon/client/errands/words.ts";
import { Hook } from "#src/daemon/client/hook.ts";
import type { Answer } from "#src/daemon/client/servers/names.ts";
import type { Standpoint } from "#src/daemon/client/standpoint.ts";
import { type ClientState, NO_STATE } from "#src/daemon/client/state_file.ts";
import type { ClientRules } from "#src/datapath/datapath.ts";
import type { HomeWish } from "#src/datapath/homes.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";
import type { ToldStatus } from "#src/datapath/client/news.ts";
import type { ServerStatus } from "#src/protocol/client/contract.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, formatIpv6Prefix, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { clientConfig } from "../checks/fake_host.ts";
import { FakeClock } from "./fake_clock.ts";

const ip = (text: string) => parseIpv4(text)!;
const HOME: Standpoint = {
  ownAddresses: [ip("192.168.1.2")],
  subnets: [{ address: ip("192.168.1.0"), length: 24 }],
  localAddress: ip("192.168.1.2"),
  gateway: "eth0, 192.168.1.1",
  native: undefined,
};
const CAFE: Standpoint = { ...HOME, localAddress: ip("10.0.0.7"), gateway: "wlan0, 10.0.0.1" };
const NATIVE = "2001:db8::2 by eth0, fe80::1";
const ADDRESS = "2001:0:c000:201:1234:63bf:3fff:fdd2";
const OTHER = "2001:0:c000:209:1234:63bf:3fff:fdd2";

function server(primary: string): ServerStatus {
  const address = ip(primary);
  return {
    primary: address,
    secondary: address + 1,
    live: true,
    rtt: 12,
    native: "ok",
    keyRefused: false,
  };
}

const ASKING: ToldStatus = {
  state: "probing",
  address: undefined,
  deprecated: [],
  server: undefined,
  standbys: [],
  mapped: undefined,
  mtu: 1280,
  nat: "unknown",
  filtering: "unknown",
  portPreserving: false,
  native: "unknown",
  refresh: 30_000,
  refreshAt: undefined,
  changedAt: 0,
  randomPorts: 2,
  ways: [1, 4, 0, 0, 0, 0, 0, 9],
};

const QUALIFIED: ToldStatus = {
  ...ASKING,
  state: "qualified",
  address: parseIpv6(ADDRESS)!,
  server: server("192.0.2.1"),
  mapped: { address: ip("192.0.2.45"), port: 40_000 },
  nat: "restricted",
};

/** A client with everything around it of paper. */
class Lab {
  readonly clock = new FakeClock();
  /** What the wall clock says more than the other. */
  wall = 0;
  readonly lines: string[] = [];
  readonly homes: string[] = [];
  readonly rules: ClientRules[] = [];
  readonly hooks: HookEnvironment[] = [];
  readonly names = new Map<string, readonly string[]>();
  readonly control: ClientControl;
  kept: ClientState | undefined;
  status: ToldStatus | undefined;
  /** When the interface has what it is to have. */
  arranged: Promise<void> = Promise.resolve();
  lookUps = 0;
  /** IPv6 addresses of this host. */
  own: readonly string[] = ["2001:db8:5::7"];
  /** Nobody can tell which they are. */
  isBlind = false;
  qualified = 0;
  /** What the datapath does with rules. */
  onRules: () => void = () => {};
  /** Milliseconds of each run. */
  hookTakes = 0;

  constructor(
    config: Partial<ClientConfig> = {},
    left: ClientState = NO_STATE,
    standpoint: Standpoint = HOME,
    hasSourceRules = true,
  ) {
    const sink = (_: string, line: string) => void this.lines.push(line);
    this.control = new ClientControl({
      clock: this.clock,
      time: { now: () => this.clock.now(), date: (at) => new Date(this.wall + at) },
      log: createLogger({ level: "info", format: formatLogfmt, sink, time: undefined }),
      config: clientConfig(config),
      left,
      standpoint,
      place: () => ({ interfaceName: "teredo", index: 7 }),
      ownPrefixes: () => {
        if (this.isBlind) throw new Error("EMFILE");
        return this.own.map((text) => ({ bytes: parseIpv6(text)!, length: 128 }));
      },
      hasSourceRules,
      localPort: () => 50_000,
      lookUp: (host) => this.#lookUp(host),
      lookUpHost: (name) => Promise.resolve({ hosts: [...this.names.get(name) ?? []] }),
      status: () => this.status,
      setRules: (rules) => {
        this.rules.push(rules);
        this.onRules();
        return true;
      },
      setHome: (wish) => {
        this.homes.push(describe(wish));
        return this.arranged;
      },
      hook: new Hook({
        run: (environment) => {
          this.hooks.push(environment);
          const end = { output: "" };
          if (this.hookTakes === 0) return Promise.resolve(end);
          return new Promise((resolve) => this.clock.after(this.hookTakes, () => resolve(end)));
        },
        ended: () => {},
      }),
      keep: (state) => this.kept = state,
      qualified: () => this.qualified++,
    });
  }

  #lookUp(host: string): Promise<Answer> {
    this.lookUps++;
    const found = this.names.get(host);
    return Promise.resolve(
      found === undefined ? { problem: "EAI_AGAIN" } : { addresses: found.map(ip) },
    );
  }

  tell(status: ToldStatus): this {
    this.status = status;
    this.control.coreChanged();
    return this;
  }

  /** The network is this one, for so long. */
  async at(standpoint: Standpoint, time: number): Promise<void> {
    this.control.look(standpoint);
    await this.clock.pass(time);
  }

  /** Servers that the datapath was last told of. */
  get servers(): string[] {
    return this.rules.at(-1)!.servers.map(({ primary }) => formatIpv4(primary));
  }
}

function describe({ addresses, onLink, defaultRoute, mtu }: HomeWish): string {
  const texts = addresses.map(({ bytes, deprecated }) =>
    `${deprecated ? "-" : "+"}${formatIpv6(bytes)}`
  );
  return [...texts, onLink ? "link" : "", defaultRoute ? "default" : "", mtu].filter((it) =>
    it !== ""
  )
    .join(" ");
}

test("ClientControl: a server's answer gives address, route, hook, log and what is kept", async () => {
  const lab = new Lab();
  lab.control.start();
  lab.tell(ASKING);
  assert.equal(lab.control.view.state, "probing");
  lab.tell(QUALIFIED);
  await lab.clock.pass(0);
  assert.deepEqual(lab.homes, ["1280", `+${ADDRESS} link default 1280`]);
  assert.deepEqual(lab.hooks.map(({ STATE, ADDRESS }) => [STATE, ADDRESS]), [["up", ADDRESS]]);
  assert.equal(
    lab.lines.at(-1),
    `level=info msg=Client state=qualified reason="a server answered" address=${ADDRESS} server=192.0.2.1`,
  );
  assert.deepEqual(lab.kept, {
    port: 50_000,
    names: new Map(),
    mapping: { address: ip("192.0.2.45"), port: 40_000, flags: 0x1234 },
  });
  assert.equal(lab.qualified, 1);
  const { view } = lab.control;
  assert.equal(view.address, ADDRESS);
  assert.deepEqual(view.server, {
    name: "192.0.2.1",
    primary: "192.0.2.1",
    secondary: "192.0.2.2",
    live: true,
    rttSeconds: 0.012,
    native: "ok",
    keyRefused: false,
  });
  assert.equal(view.randomPorts, 2);
  assert.deepEqual(view.peers.filter(({ count }) => count > 0), [
    { kind: "client", path: "none", count: 1 },
    { kind: "client", path: "direct", count: 4 },
    { kind: "native", path: "direct", count: 9 },
  ]);
  assert.deepEqual([view.mapped, view.local], ["192.0.2.45:40000", "192.168.1.2:50000"]);
});

test("ClientControl: after a fail-over the old address stays, deprecated", () => {
  const lab = new Lab().tell(QUALIFIED).tell({ ...QUALIFIED, state: "failing" });
  assert.match(lab.lines.at(-1)!, /^level=warn .*state=failing reason="the server is silent"/);
  lab.tell({
    ...QUALIFIED,
    address: parseIpv6(OTHER)!,
    deprecated: [parseIpv6(ADDRESS)!],
    server: server("192.0.2.9"),
  });
  assert.deepEqual(lab.homes.slice(1), [`+${OTHER} -${ADDRESS} link default 1280`]);
  assert.match(lab.lines.at(-1)!, /state=qualified/);
});

test("ClientControl: with no server the default route goes, flows by an old address go on", () => {
  const lab = new Lab().tell(QUALIFIED);
  lab.tell({ ...ASKING, state: "offline", deprecated: [parseIpv6(ADDRESS)!] });
  assert.equal(lab.homes.at(-1), `-${ADDRESS} link 1280`);
  assert.equal(lab.control.view.lastChange?.reason, "no server answers");
});

test("ClientControl: that an old address is gone is no change of state", () => {
  const lab = new Lab().tell(QUALIFIED);
  const moved = { ...QUALIFIED, address: parseIpv6(OTHER)!, server: server("192.0.2.9") };
  lab.tell({ ...moved, deprecated: [parseIpv6(ADDRESS)!] });
  const { lastChange } = lab.control.view;
  assert.equal(lastChange?.reason, "another server is used");
  const told = lab.lines.length;
  lab.tell(moved);
  assert.equal(lab.homes.at(-1), `+${OTHER} link default 1280`);
  assert.deepEqual(lab.control.view.lastChange, lastChange);
  assert.equal(lab.lines.length, told);
});

test("ClientControl: a server that wants another key is no silent one", () => {
  const lab = new Lab().tell(QUALIFIED);
  const refusing = { ...server("192.0.2.1"), live: false, keyRefused: true };
  lab.tell({ ...ASKING, state: "offline", standbys: [refusing] });
  assert.equal(lab.control.view.lastChange?.reason, "a server wants another key of us");
});

test("ClientControl: a view has no mapping without a server, and the MTU that a server tells", () => {
  const lab = new Lab().tell({ ...QUALIFIED, mtu: 1400 });
  assert.equal(lab.control.view.mtu, 1400);
  const { mapped } = QUALIFIED;
  lab.tell({ ...ASKING, state: "offline", mapped, standbys: [server("192.0.2.1")] });
  assert.deepEqual([lab.control.view.mapped, lab.control.view.mtu], [undefined, 1280]);
});

test("ClientControl: the hook waits for the interface", async () => {
  const lab = new Lab();
  const { promise, resolve } = Promise.withResolvers<void>();
  lab.arranged = promise;
  lab.tell(QUALIFIED);
  await lab.clock.pass(0);
  assert.deepEqual(lab.hooks, []);
  resolve();
  await lab.clock.pass(0);
  assert.deepEqual(lab.hooks.map(({ ADDRESS }) => ADDRESS), [ADDRESS]);
});

test("ClientControl: names without an answer are a state, and no end", async () => {
  const lab = new Lab({ servers: [{ host: "a.test", secondary: undefined }] });
  lab.control.start();
  lab.tell({ ...ASKING, state: "offline" });
  await lab.clock.pass(0);
  assert.equal(lab.control.view.state, "resolving");
  assert.deepEqual(lab.control.view.unresolved, [{ name: "a.test", why: "EAI_AGAIN" }]);
  lab.names.set("a.test", ["192.0.2.1"]);
  await lab.clock.pass(5_000);
  assert.deepEqual(lab.servers, ["192.0.2.1"]);
  assert.deepEqual([...lab.kept!.names], [["a.test", [ip("192.0.2.1")]]]);
});

test("ClientControl says what to do about a name that is not found, of a server or of the host to check", async () => {
  const lab = new Lab({
    servers: [{ host: "a.test", secondary: undefined }],
    checkHost: "host.test",
  });
  lab.control.start();
  await lab.clock.pass(0);
  const mends = lab.lines.filter((line) => line.includes("Name not found"))
    .map((line) => /name=(\S+) .*mend="(.*)"$/.exec(line)?.slice(1));
  const see = (name: string) => `see whether ${name} or /etc/resolv.conf is wrong, or `;
  assert.deepEqual(Object.fromEntries(mends as [string, string][]), {
    "a.test": `${see("a.test")}give the server by its IPv4 address`,
    "host.test": `${see("host.test")}give the host by its IPv6 address`,
  });
});

test("ClientControl: names are asked for again every five minutes while no server answers, and only then", async () => {
  const lab = new Lab({ servers: [{ host: "a.test", secondary: undefined }] });
  lab.names.set("a.test", ["192.0.2.1"]);
  lab.control.start();
  await lab.clock.pass(0);
  lab.tell(QUALIFIED);
  const asked = async (time: number) => {
    const before = lab.lookUps;
    await lab.clock.pass(time);
    lab.control.tick();
    await lab.clock.pass(0);
    return lab.lookUps - before;
  };
  assert.equal(await asked(301_000), 0, "its server answers");
  lab.tell({ ...ASKING, state: "offline", standbys: [server("192.0.2.1")] });
  assert.equal(lab.control.view.state, "offline");
  assert.equal(await asked(0), 1);
  assert.equal(await asked(299_000), 0);
  assert.equal(await asked(2_000), 1);
});

test("ClientControl: addresses that the last run knew are asked before any name server answers", () => {
  const left = { ...NO_STATE, names: new Map([["a.test", [ip("192.0.2.7")]]]) };
  const lab = new Lab({ servers: [{ host: "a.test", secondary: undefined }] }, left);
  assert.equal(lab.control.rules.servers[0]!.primary, ip("192.0.2.7"));
});

test("ClientControl: a portal that answers for every name costs no server that was known", async () => {
  const left = { ...NO_STATE, names: new Map([["a.test", [ip("23.0.0.1")]]]) };
  const lab = new Lab({ servers: [{ host: "a.test", secondary: undefined }] }, left);
  lab.names.set("a.test", ["10.0.0.1"]);
  lab.control.start();
  await lab.clock.pass(0);
  lab.tell({ ...ASKING, state: "offline", standbys: [server("23.0.0.1")] });
  assert.equal(lab.control.rules.servers[0]!.primary, ip("23.0.0.1"));
  assert.deepEqual(
    [...lab.kept!.names],
    [["a.test", [ip("23.0.0.1")]]],
    "for the next run as well",
  );
  await lab.clock.pass(600_000);
  assert.deepEqual(lab.lines.filter((line) => line.includes("Name")), [
    'level=warn msg="Name not found" name=a.test problem="it has 10.0.0.1, which is not public, where it ' +
    'had a public address" mend="the last addresses of it are used meanwhile"',
  ]);
  lab.names.set("a.test", ["23.0.0.9"]);
  await lab.clock.pass(100_000);
  assert.deepEqual(lab.servers, ["23.0.0.9"]);
});

test("ClientControl: another network is told once, 250 ms after the last of its changes", async () => {
  const lab = new Lab({ servers: [{ host: "a.test", secondary: undefined }] });
  lab.names.set("a.test", ["192.0.2.1"]);
  lab.control.start();
  lab.tell(QUALIFIED);
  await lab.clock.pass(0);
  const [rules, lookUps] = [lab.rules.length, lab.lookUps];
  await lab.at({ ...HOME, localAddress: 0, gateway: "", ownAddresses: [] }, 200);
  await lab.at({ ...CAFE, ownAddresses: [] }, 200);
  await lab.at(CAFE, 249);
  assert.equal(lab.rules.length, rules);
  await lab.clock.pass(1);
  assert.equal(lab.rules.length, rules + 1);
  assert.equal(lab.rules.at(-1)!.localAddress, CAFE.localAddress);
  assert.equal(lab.lookUps, lookUps + 1);
  assert.match(lab.lines.join("\n"), /msg="Network changed" detail="by wlan0, 10\.0\.0\.1"/);
  // It moves nothing: flows go on if the mapping stands.
  assert.equal(lab.homes.at(-1), `+${ADDRESS} link default 1280`);
});

test("ClientControl: other addresses of its host are no other network: nobody is asked", async () => {
  const lab = new Lab({ servers: [{ host: "a.test", secondary: undefined }] });
  lab.control.start();
  lab.tell(QUALIFIED);
  await lab.clock.pass(0);
  lab.control.renew("a reload asks again");
  await lab.clock.pass(0);
  const [lookUps, before] = [lab.lookUps, lab.rules.length];
  const address = ip("172.17.0.1");
  await lab.at({
    ...HOME,
    ownAddresses: [...HOME.ownAddresses, address],
    subnets: [...HOME.subnets, { address, length: 16 }],
  }, 250);
  assert.equal(lab.rules.length, before + 1);
  const [last, now] = [lab.rules.at(-2)!, lab.rules.at(-1)!];
  assert.ok(now.ownAddresses.includes(address), "which no peer has");
  assert.equal(now.renewals, last.renewals);
  assert.equal(lab.lookUps, lookUps);
  lab.control.renew("a reload asks again");
  assert.notEqual(lab.rules.at(-1)!.renewals, now.renewals);
});

test("ClientControl: without a way to the servers it says so", async () => {
  const lab = new Lab().tell(QUALIFIED);
  await lab.at({ ...HOME, localAddress: 0, gateway: "" }, 250);
  assert.equal(lab.control.view.state, "no_ipv4");
  assert.match(
    lab.lines.at(-1)!,
    /state=no_ipv4 reason="there is no way out by IPv4"/,
  );
  assert.match(lab.lines.join("\n"), /msg="Network changed" detail="no way to the servers"/);
  await lab.at(HOME, 250);
  assert.equal(lab.control.view.state, "qualified");
});

test("ClientControl names a bind_address that is gone, and what is in the way once it is back", async () => {
  const lab = new Lab({ bindAddress: ip("192.168.1.2") }).tell(QUALIFIED);
  const nowhere = { ...HOME, localAddress: 0, gateway: "" };
  await lab.at({ ...nowhere, ownAddresses: [], missing: ip("192.168.1.2") }, 250);
  const { state, lastChange } = lab.control.view;
  const reason = "bind_address 192.168.1.2 is not on this host";
  const mend = "give it to an interface, or write another in the configuration";
  assert.deepEqual([state, lastChange?.reason, lastChange?.mend], ["no_ipv4", reason, mend]);
  assert.ok(lab.lines.at(-1)!.includes(` reason="${reason}" mend="${mend}"`), lab.lines.at(-1));
  await lab.at(nowhere, 250);
  assert.match(lab.lines.at(-1)!, /state=no_ipv4 reason="there is no way out by IPv4"/);
  const { length } = lab.lines;
  lab.tell(QUALIFIED);
  assert.equal(lab.lines.length, length);
});

test("C-01: ClientControl leaves the way to native IPv6, and returns", async () => {
  const lab = new Lab().tell(QUALIFIED);
  const native = { ...HOME, native: NATIVE };
  await lab.at(native, 5_000);
  // By its source what goes on finds the way; what begins goes the native one, to peers as well.
  assert.equal(lab.homes.at(-1), `-${ADDRESS} 1280`);
  assert.equal(lab.control.view.state, "qualified");
  assert.equal(lab.control.view.leaving, `native IPv6: ${NATIVE}`);
  assert.equal(lab.hooks.at(-1)!["STATE"], "down");
  await lab.at(native, 60_000);
  assert.equal(lab.control.view.leaving, undefined);
  assert.equal(lab.homes.at(-1), "1280");
  lab.tell({ ...ASKING, deprecated: [parseIpv6(ADDRESS)!] });
  assert.equal(lab.control.view.state, "dormant");
  assert.deepEqual(lab.control.view.deprecated, []);
  assert.equal(lab.rules.at(-1)!.quiet, true);
  await lab.at(HOME, 10_000);
  assert.deepEqual(lab.servers, ["192.0.2.1"]);
  assert.equal(lab.rules.at(-1)!.quiet, false);
  lab.tell(QUALIFIED);
  assert.equal(lab.homes.at(-1), `+${ADDRESS} link default 1280`);
});

test("H-01: ClientControl relays for its host beside native IPv6, by the addresses that it has", async () => {
  const lab = new Lab({ whenNative: "relay" }).tell(QUALIFIED);
  const native = { ...HOME, native: NATIVE };
  await lab.at(native, 5_000);
  assert.equal(lab.rules.at(-1)?.relayedFor, undefined);
  await lab.at(native, 60_000);
  const relayedFor = () => lab.rules.at(-1)!.relayedFor?.map(formatIpv6Prefix);
  assert.equal(lab.rules.at(-1)!.quiet, true);
  assert.deepEqual(relayedFor(), ["2001:db8:5::7/128"]);
  assert.equal(lab.homes.at(-1), "link 1280");
  assert.equal(lab.control.view.state, "relay");
  assert.deepEqual(lab.control.view.deprecated, []);
  assert.match(lab.lines.at(-1)!, /state=relay reason="native IPv6: /);
  // Nothing is told again that is as it was.
  const { length } = lab.rules;
  await lab.at(native, 1_000);
  assert.equal(lab.rules.length, length);
  lab.own = ["2001:db8:5::8", "2001:db8:5::9"];
  await lab.at(native, 1_000);
  assert.deepEqual(relayedFor(), ["2001:db8:5::8/128", "2001:db8:5::9/128"]);
  const [said] = lab.lines.filter((line) => line.includes("state=relay"));
  assert.doesNotMatch(said!, /address=/);
  assert.match(lab.lines.at(-1)!, /msg="Serving own addresses" served=2001:db8:5::8\/128,/);
  lab.own = [];
  lab.isBlind = true;
  await lab.at(native, 1_000);
  assert.deepEqual(relayedFor(), ["2001:db8:5::8/128", "2001:db8:5::9/128"]);
  // Without IPv4 peers are reached by whatever relay there is on the native way.
  await lab.at({ ...native, localAddress: 0 }, 1_000);
  assert.equal(lab.control.view.state, "no_ipv4");
  assert.equal(lab.homes.at(-1), "1280");
  await lab.at(HOME, 10_000);
  assert.equal(relayedFor(), undefined);
  assert.deepEqual(lab.servers, ["192.0.2.1"]);
  assert.equal(lab.homes.at(-1), `+${ADDRESS} link default 1280`);
});

test("ClientControl becomes no relay behind a symmetric NAT, past which most clients would not reach it", async () => {
  for (const nat of ["symmetric-port", "symmetric-address"] as const) {
    const lab = new Lab({ whenNative: "relay" }).tell({ ...QUALIFIED, nat });
    await lab.at({ ...HOME, native: NATIVE }, 100_000);
    assert.equal(lab.control.view.state, "dormant");
    assert.equal(lab.rules.at(-1)!.relayedFor, undefined);
    // Of another network's NAT nothing is known.
    await lab.at({ ...CAFE, native: NATIVE }, 250);
    assert.equal(lab.control.view.state, "relay");
    assert.equal(lab.rules.at(-1)!.relayedFor?.length, 1);
    await lab.at(CAFE, 10_000);
    lab.tell({ ...QUALIFIED, nat });
    await lab.at({ ...CAFE, native: NATIVE }, 100_000);
    assert.equal(lab.control.view.state, "dormant");
    // It was away for a moment.
    await lab.at({ ...CAFE, localAddress: 0, gateway: "", native: NATIVE }, 1_000);
    await lab.at({ ...CAFE, native: NATIVE }, 1_000);
    assert.equal(lab.control.view.state, "dormant");
    assert.doesNotMatch(lab.lines.join("\n"), /state=no_ipv4/);
  }
});

test("ClientControl has servers asked that a name has anew, and leaves those in peace that were asked", async () => {
  const lab = new Lab({
    servers: ["a.test", "b.test"].map((host) => ({ host, secondary: undefined })),
    checkHost: "c.test",
  });
  lab.names.set("a.test", ["192.0.2.1"]);
  lab.names.set("b.test", ["198.51.100.1"]);
  lab.names.set("c.test", ["2001:db8::1"]);
  lab.control.start();
  await lab.clock.pass(0);
  assert.deepEqual(lab.servers, ["192.0.2.1", "198.51.100.1"]);
  assert.notEqual(lab.rules.at(-1)!.checkHost, undefined);
  assert.equal(new Set(lab.rules.map(({ renewals }) => renewals)).size, 1);
});

for (
  const [whenNative, state, relayedFor] of [
    ["stand_back", "dormant", undefined],
    ["relay", "relay", 1],
    ["keep", "qualified", undefined],
  ] as const
) {
  test(`C-01: ClientControl that begins beside native IPv6 is ${state} at once, with when_native = ${whenNative}`, async () => {
    const lab = new Lab({ whenNative }, NO_STATE, { ...HOME, native: NATIVE });
    assert.equal(lab.control.rules.quiet, state !== "qualified");
    assert.equal(lab.control.rules.relayedFor?.length, relayedFor);
    lab.control.start();
    lab.tell(state === "qualified" ? QUALIFIED : ASKING);
    assert.equal(lab.control.view.state, state);
    await lab.at(HOME, 10_000);
    const { servers, relayedFor: none } = lab.control.rules;
    assert.deepEqual([servers.length, none], [1, undefined]);
  });
}

test("ClientControl leaves the way to peers to those that leave, where no rule goes by their source", async () => {
  const lab = new Lab({}, NO_STATE, HOME, false).tell(QUALIFIED);
  await lab.at({ ...HOME, native: NATIVE }, 5_000);
  assert.equal(lab.homes.at(-1), `-${ADDRESS} link 1280`);
  const without = new Lab({ sourceRouting: false }).tell(QUALIFIED);
  await without.at({ ...HOME, native: NATIVE }, 5_000);
  assert.equal(without.homes.at(-1), `-${ADDRESS} link 1280`);
});

test("ClientControl keeps the last mapping for the next run, also when it has none any more", async () => {
  const lab = new Lab().tell(QUALIFIED);
  const { mapping } = lab.kept!;
  assert.ok(mapping !== undefined);
  await lab.at({ ...HOME, native: NATIVE }, 100_000);
  lab.tell(ASKING);
  assert.deepEqual(lab.kept!.mapping, mapping);
});

test("ClientControl tells of no NAT that nobody sees any more", async () => {
  const lab = new Lab({ whenNative: "relay" }).tell({
    ...QUALIFIED,
    nat: "cone",
    filtering: "endpoint_independent",
    portPreserving: true,
  });
  assert.equal(lab.control.view.nat, "cone");
  lab.tell({ ...ASKING, nat: "cone", filtering: "endpoint_independent", portPreserving: true });
  const { nat, filtering, portPreserving } = lab.control.view;
  assert.deepEqual([nat, filtering, portPreserving], ["unknown", "unknown", false]);
  await lab.clock.pass(0);
});

test("ClientControl names the way to native IPv6 that it stands back for", async () => {
  const lab = new Lab().tell(QUALIFIED);
  await lab.at({ ...HOME, native: NATIVE }, 5_000);
  await lab.at(HOME, 5_000); // gone, but not for long enough to count
  await lab.at({ ...HOME, native: NATIVE }, 60_000);
  const said = lab.lines.filter((line) => line.includes("Native IPv6"));
  assert.equal(said.length, 2);
  for (const line of said) assert.ok(line.includes(`detail="native IPv6: ${NATIVE}"`), line);
});

for (const [whenNative, state] of [["stand_back", "dormant"], ["relay", "relay"]] as const) {
  test(`C-01: ClientControl is ${state} for native IPv6, whatever the datapath tells of servers that nobody asked`, () => {
    const lab = new Lab({ whenNative }, NO_STATE, { ...HOME, native: NATIVE });
    lab.status = { ...ASKING, state: "offline" };
    lab.control.start();
    const line = `level=info msg=Client state=${state} reason="native IPv6: ${NATIVE}"`;
    assert.deepEqual(lab.lines.filter((it) => it.includes("msg=Client")), [line]);
    lab.tell(ASKING).tell({ ...ASKING, state: "offline" });
    assert.equal(lab.control.view.lastChange?.reason, `native IPv6: ${NATIVE}`);
  });
}

test("C-01: ClientControl that leaves stands back for native IPv6, also where the datapath is first to tell", async () => {
  const lab = new Lab().tell(QUALIFIED);
  await lab.at({ ...HOME, native: NATIVE }, 5_000);
  // As a datapath that answers at once does, once it has no servers.
  lab.onRules = () => lab.tell({ ...ASKING, state: "offline" });
  await lab.at({ ...HOME, native: NATIVE }, 60_000);
  const { state, lastChange } = lab.control.view;
  assert.deepEqual([state, lastChange?.reason], ["dormant", `native IPv6: ${NATIVE}`]);
});

test("ClientControl: what is told while no server is known says nothing of those found since", async () => {
  const lab = new Lab({ servers: [{ host: "a.test", secondary: undefined }] });
  lab.names.set("a.test", ["192.0.2.1"]);
  lab.tell({ ...ASKING, state: "offline" });
  assert.equal(lab.control.view.state, "resolving");
  lab.control.start();
  await lab.clock.pass(0);
  assert.equal(lab.control.view.state, "probing");
  lab.tell({ ...ASKING, state: "offline", standbys: [server("192.0.2.1")] });
  assert.equal(lab.control.view.state, "offline");
});

test("ClientControl: the datapath is told of the native host to check, by address or name", async () => {
  const lab = new Lab({ checkHost: "2001:db8::1" }).tell(QUALIFIED);
  assert.equal(formatIpv6(lab.control.rules.checkHost!), "2001:db8::1");
  lab.names.set("b.test", ["2001:db8::2"]);
  assert.equal(lab.control.goBy(clientConfig({ checkHost: "b.test" })), true);
  await lab.clock.pass(0);
  assert.equal(formatIpv6(lab.rules.at(-1)!.checkHost!), "2001:db8::2");
  assert.equal(lab.control.goBy(clientConfig()), true);
  assert.equal(lab.rules.at(-1)!.checkHost, undefined);
});

test("ClientControl: a reload's servers are taken, a renewal asks the same ones again", async () => {
  const lab = new Lab().tell(QUALIFIED);
  const config = clientConfig({
    servers: [{ host: "192.0.2.9", secondary: undefined }],
    whenNative: "keep",
  });
  assert.equal(lab.control.goBy(config), true);
  await lab.clock.pass(0);
  assert.deepEqual(lab.servers, ["192.0.2.9"]);
  const { length } = lab.rules;
  lab.control.renew("an operator asked");
  assert.equal(lab.rules.length, length + 1);
  const [now, before] = [lab.rules.at(-1)!, lab.rules.at(-2)!];
  assert.deepEqual({ ...now, renewals: 0 }, { ...before, renewals: 0 });
  assert.notEqual(now.renewals, before.renewals);
  await lab.at({ ...HOME, native: NATIVE }, 100_000);
  assert.equal(lab.homes.at(-1), `+${ADDRESS} link default 1280`);
});

test("ClientControl: at the end the addresses go, and the hook is told", async () => {
  const lab = new Lab().tell(QUALIFIED);
  await lab.clock.pass(0);
  await lab.control.end();
  assert.equal(lab.homes.at(-1), "1280");
  assert.deepEqual(lab.hooks.map(({ STATE }) => STATE), ["up", "down", "destroy"]);
});

test("ClientControl: its end waits for no hook that does not end, past 20 s", async () => {
  const lab = new Lab();
  lab.hookTakes = 30_000;
  lab.tell(QUALIFIED);
  await lab.clock.pass(25_000);
  let isOver = false;
  void lab.control.end().then(() => isOver = true);
  await lab.clock.pass(19_999);
  assert.deepEqual([isOver, lab.hooks.length], [false, 2], "what goes first has its time");
  await lab.clock.pass(1);
  assert.equal(isOver, true);
  assert.match(lab.lines.at(-1)!, /msg="Hook failed" .*problem="the client could wait no longer/);
});

test("ClientControl: after its end nothing comes of what had begun before", async () => {
  const lab = new Lab({ checkHost: "a.test", servers: [{ host: "b.test", secondary: undefined }] });
  lab.control.start();
  lab.tell(QUALIFIED);
  await lab.at({ ...HOME, native: NATIVE }, 5_000);
  assert.equal(lab.homes.at(-1), `-${ADDRESS} 1280`, "it stands back");
  lab.control.look({ ...CAFE, native: NATIVE });
  await lab.control.end();
  const after = () => [lab.lines, lab.homes, lab.hooks, lab.rules].map(({ length }) => length);
  const before = after();
  await lab.clock.pass(600_000);
  assert.deepEqual(after(), before);
});

test("ClientControl: since when it is as it is does not depend on when the wall clock was set", async () => {
  const lab = new Lab();
  await lab.clock.pass(5_000);
  lab.tell(QUALIFIED);
  const at = lab.clock.now();
  await lab.clock.pass(60_000);
  lab.wall = 3_600_000;
  const { since, lastChange } = lab.control.view;
  assert.deepEqual([since, lastChange?.at], [new Date(lab.wall + at), new Date(lab.wall + at)]);
});
