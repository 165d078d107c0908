import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { checkFirewall } from "#src/daemon/checks/firewall.ts";
import type { CheckResult } from "#src/daemon/checks/result.ts";
import { relayTraffic } from "#src/daemon/checks/traffic.ts";
import { linuxHost } from "#src/daemon/host/linux/mod.ts";
import type { Filtered, SamplePacket, Traffic } from "#src/daemon/host/traffic.ts";
import { clientConfig, relayConfig, serverConfig } from "#test/daemon/checks/fake_host.ts";
import { inNamespace } from "#test/runtime/namespace.ts";
import { Crossing, libc, RELAY_ADDRESS, RELAY_PORT } from "./crossing.ts";
import { type Ruleset, RULESETS } from "./rulesets.ts";

/**
 * Each ruleset is set up for real; then every sample packet is sent for real. What the check says of
 * it and what the kernel does to it must be the same, and after the commands that the check prints
 * everything that is needed must pass.
 */

const RELAY = relayConfig({ bindAddress: RELAY_ADDRESS, bindPort: RELAY_PORT });
const CONFIG = { relay: RELAY, server: serverConfig(), client: clientConfig() };
/** Enough for chains that come one after another. */
const MOST_MENDS = 12;

/** So that connections are tracked before the rules under test are there, and go on being. */
const TRACKING = `table inet tracking {
  chain pre { type filter hook prerouting priority -1000; ct state new counter; }
}
`;

function run(script: string): void {
  const { status, stderr } = spawnSync("sh", ["-e"], { input: script, encoding: "utf8" });
  assert.equal(status, 0, `${script}\n${stderr}`);
}

function nft(rules: string): void {
  // nft wants each block to end a line.
  run(`nft -f - <<'RULES'\n${rules.replace(/\} (?=\})/g, "}\n")}\nRULES\n`);
}

const LEGACY_RESET = ["iptables-legacy-restore", "ip6tables-legacy-restore"].map((program) =>
  `${program} -w <<'RULES'
*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:OUTPUT ACCEPT
COMMIT
*mangle
COMMIT
*raw
COMMIT
RULES`
).join("\n");

function reset({ sh }: Ruleset): void {
  nft(`flush ruleset\n${TRACKING}`);
  if (sh?.some((line) => line.includes("-legacy"))) run(LEGACY_RESET);
}

function apply({ nft: rules, sh }: Ruleset): void {
  if (rules !== undefined) nft(rules);
  if (sh !== undefined) run(sh.join("\n"));
}

const OPTIONS = { timeout: 600_000 };

const worst = (results: readonly CheckResult[]) =>
  (["fail", "warn", "ok"] as const).find((verdict) =>
    results.some((result) => result.verdict === verdict)
  );

/** Of each packet: dropped for certain, passes for certain, or open. */
function predicted(filtered: readonly Filtered[], traffic: Traffic, packet: SamplePacket) {
  const own = filtered.filter((one) => one.traffic === traffic && one.packets.includes(packet));
  if (own.some((one) => one.certain)) return "dropped";
  return own.length === 0 ? "passes" : "open";
}

inNamespace(import.meta.filename!, () => {
  const crossing = new Crossing();
  /** A new one each time, which remembers nothing. */
  const host = () => linuxHost(libc);
  const traffic = relayTraffic(host(), RELAY, "teredo");
  const find = (subject: RegExp) => traffic.find((it) => subject.test(it.subject))!;
  const outward = find(/packets from clients/);
  const answers = find(/IPv6 hosts' answers/);

  /** Sends the packets of connections that are known first, then the others, each as a new one. */
  function sendAll(check: (one: Traffic, packet: SamplePacket) => void): void {
    for (const isKnown of [true, false]) {
      for (const one of traffic) {
        const packets = one.packets.length > 4 ? one.packets.slice(0, 4) : one.packets;
        for (const packet of packets) {
          const known = packet.tracked === "established" || packet.tracked === "related";
          if (known !== isKnown) continue;
          if (!isKnown) crossing.forgetConnections();
          check(one, packet);
        }
      }
    }
  }

  function connect(): void {
    crossing.forgetConnections();
    assert.ok(crossing.passes(outward, outward.packets[0]!, true), "no connection could be made");
    assert.ok(crossing.passes(answers, answers.packets[0]!, true), "it was not answered");
  }

  for (const ruleset of RULESETS) {
    test(`checkFirewall() says what the kernel does: ${ruleset.name}`, OPTIONS, () => {
      reset(ruleset);
      connect();
      apply(ruleset);
      const report = host().filters(() => traffic)!;
      const results = checkFirewall(host(), "relay", CONFIG);
      const text = results.map((it) => `${it.verdict} ${it.detail}; ${it.mend}`).join("\n");
      assert.equal(worst(results), ruleset.verdict, text);
      for (const says of ruleset.says ?? []) {
        assert.ok(results.some(({ detail }) => says.test(detail)), `${says}\n${text}`);
      }
      sendAll((one, packet) => {
        const wanted = predicted(report.filtered, one, packet);
        if (wanted === "open") return;
        const passed = crossing.passes(one, packet, wanted === "passes");
        assert.equal(
          passed ? "passes" : "dropped",
          wanted,
          `${one.subject}: ${packet.what}\n${text}`,
        );
      });
      if (ruleset.verdict === "ok") return reset(ruleset);
      reset(ruleset);
      connect();
      apply(ruleset);
      mend();
      const left = host().filters(() => traffic)!.filtered;
      assert.deepEqual(left.map(({ by, mend }) => [by, mend]), []);
      sendAll((one, packet) =>
        assert.ok(crossing.passes(one, packet, true), `${one.subject}: ${packet.what}\n${text}`)
      );
      reset(ruleset);
    });
  }

  function mend(): void {
    for (let i = 0; i < MOST_MENDS; i++) {
      const [result] = checkFirewall(host(), "relay", CONFIG)
        .filter(({ verdict }) => verdict !== "ok");
      if (result === undefined) return;
      run(result.mend!);
    }
  }
}, 600_000);
