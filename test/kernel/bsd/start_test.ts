import assert from "node:assert/strict";
import test from "node:test";
import { backendOf, HOSTS, machineOf, type PerHost, tunnelsOf } from "./hosts.ts";
import { typeAsRoot } from "./commands.ts";
import { BsdProcess, HOST_IPV4, HOST_IPV4_SECOND, RELAY as RELAY_START } from "./process.ts";

/** What a relay and a server make of the machine that they start on, and that they take it away. */

/** As `SIOCIFAFATTACH` of OpenBSD adds it. */
const AUTOMATIC = "fe80::5054:ff:fe12:3456";
const OWN = "fe80::ffff:ffff:ffff";
const POINT = "UP,POINTOPOINT,RUNNING";

const onRenamed = [`teredo mtu 1280 ${POINT} ${OWN}%teredo`, "2001::/32 teredo"];
/** Tentative for the second that duplicate address detection takes, which IFF_MULTICAST stands for. */
const RELAY: PerHost<readonly string[]> = {
  "FreeBSD 14": onRenamed,
  "FreeBSD 15": onRenamed,
  "OpenBSD 7": [
    `tun0 mtu 1280 ${POINT},MULTICAST ${AUTOMATIC}%tun0 tentative ${OWN}%tun0 tentative`,
    "2001::/32 tun0",
  ],
  "NetBSD 10": [`tun0 mtu 1280 ${POINT} ${OWN}%tun0`, "2001::/32 tun0"],
  "DragonFly BSD 6": [
    `teredo mtu 1280 ${POINT},MULTICAST ${OWN}%teredo tentative`,
    "2001::/32 teredo",
  ],
};
const SERVER: PerHost<readonly string[]> = {
  "FreeBSD 14": ["teredo-server mtu 1500 UP,POINTOPOINT"],
  "FreeBSD 15": ["teredo-server mtu 1500 UP,POINTOPOINT"],
  "OpenBSD 7": ["tun0 mtu 1500 UP,POINTOPOINT,RUNNING,MULTICAST"],
  "NetBSD 10": ["tun0 mtu 1500 UP,POINTOPOINT"],
  "DragonFly BSD 6": ["teredo-server mtu 1500 UP,POINTOPOINT,MULTICAST"],
};

/** ifhwioctl(), tun_ioctl(): the largest they take; TUNMRU, less the address family, of what is read. */
const MOST_MTU: PerHost<number> = {
  "FreeBSD 14": 65_535,
  "FreeBSD 15": 65_535,
  "OpenBSD 7": 16_384,
  "NetBSD 10": 1500,
  "DragonFly BSD 6": 16_380,
};

/** Replaces a name in what is expected. */
const renamed = (lines: readonly string[], to: string) =>
  lines.map((line) => line.replace(/\b(teredo(-server)?|tun0)\b/g, to));
const isRenamed = (host: keyof PerHost<unknown>) => /^(Free|Dragon)/.test(host);

function closes(process: BsdProcess, close: () => void, left: readonly string[] = []): void {
  close();
  assert.deepEqual(tunnelsOf(process.machine), left);
  assert.deepEqual(process.open, []);
  assert.deepEqual(process.libc.faults, []);
}

