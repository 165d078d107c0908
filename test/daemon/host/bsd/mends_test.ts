import assert from "node:assert/strict";
import test from "node:test";
import type { RelayConfig } from "#src/config/config.ts";
import { checkRelay } from "#src/daemon/checks/role.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { type Bsd, type BsdFacts, bsdMachine, BSDS } from "./machine.ts";
import { relayConfig } from "../../checks/fake_host.ts";

/** Where the commands are that mends name. MAKEDEV is typed into a shell in /dev. */
const PATHS: Readonly<Record<string, string>> = {
  ifconfig: "/sbin/ifconfig",
  kldload: "/sbin/kldload",
  sysctl: "/sbin/sysctl",
  MAKEDEV: "/dev/MAKEDEV",
};

/** The command in a mend, which may have words around it. */
function commandIn(mend: string): readonly string[] {
  const [command, ...args] = mend
    .replace(/^.*(?=MAKEDEV)/, "")
    .replace(/[`;].*$/, "")
    .split(" ");
  return [PATHS[command!] ?? assert.fail(`no such command in: ${mend}`), ...args];
}

interface Mendable {
  readonly name: string;
  readonly check: string;
  readonly systems?: readonly Bsd[];
  readonly facts?: BsdFacts;
  readonly relay?: Partial<RelayConfig>;
}

const mendables: readonly Mendable[] = [
  { name: "forwarding", check: "forwarding", facts: { options: { forwards: false } } },
  {
    name: "a missing address",
    check: "address",
    relay: { bindAddress: parseIpv4("198.51.100.9")! },
  },
  {
    name: "a missing device",
    check: "tun",
    systems: ["OpenBSD", "NetBSD"],
    facts: { options: { tunNodes: 0 } },
  },
  {
    name: "a driver that is not loaded",
    check: "tun",
    systems: ["FreeBSD", "DragonFly BSD"],
    facts: { options: { tunLoaded: false } },
  },
  {
    name: "cloning",
    check: "tun",
    systems: ["FreeBSD"],
    facts: { prepare: ({ sysctls }) => void sysctls.set("net.link.tun.devfs_cloning", "0") },
  },
];

for (const { name, check, systems = BSDS, facts, relay } of mendables) {
  for (const system of systems) {
    test(`the command that checkRelay() on ${system} gives for ${name} mends it`, () => {
      const { host, libc } = bsdMachine(system, facts);
      const look = () =>
        checkRelay(host, relayConfig(relay)).find((result) => result.name === check)!;
      const before = look();
      assert.notEqual(before.verdict, "ok");
      const ran = libc.run(commandIn(before.mend!));
      assert.deepEqual([ran.status, ran.stderr], [0, ""]);
      assert.deepEqual([look().verdict, look().mend], ["ok", undefined]);
      assert.deepEqual(libc.faults, []);
    });
  }
}
