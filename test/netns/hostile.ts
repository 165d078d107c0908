import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import type { StatusDocument } from "#src/status/document.ts";
import { IPV4_LINK, IPV6_LINK } from "#src/demo/topology.ts";
import { DumpCounts, endDump } from "./capture.ts";
import { get, RELAY_PORT, script, START_PATIENCE, until, wait } from "./programs.ts";
import { REPEATED, SCANNED } from "./storm_kinds.ts";
import type { Testimony } from "./witness.ts";

/** The daemons' namespaces, with the ports of their status pages. */
export const DAEMONS = { rly: 9545, srv: 9544 } as const;
export type DaemonPlace = keyof typeof DAEMONS;

/** The RFC's list, where nothing of ours may go. RFC 4380 §5.2.4 */
const BAD = `udp sport { 3544, ${RELAY_PORT} } ip daddr {
      0.0.0.0/8, 10.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.88.99.0/24,
      192.168.0.0/16, 224.0.0.0/4, 255.255.255.255
    } counter name bad`;
/** What the kernel's programs send passes by the first of these hooks. */
const GUARD = `table ip guard {
  counter bad { }
  counter sent { }
  chain out {
    type filter hook output priority 0;
    udp sport { 3544, ${RELAY_PORT} } counter name sent
    ${BAD}
  }
}
table netdev guard {
  counter bad { }
  chain out {
    type filter hook egress device ${IPV4_LINK} priority 0;
    ${BAD}
  }
}
`;

/**
 * Lets every packet in that a kernel can be told to let in, whatever its source, and every packet out
 * to wherever: `gateway` swallows them. What is sent to an address that is not global is counted.
 */
export async function expose(lab: Lab, place: DaemonPlace, gateway: string): Promise<void> {
  const settings = ["all", "ipv4"].flatMap((link) => [
    `echo 0 > /proc/sys/net/ipv4/conf/${link}/rp_filter`,
    `echo 1 > /proc/sys/net/ipv4/conf/${link}/accept_local`,
  ]);
  const script = [...settings, `ip route add default via ${gateway}`, "nft -f - <<'RULES'", GUARD];
  await lab.sh(place, `${script.join("\n")}RULES\n`);
}

/**
 * Has these namespaces know each other's link addresses for good. A neighbour is forgotten when the
 * machine is too busy to answer for it in time, and what is sent meanwhile may be refused.
 */
export async function introduce(lab: Lab, places: readonly string[]): Promise<void> {
  const links = [IPV4_LINK, IPV6_LINK];
  const own = await Promise.all(places.map(async (place) => ({
    place,
    interfaces: (JSON.parse(await lab.sh(place, "ip -j address")) as AddressListing[])
      .filter((it) => links.includes(it.ifname)),
  })));
  const neighbours = own.flatMap(({ place, interfaces }) =>
    interfaces.flatMap(({ ifname, address, addr_info }) =>
      addr_info.map(({ local }) => ({
        place,
        ifname,
        command: `replace ${local} lladdr ${address}`,
      }))
    )
  );
  for (const { place, interfaces } of own) {
    const others = neighbours.filter((it) =>
      it.place !== place && interfaces.some(({ ifname }) => ifname === it.ifname)
    );
    const commands = others.map((it) =>
      `ip neighbour ${it.command} dev ${it.ifname} nud permanent`
    );
    await lab.sh(place, commands.join("\n"));
  }
}

/** Of `ip -j address`. */
interface AddressListing {
  readonly ifname: string;
  readonly address: string;
  readonly addr_info: readonly { readonly local: string }[];
}

/** Messages that the daemon at `place` sent to addresses that are not global unicast. */
export async function astray(lab: Lab, place: DaemonPlace): Promise<number> {
  const [ip, netdev] = await Promise.all([
    counted(lab, place, "ip", "bad"),
    counted(lab, place, "netdev", "bad"),
  ]);
  return ip.packets + netdev.packets;
}

