import assert from "node:assert/strict";
import test from "node:test";
import { keyOf, standpointOf } from "#src/daemon/client/standpoint.ts";
import { ROOT_SERVERS_4 } from "#src/daemon/host/samples.ts";
import type { AttachedAddress, NetworkNow } from "#src/daemon/host/network.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";

const ip = (text: string) => parseIpv4(text)!;

const attached = (address: string, length: number, loopback = false): AttachedAddress => ({
  interfaceName: loopback ? "lo" : "eth0",
  loopback,
  address: ip(address),
  length,
  broadcast: undefined,
});

const NOW: NetworkNow = {
  ipv4: [attached("127.0.0.1", 8, true), attached("192.168.1.2", 24)],
  localAddress: ip("192.168.1.2"),
  way: "eth0, 192.168.1.1",
  nativeIpv6: { address: parseIpv6("2001:db8::2")!, via: "eth0" },
};

test("standpointOf: no peer has an address of ours, no neighbour is on loopback", () => {
  const asked: unknown[] = [];
  const look = (...words: unknown[]) => {
    asked.push(words);
    return NOW;
  };
  assert.deepEqual(standpointOf({ look }, [ip("192.0.2.1"), ip("192.0.2.9")], "teredo"), {
    ownAddresses: ["127.0.0.1", "192.168.1.2"].map(ip),
    subnets: [{ address: ip("192.168.1.2"), length: 24 }],
    localAddress: ip("192.168.1.2"),
    gateway: "eth0, 192.168.1.1",
    native: "2001:db8::2 by eth0",
  });
  const [root] = ROOT_SERVERS_4;
  assert.deepEqual(asked, [[[ip("192.0.2.1"), ip("192.0.2.9"), root], "teredo", 0]]);
});

test("standpointOf: without a way anywhere; with more addresses than are heeded", () => {
  const many = Array.from({ length: 1_000 }, (_, i) => attached(`10.${i >> 8}.${i & 255}.1`, 24));
  const none = { ipv4: many, localAddress: undefined, way: "", nativeIpv6: undefined };
  const found = standpointOf({ look: () => none }, [], "teredo");
  assert.deepEqual([found.localAddress, found.gateway, found.native], [0, "", undefined]);
  assert.equal(found.ownAddresses.length, 256);
});

test("standpointOf: an address that all is to leave from is missing where it is not here", () => {
  const source = ip("192.168.1.9");
  const look = (now: Partial<NetworkNow>) =>
    standpointOf({ look: () => ({ ...NOW, ...now }) }, [], "teredo", source);
  const none = { localAddress: undefined, way: "" };
  assert.equal(look(none).missing, source);
  // It is here, and the cable is out.
  assert.equal(look({ ...none, ipv4: [attached("192.168.1.9", 24)] }).missing, undefined);
  // Of a whole prefix that is this host's: `ip route add local`.
  assert.equal(look({ localAddress: source }).missing, undefined);
  assert.equal(
    standpointOf({ look: () => ({ ...NOW, ...none }) }, [], "teredo").missing,
    undefined,
  );
});

test("keyOf: native IPv6 makes no other network, another gateway does", () => {
  const here = standpointOf({ look: () => NOW }, [], "teredo");
  assert.equal(keyOf(here), keyOf({ ...here, native: undefined }));
  assert.notEqual(keyOf(here), keyOf({ ...here, gateway: "eth0, 192.168.1.254" }));
});