for (const host of HOSTS) {
  test(`${host}: openRelay() makes one interface, its address and the route, and takes them away`, () => {
    const process = new BsdProcess(machineOf(host));
    const relay = process.openRelay();
    assert.deepEqual(tunnelsOf(process.machine), RELAY[host]);
    assert.deepEqual(process.open.sort(), ["pipe", "pipe", "raw", "tun", "udp"]);
    closes(process, () => relay.close());
  });

  test(`${host}: openServer() makes one interface without an address, and takes it away`, () => {
    const process = new BsdProcess(machineOf(host));
    const server = process.openServer();
    assert.deepEqual(tunnelsOf(process.machine), SERVER[host]);
    assert.deepEqual(process.open.sort(), ["pipe", "pipe", "tun", "udp", "udp"]);
    closes(process, () => server.close());
  });

  test(`${host}: a relay and a server keep out of each other's way, whichever goes first`, () => {
    for (const isRelayFirst of [true, false]) {
      const machine = machineOf(host);
      const [first, second] = [new BsdProcess(machine), new BsdProcess(machine)];
      const server = first.openServer();
      const relay = second.openRelay();
      const name = isRenamed(host) ? "teredo" : "tun1";
      const ofRelay = renamed(RELAY[host], name);
      assert.deepEqual(tunnelsOf(machine), [...SERVER[host], ...ofRelay]);
      if (isRelayFirst) closes(second, () => relay.close(), SERVER[host]);
      closes(first, () => server.close(), isRelayFirst ? [] : ofRelay);
      if (!isRelayFirst) closes(second, () => relay.close());
    }
  });

  test(`${host}: a second server on one host has an interface of its own`, () => {
    const addresses = ["192.0.2.1/24", "192.0.2.2/24", "192.0.2.3/24", "192.0.2.4/24"];
    const machine = machineOf(host, { addresses });
    const [first, second] = [new BsdProcess(machine), new BsdProcess(machine)];
    const server = first.openServer();
    const other = second.openServer({
      bindAddress: HOST_IPV4 + 2,
      bindAddress2: HOST_IPV4_SECOND + 2,
    });
    assert.equal(tunnelsOf(machine).length, 2);
    closes(first, () => server.close(), tunnelsOf(machine).slice(1));
    closes(second, () => other.close());
  });

  test(`${host}: openRelay() makes the unit that InterfaceName names, and takes it away`, () => {
    for (const name of ["tun3", "tun9"]) {
      const process = new BsdProcess(machineOf(host, { tunNodes: 10 }));
      const relay = process.openRelay({ interfaceName: name });
      assert.deepEqual(tunnelsOf(process.machine), renamed(RELAY[host], name));
      closes(process, () => relay.close());
    }
  });

  test(`${host}: openRelay() leaves an operator's unit there, without what it had set up on it`, () => {
    const machine = machineOf(host);
    typeAsRoot(machine, "ifconfig tun3 create");
    const process = new BsdProcess(machine);
    const relay = process.openRelay({ interfaceName: "tun3" });
    assert.deepEqual(tunnelsOf(machine), renamed(RELAY[host], "tun3"));
    relay.close();
    const [left, ...others] = tunnelsOf(machine);
    assert.match(left!, /^tun3 mtu 1280 POINTOPOINT(,RUNNING|,MULTICAST)?$/);
    assert.deepEqual(others, []);
    const again = new BsdProcess(machine);
    const second = again.openRelay({ interfaceName: "tun3" });
    assert.deepEqual(tunnelsOf(machine), renamed(RELAY[host], "tun3"));
    closes(again, () => second.close(), [left!]);
  });

  test(`${host}: openRelay() takes the next unit when another program has the first`, () => {
    const backend = backendOf(host);
    backend.holdTun("vpn0");
    const before = tunnelsOf(backend.machine);
    const process = new BsdProcess(backend.machine);
    const relay = process.openRelay();
    const name = isRenamed(host) ? "teredo" : "tun1";
    assert.deepEqual(tunnelsOf(backend.machine).filter((line) => !before.includes(line)), [
      ...renamed(RELAY[host], name),
    ]);
    closes(process, () => relay.close(), before);
  });

  test(`${host}: openRelay() with the largest MTU that tun(4) takes`, () => {
    const mtu = MOST_MTU[host];
    const process = new BsdProcess(machineOf(host));
    const relay = process.openRelay({ rules: { ...RELAY_START.rules, mtu } });
    assert.match(tunnelsOf(process.machine)[0]!, new RegExp(`^\\w+ mtu ${mtu} `));
    closes(process, () => relay.close());
  });

  test(`${host}: openRelay() is not kept by routes of other prefixes, wider or narrower`, () => {
    const machine = machineOf(host);
    const add = host === "OpenBSD 7"
      ? (address: string, length: number) =>
        `route add -inet6 ${address} -prefixlen ${length} 2001:db8::1`
      : (address: string, length: number) => `route add -inet6 ${address}/${length} 2001:db8::1`;
    for (
      const [address, length] of [["2000::", 3], ["2001::", 16], ["2001:0:4136::", 48]] as const
    ) {
      assert.equal(typeAsRoot(machine, add(address, length)).status, 0);
    }
    const before = tunnelsOf(machine);
    const process = new BsdProcess(machine);
    const relay = process.openRelay();
    closes(process, () => relay.close(), before);
  });
}