async function counted(
  lab: Lab,
  place: DaemonPlace,
  family: string,
  name: string,
): Promise<{ packets: number; bytes: number }> {
  const listing = await lab.sh(place, `nft list counter ${family} guard ${name}`);
  const [, packets, bytes] = /packets (\d+) bytes (\d+)/.exec(listing)!;
  return { packets: Number(packets), bytes: Number(bytes) };
}

/** The mapped address in a bubble's destination, as it stands there: every bit inverted. */
const MAPPED = { first: "udp[44]", last: "udp[47]" };
const inverted = (byte: number) => byte ^ 0xff;
/** A bubble, for one of 16 of the clients that are not there. */
const SAMPLE = [
  `udp src port ${RELAY_PORT}`,
  "udp[4:2] = 48",
  `(${
    [SCANNED, REPEATED].map((it) => `${MAPPED.first} = ${inverted(it.mapped >>> 24)}`).join(" or ")
  })`,
  `${MAPPED.last} & 15 = 15`,
].join(" and ");

/** Files of {@link Witness}, with the link and the filter of each. */
const WATCHED = {
  bubbles: [IPV4_LINK, SAMPLE],
  errors: [IPV6_LINK, "icmp6 and ip6[40] = 1"],
} as const;

/** The kernel hands packets to tcpdump a second late at most. */
const READ_TIMEOUT = 1_200;

/** Listens to what the relay sends, and tells what it saw. */
export class Witness {
  readonly #lab: Lab;
  readonly #dumps: readonly LabProcess[];

  private constructor(lab: Lab, dumps: readonly LabProcess[]) {
    this.#lab = lab;
    this.#dumps = dumps;
  }

  static async start(lab: Lab): Promise<Witness> {
    // What the kernel is to cut up, it shall cut up before tcpdump sees it.
    await lab.sh("rly", `ethtool -K ${IPV4_LINK} tx-udp-segmentation off >/dev/null`);
    const dumps = Object.entries(WATCHED).map(([name, [link, filter]]) => {
      const room = ["-B", "32768", "-s", "128", "-Z", "root"];
      const file = `/run/${name}.pcap`;
      return lab.spawn("rly", ["tcpdump", ...room, "-Q", "out", "-i", link, "-w", file, filter]);
    });
    await Promise.all(dumps.map((dump) => dump.waitForLine(/listening on/, START_PATIENCE)));
    return new Witness(lab, dumps);
  }

