import assert from "node:assert/strict";
import test from "node:test";
import type { OffloadWord } from "#src/status/document.ts";
import { between, OffloadsLab, type PeerOptions } from "./offloads.ts";
import type { Lack } from "./old_kernel.ts";
import { get, START_PATIENCE, startMiredoClient, wait } from "./programs.ts";
import { assertPing, assertTcp, ping } from "./traffic.ts";

/**
 * The relay's offloads as its process uses them, with TCP between real kernels: what arrives is what
 * was sent, byte for byte, and /metrics counts packets, in whatever pieces they travelled.
 *
 * Not here: a kernel that answers UDP_SEGMENT with EIO. It takes an IPsec policy with a transform, or
 * before Linux 6.11 a device without checksum offload: see test/datapath/udp/refused_test.ts.
 */
const OPTIONS = { timeout: 600_000 };
const MIB = 1024 * 1024;
const TCP_BYTES = 4 * MIB;
const MIREDO_BYTES = 2 * MIB;
/** Packets that it takes, of 1280 bytes; and how many of them are not joined by chance. */
const LEAST = TCP_BYTES / 1_220;
const SOME = LEAST / 20;
/** Milliseconds in which the last packets of a connection have arrived. */
const LAST_PACKETS = 500;

async function withLab(run: (lab: OffloadsLab) => Promise<void>): Promise<void> {
  const lab = await OffloadsLab.create();
  try {
    await run(lab);
  } finally {
    await lab.close();
  }
}

/** TCP up and down through the relay, which did not know the peer, and what all counted of it. */
async function carry(lab: OffloadsLab, options: PeerOptions = {}, bytes = TCP_BYTES) {
  const before = await lab.counted();
  const running = await lab.startPeer(options);
  assert.match(await ping(lab.lab, "host6", lab.peerAddress, { count: 2 }), / [12] received/);
  await assertTcp(lab.lab, "cli0", bytes);
  await wait(LAST_PACKETS);
  const peer = await lab.stopPeer(running);
  const after = await lab.counted();
  return { peer, offloads: after.status.offloads, ...between(before, after) };
}
type Carried = Awaited<ReturnType<typeof carry>>;

/** Every packet is counted, once, whatever it travelled in. */
function assertPackets({ peer, counters: n, drops }: Carried): void {
  assert.equal(n.udp_received_datagrams, peer.sent);
  assert.equal(n.udp_sent_datagrams, peer.received);
  const dropped = Object.entries(drops).filter(([, count]) => count > 0);
  const bubbles = n.bubbles_sent_direct + n.bubbles_sent_indirect + n.bubbles_sent_challenge;
  assert.deepEqual(dropped, []);
  assert.equal(
    n.udp_received_datagrams + n.ipv6_received_packets + bubbles,
    n.udp_sent_datagrams + n.ipv6_sent_packets + n.bubbles_received + n.link_messages,
  );
  assert.ok(n.ipv6_sent_packets > LEAST && n.udp_sent_datagrams > LEAST);
}

const inUse = ({ offloads }: Carried) =>
  Object.entries(offloads).filter(([, it]) => it.on).map(([name]) => name as OffloadWord);
const ALL: readonly OffloadWord[] = ["tun", "tun_udp", "udp_gro", "udp_segment"];

/** Datagrams received, packets written and packets read, less the pieces that they travelled in. */
function joinedOf({ counters: n, kernel }: Carried) {
  return {
    received: n.udp_received_datagrams - kernel.udp,
    written: n.ipv6_sent_packets - kernel.tunReceived,
    read: n.ipv6_received_packets - kernel.tunSent,
  };
}

interface Case {
  readonly name: string;
  readonly settings?: string;
  readonly peer?: PeerOptions;
  /** Frames that the relay's interfaces join, as network cards' drivers do. */
  readonly gro: boolean;
  /** MTU of the relay's way to the client. */
  readonly mtu?: number;
  readonly on: readonly OffloadWord[];
  readonly joined: Readonly<Record<"received" | "written" | "read", boolean>>;
}

const NOTHING = { received: false, written: false, read: false };
const CASES: readonly Case[] = [
  {
    name: "runs travel whole both ways",
    gro: true,
    on: ALL,
    joined: { received: true, written: true, read: true },
  },
  {
    name: "with offloads = off every packet travels by itself",
    settings: "offloads = off",
    gro: true,
    on: [],
    joined: NOTHING,
  },
  {
    name: "interfaces without GRO give single packets, which are still written in runs",
    gro: false,
    on: ALL,
    joined: { ...NOTHING, written: true },
  },
  {
    name: "datagrams without UDP checksum, which the kernel does not join, are served",
    peer: { checksums: false },
    gro: true,
    on: ALL,
    joined: { received: false, written: true, read: true },
  },
  {
    name: "a way too narrow for a datagram, which the kernel then does not cut up, takes fragments",
    gro: true,
    mtu: 1_300,
    on: ALL,
    joined: { received: true, written: true, read: true },
  },
];

