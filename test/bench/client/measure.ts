import { HOST_IPV6 } from "#src/demo/topology.ts";
import { type Maker, wait } from "#test/netns/programs.ts";
import type { Labs } from "../labs.ts";
import type { Measured, Results, RowSpec } from "../results.ts";
import { ClientLab, ROUND_TRIP_MS } from "./client_lab.ts";

type Frames = "real" | "super";

const MAKERS: readonly Maker[] = ["miredo", "teredo"];
const TCP_SECONDS = 2;
/** Longer than anybody waits, and than any refresh. */
const OUTAGE_PATIENCE_MS = 45_000;
const LOOK_EVERY_MS = 250;
const SLEEP_MS = 60_000;
const FIRST_PATIENCE_S = 20;

const row = (name: string, unit: string, better: "more" | "less", rest: Partial<RowSpec> = {}) =>
  ({ part: "i", name, unit, better, ...rest }) as const;

const QUALIFY = row(
  `from the first datagram to the address, round trip ${ROUND_TRIP_MS} ms`,
  "ms",
  "less",
  {
    most: 1.2 * ROUND_TRIP_MS,
  },
);
const NATIVE = row("first packet to a native host, there and back", "ms", "less");
const PEER = row("first packet to a peer behind another NAT, there and back", "ms", "less");
const TCP = (direction: string, frames: Frames) =>
  row(`TCP, ${direction}, 1 flow`, "Gbit/s", "more", {
    wireLike: frames === "real",
    targets: [{ than: "miredo", ratio: 4 }],
  });
const COST = (direction: string, frames: Frames) =>
  row(`processor time a TCP segment, ${direction}`, "us", "less", {
    wireLike: frames === "real",
    targets: [{ than: "miredo", ratio: 0.4 }],
  });
const SERVER_DIES = row("without new hosts, after the server died", "s", "less", { most: 5 });
const NAT_FORGETS = row("without service, after the NAT forgot and gave another port", "s", "less");
const WAKES = row("without service, after a sleep of 60 s in which the NAT forgot", "s", "less", {
  most: 1,
});

/** (i) A client of ours beside Miredo's: the same servers, relay, NATs and links. */
export async function measureClients(_labs: Labs, results: Results): Promise<void> {
  for (const maker of MAKERS) {
    const lab = await ClientLab.create(maker);
    try {
      await measureOne(lab, results);
    } finally {
      await lab.close();
    }
  }
}

async function measureOne(lab: ClientLab, results: Results): Promise<void> {
  const { maker } = lab;
  let isUp = false;
  await results.measure(QUALIFY, maker, async () => {
    const duration = await lab.start();
    isUp = true;
    return duration;
  });
  if (!isUp) throw new Error(`${maker}'s client has no address`);
  await results.measure(NATIVE, maker, () => first(lab, lab.stranger()));
  await results.measure(PEER, maker, async () => first(lab, await lab.addressOf("cli1")));
  for (const frames of ["super", "real"] as const) {
    await lab.setFrames(frames);
    for (const direction of ["up", "down"] as const) {
      const rows = [TCP(direction, frames), COST(direction, frames)];
      await results.measureAll(rows, maker, () => lab.tcp(direction, TCP_SECONDS));
    }
  }
  await results.measure(WAKES, maker, () => sleep(lab));
  await results.measure(NAT_FORGETS, maker, async () => {
    await lab.lab.sh("nat0", OTHER_PORT);
    return await outage(lab, () => HOST_IPV6);
  });
  await results.measure(SERVER_DIES, maker, async () => {
    await lab.lab.sh("srv", DEAD_SERVER);
    return await outage(lab, () => lab.stranger());
  });
  await lab.stop();
}

async function first(lab: ClientLab, to: string): Promise<number> {
  const time = await lab.ping(to, FIRST_PATIENCE_S);
  if (time === undefined) throw new Error(`no answer within ${FIRST_PATIENCE_S} s`);
  return time;
}

/** Seconds until a packet is sent that is answered; limited: none was, as long as anybody waits. */
async function outage(lab: ClientLab, next: () => string): Promise<Measured> {
  const since = performance.now();
  const asked: Promise<void>[] = [];
  let answered = Infinity;
  while (performance.now() - since < Math.min(OUTAGE_PATIENCE_MS, answered)) {
    const sentAt = performance.now() - since;
    asked.push(
      lab.ping(next(), 2).then((time) => {
        if (time !== undefined) answered = Math.min(answered, sentAt);
      }),
    );
    await wait(LOOK_EVERY_MS);
  }
  await Promise.all(asked);
  const limited = answered === Infinity;
  // The first is sent at once: what is as good as nothing is no longer than one look.
  const value = limited ? OUTAGE_PATIENCE_MS : Math.max(answered, LOOK_EVERY_MS);
  return { value: value / 1_000, limited };
}

/** The NAT forgets meanwhile, as one does whose mappings last 30 s. */
async function sleep(lab: ClientLab): Promise<Measured> {
  const timeout = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout";
  await lab.lab.sh("nat0", `echo 30 > ${timeout}; echo 30 > ${timeout}_stream`);
  await lab.signal("SIGSTOP");
  await wait(SLEEP_MS);
  await lab.signal("SIGCONT");
  return await outage(lab, () => HOST_IPV6);
}

/**
 * Every mapping is another from now on, the same for all whom a client sends to: what is kept of the old
 * ones goes with the link.
 */
const OTHER_PORT = `nft flush chain ip nat leave
nft add rule ip nat leave oifname outside meta l4proto udp masquerade to :20077
nft add rule ip nat leave oifname outside masquerade
ip link set outside down
ip link set outside up
`;

/** Its machine is there, and it is not: nobody says that it is unreachable. */
const DEAD_SERVER = `nft -f - <<'RULES'
table ip dead { chain input { type filter hook input priority 0
  ip daddr { 198.51.100.1, 198.51.100.2 } udp dport 3544 drop
}
}
RULES
`;
