import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { checkFirewall } from "#src/daemon/checks/firewall.ts";
import { type CheckResult, formatCheck } from "#src/daemon/checks/result.ts";
import { clientTraffic } from "#src/daemon/checks/client/traffic.ts";
import { linuxHost } from "#src/daemon/host/linux/mod.ts";
import { clientConfig, relayConfig, serverConfig } from "#test/daemon/checks/fake_host.ts";
import { Crossing, libc, RELAY_ADDRESS, RELAY_PORT } from "#test/netns/crossing.ts";
import { inNamespace } from "#test/runtime/namespace.ts";

/**
 * What `check client` says of filters is what the kernel does to a client's datagrams and to what is
 * answered; and with the commands that it prints all of them pass.
 */

interface Ruleset {
  readonly name: string;
  readonly sh: readonly string[];
  /** What is amiss, of a client whose port the kernel chooses. */
  readonly says: readonly RegExp[];
  /** Whether questions leave, and whether answers come in, as the rules are. */
  readonly passes: readonly [out: boolean, back: boolean];
}

const input = (rules: string, policy: string) =>
  `nft 'table inet f { chain input { type filter hook input priority 0; policy ${policy}; ${rules}
}
}
'`;

const RULESETS: readonly Ruleset[] = [
  { name: "none", sh: [], says: [], passes: [true, true] },
  {
    name: "input that lets only loopback in",
    sh: ["iptables-nft -P INPUT DROP", "iptables-nft -A INPUT -i lo -j ACCEPT"],
    says: [
      /^FAIL firewall: answers of servers .*, answers of peers .* are dropped by the policy of chain INPUT .*; mend: .* -A INPUT -p udp -m conntrack --ctstate ESTABLISHED -j ACCEPT$/,
    ],
    passes: [true, false],
  },
  {
    name: "input that drops what servers send",
    sh: ["iptables-nft -I INPUT -p udp --sport 3544 -j DROP"],
    says: [
      /^FAIL firewall: answers of servers \(UDP from port 3544\) to 198\.51\.100\.50 are dropped by rule 1 in chain INPUT .*; mend: .* -I INPUT 1 -p udp -m conntrack --ctstate ESTABLISHED -j ACCEPT$/,
    ],
    passes: [true, false],
  },
  {
    name: "input that keeps state, by iptables",
    sh: [
      "iptables-nft -P INPUT DROP",
      "iptables-nft -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ],
    says: [],
    passes: [true, true],
  },
  {
    name: "input that keeps state, by nftables",
    sh: [input("ct state established,related accept;", "drop")],
    says: [],
    passes: [true, true],
  },
  {
    name: "input that drops all, by nftables",
    sh: [input("", "drop")],
    says: [
      /^FAIL firewall: .* dropped by the policy of chain input .*; mend: nft add rule inet f input ct state established meta l4proto udp accept$/,
    ],
    passes: [true, false],
  },
  {
    name: "output that drops what is for servers",
    sh: ["iptables-nft -I OUTPUT -p udp --dport 3544 -j DROP"],
    says: [
      /^FAIL firewall: UDP datagrams from 198\.51\.100\.50 to port 3544 of servers are dropped by rule 1 in chain OUTPUT .*; mend: .* -I OUTPUT 1 -p udp --dport 3544 -j ACCEPT$/,
    ],
    passes: [false, true],
  },
  {
    name: "output that drops all UDP",
    sh: ["iptables-nft -A OUTPUT -p udp -j DROP"],
    says: [
      /^FAIL firewall: UDP datagrams .* to port 3544 of servers .*--dport 3544 -j ACCEPT$/,
      /^FAIL firewall: UDP datagrams .* to peers .*; mend: .* -I OUTPUT 1 -p udp -j ACCEPT$/,
    ],
    passes: [false, true],
  },
];

/** Enough for the chains that come one after another, both ways. */
const MOST_MENDS = 6;

function run(script: string): void {
  const { status, stderr } = spawnSync("sh", ["-e"], { input: script, encoding: "utf8" });
  assert.equal(status, 0, `${script}\n${stderr}`);
}

inNamespace(import.meta.filename!, () => {
  const crossing = new Crossing();
  const check = (bindPort: number): CheckResult[] => {
    const client = clientConfig({ bindAddress: RELAY_ADDRESS, bindPort });
    const config = { relay: relayConfig(), server: serverConfig(), client };
    return checkFirewall(linuxHost(libc), "client", config)
      .filter(({ verdict }) => verdict !== "ok");
  };

  /** The way of one server's datagrams, after the question that they answer. */
  function carry(wanted: Ruleset["passes"], by: string): void {
    const endpoint = { address: RELAY_ADDRESS, port: RELAY_PORT };
    const traffic = clientTraffic(linuxHost(libc), clientConfig(), endpoint);
    const [out, back] = (["output", "input"] as const).map((path) =>
      traffic.find((it) => it.path === path && /servers/.test(it.subject))!
    );
    crossing.forgetConnections();
    const passed = [
      crossing.passes(out!, out!.packets[0]!, wanted[0]),
      wanted[0] ? crossing.passes(back!, back!.packets[0]!, wanted[1]) : wanted[1],
    ];
    assert.deepEqual(passed, wanted, by);
  }

  for (const { name, sh, says, passes } of RULESETS) {
    for (const port of [0, RELAY_PORT]) {
      const whose = port === 0 ? "a port that the kernel chooses" : "a port of its own";
      test(`checkFirewall() of a client with ${whose}: ${name}`, { timeout: 600_000 }, () => {
        run(["nft flush ruleset", ...sh].join("\n"));
        const lines = check(port).map(formatCheck);
        if (port === 0) {
          assert.equal(lines.length, says.length, lines.join("\n"));
          says.forEach((line, i) => assert.match(lines[i]!, line));
        } else assert.equal(lines.length, Math.min(says.length, 1), lines.join("\n"));
        carry(passes, "as the rules are");
        for (let i = 0; i < MOST_MENDS; i++) {
          const [result] = check(port);
          if (result === undefined) break;
          run(result.mend!);
        }
        assert.deepEqual(check(port).map(formatCheck), []);
        carry([true, true], "with what was printed");
        run("nft flush ruleset");
      });
    }
  }

  test("checkFirewall() of a client knows no command for what comes before connections are known", () => {
    run(`nft 'flush ruleset
table inet f { chain pre { type filter hook prerouting priority -300; udp sport 3544 drop;
}
}
'`);
    const [line] = check(0).map(formatCheck);
    assert.match(
      line!,
      /^FAIL firewall: answers of servers .*; mend: accept them before they come/,
    );
  });
}, 600_000);