for (const { name, settings, peer, gro, mtu, on, joined } of CASES) {
  test(`Relay and TCP: ${name}`, OPTIONS, () =>
    withLab(async (lab) => {
      if (gro) await lab.load.makeWireLike();
      if (mtu !== undefined) await lab.narrow(mtu);
      await lab.startRelay(settings);
      const carried = await carry(lab, peer);
      assertPackets(carried);
      assert.deepEqual(inUse(carried), on);
      const found = joinedOf(carried);
      for (const way of ["received", "written", "read"] as const) {
        const text = `${way}: ${JSON.stringify(found)}`;
        assert.ok(joined[way] ? found[way] > SOME : found[way] === 0, text);
      }
      const { fragments } = carried.kernel;
      if (mtu === undefined) assert.equal(fragments, 0);
      else assert.ok(fragments > 2 * LEAST, `${fragments} fragments`);
    }));
}

test(
  "Relay with fast_path = on: a peer's bulk travels whole, and its small packets beside it, none twice",
  OPTIONS,
  () =>
    withLab(async (lab) => {
      await lab.load.makeWireLike();
      await lab.startRelay("fast_path = on");
      const before = await lab.counted();
      const running = await lab.startPeer({});
      assert.match(await ping(lab.lab, "host6", lab.peerAddress, { count: 2 }), / [12] received/);
      const pings = assertPing(lab.lab, "host6", lab.peerAddress, { count: 20 });
      await Promise.all([assertTcp(lab.lab, "cli0", TCP_BYTES), pings]);
      // What passed in the kernel is taken in once a second.
      await wait(2 * LAST_PACKETS + 1_000);
      const peer = await lab.stopPeer(running);
      const after = await lab.counted();
      const carried = { peer, offloads: after.status.offloads, ...between(before, after) };
      assertPackets(carried);
      const { packets } = after.status.fast_path!;
      assert.ok(packets.up + packets.down > 0, "no packet passed in the kernel");
      // Those that did not are joined with others, at least as many as where there is no fast path.
      const { kernel, counters: n } = carried;
      assert.ok(n.udp_received_datagrams - packets.up - kernel.udp > SOME);
      assert.ok(n.ipv6_received_packets - packets.down - kernel.tunSent > SOME);
    }),
);

for (const offloads of ["auto", "off"]) {
  test(
    `Relay with offloads = ${offloads}: Miredo's client and TCP both ways`,
    OPTIONS,
    () =>
      withLab(async (lab) => {
        await lab.load.makeWireLike();
        // The interface does not count what the kernel carries by itself.
        await lab.startRelay(`offloads = ${offloads}\nfast_path = off`);
        const { address } = await startMiredoClient(lab.lab, "cli0");
        await assertPing(lab.lab, "host6", address);
        const before = await lab.counted();
        await assertTcp(lab.lab, "cli0", MIREDO_BYTES);
        await wait(LAST_PACKETS);
        const { counters: n, drops, kernel } = between(before, await lab.counted());
        const bubbles = n.bubbles_sent_direct + n.bubbles_sent_indirect;
        assert.equal(n.udp_received_datagrams, n.ipv6_sent_packets + n.bubbles_received);
        assert.equal(n.udp_sent_datagrams, n.ipv6_received_packets + bubbles);
        assert.deepEqual(Object.values(drops).filter((count) => count > 0), []);
        // Miredo sends and takes one at a time, so what is joined is what the host sent.
        const read = n.ipv6_received_packets - kernel.tunSent;
        assert.ok(offloads === "off" ? read === 0 : read > 0, `${read} read`);
      }),
  );
}

test(
  "Relay: what a client damaged arrives damaged, what travels beside it does not",
  OPTIONS,
  () =>
    withLab(async (lab) => {
      await lab.load.makeWireLike();
      await lab.startRelay();
      const errors = () => lab.kernelCount("host6", "Tcp: InCsumErrors");
      const before = await errors();
      const carried = await carry(lab, { damageEvery: 50 });
      assertPackets(carried);
      assert.ok(carried.peer.damaged >= SOME / 50);
      assert.equal(await errors() - before, carried.peer.damaged);
      assert.ok(joinedOf(carried).written > SOME);
    }),
);

