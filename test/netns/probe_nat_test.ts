import assert from "node:assert/strict";
import test from "node:test";
import { Lab } from "#src/demo/lab.ts";
import type { NatKind } from "#src/demo/nat.ts";
import { SECONDARY_ADDRESS, SERVER_ADDRESS } from "#src/demo/topology.ts";
import type { NatWord, ProbeOutcome } from "#src/probe/outcome.ts";
import { problemsOf } from "#test/status/schema_validator.ts";
import { inLanes } from "./lanes.ts";
import { startServer, teredo } from "./programs.ts";
import { asked } from "./traffic.ts";

/** Every NAT of the lab, with what a probe behind it must say in each of the cases. */
const SITES: readonly NatKind[] = [
  "full-cone",
  "restricted",
  "port-restricted",
  "symmetric",
  "none",
  "none",
];
/** The last site stands behind a firewall of its own. */
const FIREWALLED = SITES.length - 1;

/** Two plain masquerading routers that take strangers' packets for their own. */
const UNFILTERED = "nft flush chain ip nat input";

interface Case {
  readonly name: string;
  /** Done in the namespaces of the NATs, and in the server's. */
  readonly nats?: string;
  readonly server?: string;
  readonly says: readonly (NatWord | "server_silent")[];
}

const drop = (chain: string, match: string) =>
  `nft -f - <<'RULES'
table ip deaf { chain ${chain} { type filter hook ${chain} priority 0; ${match} drop;
} 
}
RULES`;

const SECONDARY_HEARS_NOTHING = drop("input", `ip daddr ${SECONDARY_ADDRESS}`);
const SECONDARY_IS_MUTE = `${SECONDARY_HEARS_NOTHING}\n${
  drop("output", `ip saddr ${SECONDARY_ADDRESS}`)
}`;

const told: Case["says"] = ["cone", "restricted", "restricted", "symmetric", "none", "firewall"];
const deaf: Case["says"] = ["cone", "unknown", "unknown", "unknown", "none", "none_or_firewall"];
const mute: Case["says"] = [
  ...Array<"unknown">(4).fill("unknown"),
  "none_or_firewall",
  "none_or_firewall",
];
const silent = SITES.map(() => "server_silent" as const);

const CASES: readonly Case[] = [
  { name: "the NAT drops strangers' packets", says: told },
  { name: "the NAT takes strangers' packets for its own", nats: UNFILTERED, says: told },
  {
    name: "the secondary address hears nothing",
    server: SECONDARY_HEARS_NOTHING,
    says: deaf,
  },
  {
    name: "the secondary address hears nothing, and the NAT takes strangers' packets for its own",
    nats: UNFILTERED,
    server: SECONDARY_HEARS_NOTHING,
    says: deaf,
  },
  {
    name: "the secondary address hears nothing and says nothing",
    nats: UNFILTERED,
    server: SECONDARY_IS_MUTE,
    says: mute,
  },
  {
    name: "the server hears nothing",
    nats: UNFILTERED,
    server: drop("input", "udp dport 3544"),
    says: silent,
  },
];

const outcomes = inLanes(CASES.map((one) => () => run(one)), 3);

async function run({ nats, server, says }: Case): Promise<ProbeOutcome[]> {
  const lab = await Lab.create({ nats: SITES });
  try {
    await startServer(lab, "teredo");
    if (server !== undefined) await lab.sh("srv", server);
    await lab.sh(`cli${FIREWALLED}`, FIREWALL);
    for (const site of lab.sites) {
      if (nats !== undefined && site.nat !== "none") await lab.sh(site.natNamespace, nats);
    }
    return await Promise.all(
      lab.sites.map((site, i) =>
        asked(() => qualify(lab, site.client), (outcome) => saidBy(outcome) === says[i])
      ),
    );
  } finally {
    await lab.close();
  }
}

const FIREWALL = `nft -f - <<'RULES'
table ip own { chain input { type filter hook input priority 0; policy drop;
ct state established,related accept
} 
}
RULES`;

const saidBy = ({ nat, failure }: ProbeOutcome) => failure?.step ?? nat;

async function qualify(lab: Lab, client: string): Promise<ProbeOutcome> {
  const { stdout, stderr } = await lab.run(client, teredo("probe", SERVER_ADDRESS, "--json"), {
    timeout: 600_000,
  });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as ProbeOutcome;
}

for (const [i, { name, says }] of CASES.entries()) {
  test(`teredo probe tells each NAT's kind where ${name}`, { timeout: 600_000 }, async () => {
    const all = await outcomes[i]!;
    assert.deepEqual(all.map(saidBy), says);
    for (const outcome of all) {
      assert.deepEqual(problemsOf(outcome, "probed"), [], JSON.stringify(outcome));
    }
  });
}
