import assert from "node:assert/strict";
import test from "node:test";
import type { RelayConfig } from "#src/config/config.ts";
import {
  permissionOf,
  serverPermissionOf,
  serverWishOf,
  wishOf,
} from "#src/daemon/fast_path/decide.ts";
import type { FilterReport, Handled, Traffic } from "#src/daemon/host/traffic.ts";
import { relayConfig, serverConfig } from "#test/daemon/checks/fake_host.ts";

const wishes: readonly [RelayConfig["fastPath"], record: boolean, refusal: string | undefined][] = [
  ["auto", false, undefined],
  ["on", false, undefined],
  ["off", false, "`fast_path = off`"],
  ["off", true, "`fast_path = off`"],
  ["auto", true, "`record = yes`, by which the relay sees every packet"],
  ["on", true, "`record = yes`, by which the relay sees every packet"],
];

for (const [fastPath, record, refusal] of wishes) {
  test(`wishOf() with fast_path = ${fastPath}, record = ${record}`, () => {
    const relay = relayConfig({ fastPath, fastPathPeers: 99 });
    assert.deepEqual(wishOf({ relay, status: { record } }), { refusal, peers: 99 });
  });
}

const TRAFFIC = { subject: "UDP datagrams to port 3545" } as Traffic;
const does = (what: string, by: string): Handled => ({ traffic: TRAFFIC, what, by });
const report = (changes: Partial<FilterReport>): FilterReport => ({
  filtered: [],
  handled: [],
  asked: [],
  seen: ["nftables"],
  unseen: [],
  ...changes,
});

const reports: readonly [string, FilterReport | undefined, missed: string | undefined][] = [
  ["no filters", report({}), undefined],
  ["filters not known", undefined, "what packet filters there are is not known"],
  [
    "filters that cannot be read",
    report({ unseen: ["nftables: that takes CAP_NET_ADMIN"] }),
    "cannot look at nftables: that takes CAP_NET_ADMIN",
  ],
  [
    "filters of which some cannot be read",
    report({ unseen: ["iptables-legacy: that takes root"], handled: [does("limit", "rule A")] }),
    "cannot look at iptables-legacy: that takes root",
  ],
  ["a rule", report({ handled: [does("limit", "rule A")] }), '"limit" of rule A'],
  [
    "one rule that does two things",
    report({ handled: [does("limit", "rule A"), does("log", "rule A")] }),
    '"limit" of rule A',
  ],
  [
    "several rules",
    report({ handled: ["A", "B", "A", "C"].map((it) => does("masq", `rule ${it}`)) }),
    '"masq" of rule A, and 2 more',
  ],
];

for (const [name, filters, missed] of reports) {
  test(`permissionOf() lets nobody miss packets by itself: ${name}`, () => {
    assert.deepEqual(permissionOf("auto", filters), {
      refusal: missed && `something would miss packets: ${missed}`,
      note: undefined,
    });
  });

  test(`permissionOf() of one who wants it says who misses packets: ${name}`, () => {
    assert.deepEqual(permissionOf("on", filters), {
      refusal: undefined,
      note: missed && `past what sees packets: ${missed}`,
    });
  });
}

for (const [fastPath, record, refusal] of wishes) {
  test(`serverWishOf() with fast_path = ${fastPath}, record = ${record}`, () => {
    const wish = serverWishOf({ server: serverConfig({ fastPath }), status: { record } });
    assert.equal(wish.refusal, refusal?.replace("relay", "server"));
  });
}

const CHAINS = ["chain input of table inet filter", "chain output of table ip filter"];
const ofServer: readonly [string, FilterReport | undefined, missed: string | undefined][] = [
  ["no filters", report({}), undefined],
  ["filters not known", undefined, "what packet filters there are is not known"],
  [
    "filters that cannot be read",
    report({ unseen: ["nftables: no"] }),
    "cannot look at nftables: no",
  ],
  ["chains with rules that do nothing to strangers", report({ asked: CHAINS }), CHAINS[0]],
];

for (const [name, filters, missed] of ofServer) {
  test(`serverPermissionOf() of ${name}`, () => {
    assert.deepEqual(serverPermissionOf("auto", filters), {
      refusal: missed && `something would miss packets: ${missed}`,
      note: undefined,
    });
    assert.deepEqual(serverPermissionOf("on", filters), {
      refusal: undefined,
      note: missed && `past what sees packets: ${missed}`,
    });
  });
}