test(
  "Relay: what was damaged on its way from the host arrives damaged as well",
  OPTIONS,
  () =>
    withLab(async (lab) => {
      await lab.load.makeWireLike();
      await lab.damageFromHost(50);
      await lab.startRelay();
      const errors = () => lab.kernelCount("cli0", "Tcp: InCsumErrors");
      const before = await errors();
      const carried = await carry(lab);
      assertPackets(carried);
      const damaged = await lab.damagedFromHost();
      assert.ok(damaged >= SOME / 50, `only ${damaged} damaged`);
      assert.equal(await errors() - before, damaged);
      assert.ok(joinedOf(carried).read > SOME);
    }),
);

/** What a kernel may be without, and what the relay then does without. */
const OLD_KERNELS: readonly {
  lacks: readonly Lack[];
  off: Partial<Record<OffloadWord, RegExp>>;
}[] = [
  { lacks: ["USO"], off: { tun_udp: /no USO/ } },
  { lacks: ["TUNSETOFFLOAD"], off: { tun: /TUNSETOFFLOAD/, tun_udp: /not without/ } },
  { lacks: ["UDP_GRO"], off: { udp_gro: /no UDP_GRO/ } },
  { lacks: ["UDP_SEGMENT"], off: { udp_segment: /no UDP_SEGMENT/ } },
  {
    lacks: ["TUNSETOFFLOAD", "UDP_GRO", "UDP_SEGMENT"],
    off: { tun: /./, tun_udp: /./, udp_gro: /./, udp_segment: /./ },
  },
];

test(
  "Relay: each thing that a kernel lacks is done without, said once in the log and in /status",
  OPTIONS,
  () =>
    withLab(async (lab) => {
      await lab.load.makeWireLike();
      for (const { lacks, off } of OLD_KERNELS) {
        const relay = await lab.startRelay("", lacks);
        const carried = await carry(lab, {}, TCP_BYTES);
        assertPackets(carried);
        const names = Object.keys(off) as OffloadWord[];
        assert.deepEqual(inUse(carried), ALL.filter((it) => !names.includes(it)), `${lacks}`);
        for (const name of names) assert.match(carried.offloads[name].note!, off[name]!);
        const said = relay.output().split("\n").filter((line) => line.includes("msg=Offloads"));
        assert.equal(said.length, 1, relay.output());
        for (const name of names) {
          assert.ok(said[0]!.includes(`${name}: ${carried.offloads[name].note}`), said[0]);
        }
      }
    }),
);

test(
  "Relay: a kernel that refuses runs at TUN gets packets, and nothing is lost; said once",
  OPTIONS,
  () =>
    withLab(async (lab) => {
      await lab.load.makeWireLike();
      const relay = await lab.startRelay("", ["writev"]);
      const carried = await carry(lab);
      assertPackets(carried);
      assert.deepEqual(inUse(carried), ALL.filter((it) => it !== "tun"));
      assert.match(carried.offloads["tun"].note!, /refused by the kernel/);
      const found = joinedOf(carried);
      assert.ok(found.received > SOME && found.read > SOME, JSON.stringify(found));
      assert.equal(found.written, 0);
      await relay.waitForLine(/msg="Offload given up" offload=tun /, START_PATIENCE);
      const text = (await get(lab.lab, "rly", "http://127.0.0.1:9545/metrics"))!;
      assert.match(text, /^teredo_offload_enabled\{feature="tun"\} 0$/m);
      const said = relay.output().split("\n").filter((line) => line.includes("given up"));
      assert.equal(said.length, 1, relay.output());
    }),
);

test(
  "Relay: workers without bpf(2) are one worker, said once, and TCP goes on",
  OPTIONS,
  () =>
    withLab(async (lab) => {
      const relay = await lab.startRelay("workers = 2", ["bpf"]);
      const carried = await carry(lab);
      assertPackets(carried);
      const { count, reason } = (await lab.counted()).status.workers;
      assert.equal(count, 1);
      assert.match(reason, /^not 2 .*bpf\(BPF_PROG_LOAD\): EPERM/);
      const said = relay.output().split("\n").filter((line) => line.includes("msg=Workers"));
      assert.equal(said.length, 1);
      assert.match(said[0]!, /level=warn .*workers=1/);
      assert.match(relay.output(), /msg=Check check=workers .*mend=.*CAP_BPF/);
    }),
);
