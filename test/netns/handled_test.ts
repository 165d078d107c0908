import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { relayTraffic } from "#src/daemon/checks/traffic.ts";
import { linuxHost } from "#src/daemon/host/linux/mod.ts";
import { relayConfig } from "#test/daemon/checks/fake_host.ts";
import { inNamespace } from "#test/runtime/namespace.ts";
import { Crossing, libc, RELAY_ADDRESS, RELAY_PORT } from "./crossing.ts";

/**
 * What rules do to datagrams that flow besides letting them pass: a fast path that carries them past
 * the rules would take it from whoever set them up.
 */

const RELAY = relayConfig({ bindAddress: RELAY_ADDRESS, bindPort: RELAY_PORT });

const chain = (hook: string, rules: string, type = "filter") =>
  `table inet t { chain c { type ${type} hook ${hook} priority 0; ${rules}
} }`;
const input = (rules: string) => chain("input", rules);
const output = (rules: string) => chain("output", rules);

interface Case {
  readonly name: string;
  readonly nft?: string;
  readonly sh?: readonly string[];
  /** Each once, sorted. */
  readonly does: readonly string[];
}

const NFT: readonly Case[] = [
  { name: "nothing", nft: "", does: [] },
  {
    name: "a rule that accepts, and counts by the way",
    nft: input("udp dport 3545 counter accept"),
    does: [],
  },
  {
    name: "a rule that drops what is no part of a flow",
    nft: input("ct state new drop"),
    does: [],
  },
  {
    name: "a limit of new connections",
    nft: input("ct state new limit rate 9/second accept"),
    does: [],
  },
  { name: "a blocklist", nft: input("ip saddr { 192.0.2.0/24 } counter log drop"), does: [] },
  { name: "no tracking", nft: chain("prerouting", "udp dport 3545 notrack"), does: [] },
  {
    name: "translation of what others send",
    nft: chain("postrouting", "ip saddr 10.0.0.0/8 masquerade", "nat"),
    does: [],
  },
  { name: "a rule that only counts", nft: input("udp dport 3545 counter"), does: ["counter"] },
  { name: "a limit", nft: input("udp dport 3545 limit rate 9/second accept"), does: ["limit"] },
  {
    name: "a limit beyond which all is dropped",
    nft: output("udp sport 3545 limit rate over 9/second drop"),
    does: ["limit"],
  },
  { name: "a quota", nft: input("udp dport 3545 quota over 9 mbytes drop"), does: ["quota"] },
  { name: "a log", nft: output("udp sport 3545 log accept"), does: ["log"] },
  { name: "a mark", nft: input("udp dport 3545 meta mark set 1"), does: ["a mark (meta)"] },
  { name: "a connection's mark", nft: chain("prerouting", "ct mark set 1"), does: ["a mark (ct)"] },
  { name: "a class of service", nft: output("ip dscp set ef"), does: ["a change of the packet"] },
  { name: "what goes by the length", nft: input("ip length > 500 drop"), does: ["payload"] },
  {
    name: "masquerading of all",
    nft: chain("postrouting", "masquerade", "nat"),
    does: ["masq"],
  },
  {
    name: "another port for clients",
    nft: chain("prerouting", "udp dport 3545 redirect to :4000", "nat"),
    does: ["redir"],
  },
  {
    name: "a named counter",
    nft:
      "table inet t { counter bill { }\n chain c { type filter hook input priority 0; counter name bill accept; } }",
    does: ["objref"],
  },
  {
    name: "a list that is written to",
    nft:
      "table inet t { set seen { type ipv4_addr; flags dynamic; size 99; }\n chain c { type filter hook input priority 0; add @seen { ip saddr }; } }",
    does: ["dynset"],
  },
  {
    name: "a chain that is called, and limits there",
    nft:
      "table inet t { chain d { limit rate 9/second accept; }\n chain c { type filter hook input priority 0; jump d; } }",
    does: ["limit"],
  },
  {
    name: "a limit at the device",
    nft:
      `table netdev t { chain c { type filter hook ingress device v4 priority 0; limit rate 9/second accept; } }`,
    does: ["limit"],
  },
  { name: "IPv6 alone", nft: input("meta nfproto ipv6 counter log limit rate 9/second"), does: [] },
  { name: "forwarded packets alone", nft: chain("forward", "counter log"), does: [] },
];

const IPSEC: Case = {
  name: "a policy of IPsec",
  sh: ["ip xfrm policy add src 10.0.0.0/8 dst 10.1.0.0/16 dir out tmpl proto esp mode transport"],
  does: ["ipsec"],
};

const iptables = (program: string): readonly Case[] => [
  {
    name: `${program}: a rule that accepts`,
    sh: [`${program} -A INPUT -p udp --dport 3545 -j ACCEPT`],
    does: [],
  },
  {
    name: `${program}: a rule without a target`,
    sh: [`${program} -A INPUT -p udp --dport 3545`],
    does: ["counter"],
  },
  {
    name: `${program}: a mark`,
    sh: [`${program} -t mangle -A OUTPUT -p udp -j MARK --set-mark 1`],
    does: ["MARK"],
  },
  {
    name: `${program}: a limit`,
    sh: [`${program} -A INPUT -p udp -m limit --limit 9/s -j ACCEPT`],
    does: ["limit"],
  },
  {
    name: `${program}: a limit of an established flow's first packet`,
    sh: [
      `${program} -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT`,
      `${program} -A INPUT -p udp -m limit --limit 9/s -j ACCEPT`,
    ],
    does: [],
  },
  {
    name: `${program}: a log`,
    sh: [`${program} -A OUTPUT -p udp -j NFLOG`],
    does: [program === "iptables-nft" ? "log" : "NFLOG"],
  },
];

const CASES = [...NFT, IPSEC, ...iptables("iptables-nft"), ...iptables("iptables-legacy")];

function run(script: string): void {
  const { status, stderr } = spawnSync("sh", ["-e"], { input: script, encoding: "utf8" });
  assert.equal(status, 0, `${script}\n${stderr}`);
}

const LEGACY_RESET =
  "iptables-legacy-restore -w <<'RULES'\n*filter\nCOMMIT\n*mangle\nCOMMIT\nRULES";

inNamespace(import.meta.filename!, () => {
  void new Crossing();
  const traffic = () => relayTraffic(linuxHost(libc), RELAY, "teredo");

  for (const { name, nft = "", sh = [], does } of CASES) {
    test(`Host.filters() tells what rules do to what flows: ${name}`, () => {
      const legacy = sh.some((line) => line.includes("-legacy")) ? LEGACY_RESET : "";
      run(`nft -f - <<'RULES'\nflush ruleset\n${nft.replace(/\} (?=\})/g, "}\n")}\nRULES\n`);
      run([legacy, ...sh].join("\n"));
      const { handled, asked, unseen } = linuxHost(libc).filters(traffic)!;
      run(`${legacy}\nip xfrm policy flush`);
      assert.deepEqual(unseen, []);
      // Only of these there is no chain with rules that IPv4 datagrams to and from us come by.
      const isFree = ["nothing", "forwarded packets alone", "a policy of IPsec"].includes(name);
      assert.equal(asked.length === 0, isFree, asked.join());
      assert.deepEqual([...new Set(handled.map(({ what }) => what))].sort(), does);
      for (const { by, traffic } of handled) {
        assert.match(by, /chain \w+ of table|ip xfrm policy/);
        assert.match(traffic.subject, /^UDP datagrams (to|from) 198\.51\.100\.50:3545$/);
      }
    });
  }
});