  /** @throws Error if the kernel had to leave packets out */
  async testify(): Promise<Testimony> {
    const counts = this.#dumps.map((dump) => new DumpCounts(dump));
    const captured = async () =>
      (await Promise.all(counts.map((it) => it.ask()))).map(([it]) => it);
    // What came in the other direction the kernel counts as received as well: how many are to come is
    // not known.
    await until("all is written", async () => {
      const before = await captured();
      await wait(READ_TIMEOUT);
      return isDeepStrictEqual(await captured(), before);
    });
    for (const dump of this.#dumps) await endDump(dump);
    const files = Object.keys(WATCHED).map((name) => `/run/${name}.pcap`);
    const { stdout, stderr } = await this.#lab.run("rly", script("witness.ts", ...files));
    assert.notEqual(stdout, "", stderr);
    return JSON.parse(stdout) as Testimony;
  }
}

/** What a daemon and its kernel say they have done. */
export interface Books {
  readonly status: StatusDocument;
  /** Datagrams that the kernel handed over; payload that it took, in bytes. */
  readonly kernel: { readonly received: number; readonly sentBytes: number };
}

/** IPv4 and UDP. */
const HEADERS_LENGTH = 28;
/** IPv6 packets that a relay carries. */
const SHORTEST = 40;
const LONGEST = 1_280;
/** Payloads of a server's answers: an origin indication and an advertisement; with a nonce. */
const ANSWER = 104;
const LONGEST_ANSWER = 117;
/** Milliseconds; the relay itself falls silent for 2 s between two bubbles. */
const LONGEST_PAUSE = 2_500;

/** The books at a moment in which nothing moves, so that all can be compared with all. */
export async function quietBooks(lab: Lab, place: DaemonPlace): Promise<Books> {
  const status = await quietStatus(lab, place);
  return { status, kernel: await udpOf(lab, place) };
}

/** What a daemon says of itself once that stays the same. */
export async function quietStatus(lab: Lab, place: DaemonPlace): Promise<StatusDocument> {
  const read = async () =>
    JSON.parse(
      (await get(lab, place, `http://127.0.0.1:${DAEMONS[place]}/status`))!,
    ) as StatusDocument;
  const moving = ({ counters, drops, gauges: { held_packets } }: StatusDocument) =>
    JSON.stringify([counters, drops, held_packets]);
  let status = await read();
  await until("nothing moves any more", async () => {
    const before = moving(status);
    await wait(LONGEST_PAUSE);
    status = await read();
    return moving(status) === before;
  });
  return status;
}

async function udpOf(lab: Lab, place: DaemonPlace): Promise<Books["kernel"]> {
  const lines = (await lab.sh(place, "cat /proc/net/snmp")).split("\n");
  const [names, values] = lines.filter((line) => line.startsWith("Udp: "))
    .map((line) => line.split(" "));
  const value = (name: string) => Number(values![names!.indexOf(name)]);
  // A message that the kernel cuts up is one to it, under one pair of headers.
  const { packets, bytes } = await counted(lab, place, "ip", "sent");
  return { received: value("InDatagrams"), sentBytes: bytes - packets * HEADERS_LENGTH };
}

/** Packets discarded, but for those that the kernel did before the daemon saw them. */
function discarded({ drops }: StatusDocument): number {
  const all = Object.values(drops).reduce((sum, n) => sum + n, 0);
  return all - drops.socket_overflow;
}

/** Whatever came to the relay, or was made there, is somewhere. */
export function assertRelayBalances({ status, kernel }: Books): void {
  const { counters: n } = status;
  // What its programs let pass never came to the socket, nor left by it.
  const { up, down } = status.fast_path?.packets ?? { up: 0, down: 0 };
  assert.equal(n.udp_received_datagrams, kernel.received + up);
  const past = n.udp_sent_bytes - kernel.sentBytes;
  assert.ok(past >= down * SHORTEST && past <= down * LONGEST, `${past} bytes by ${down}`);
  assertRelayAccounts(status);
}

/** The same by what it says alone: packets in are packets out, held, or dropped for one reason. */
export function assertRelayAccounts(status: StatusDocument): void {
  const { counters: n, gauges } = status;
  const made = n.bubbles_sent_direct + n.bubbles_sent_indirect + n.bubbles_sent_challenge;
  assert.equal(
    n.udp_received_datagrams + n.ipv6_received_packets + made,
    n.udp_sent_datagrams + n.ipv6_sent_packets + n.bubbles_received + n.link_messages +
      gauges.held_packets +
      discarded(status),
  );
  const { hold_full, hold_expired, peer_unreachable, peer_table_full } = status.drops;
  const gone = n.packets_held - n.packets_released - gauges.held_packets;
  assert.ok(gone <= hold_full + hold_expired + peer_unreachable + peer_table_full);
}

/** Every datagram is answered, passed on or discarded; every answer is sent or was refused. */
export function assertServerBalances({ status, kernel }: Books): void {
  const { counters: n } = status;
  const { up, down } = status.fast_path?.packets ?? { up: 0, down: 0 };
  assert.equal(n.udp_received_datagrams, kernel.received + up);
  const past = n.udp_sent_bytes - kernel.sentBytes;
  assert.ok(past >= down * ANSWER && past <= down * LONGEST_ANSWER, `${past} bytes by ${down}`);
  assertServerAccounts(status);
}

/** Likewise. */
export function assertServerAccounts(status: StatusDocument): void {
  const { counters: n, drops } = status;
  const answers = n.advertisements_sent + n.bubbles_forwarded + n.icmpv6_forwarded +
    n.echoes_answered;
  const refused = drops.send_failed + drops.send_queue_full;
  const done = answers + n.native_forwarded;
  assert.equal(n.udp_received_datagrams, done + discarded(status) - refused);
  assert.equal(done, n.udp_sent_datagrams + n.ipv6_sent_packets + refused);
}
