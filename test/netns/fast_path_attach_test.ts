import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import {
  _LINUX_CAPABILITY_VERSION_3,
  BPF_TCX_EGRESS,
  BPF_TCX_INGRESS,
  SIZEOF_USER_CAP_DATA,
  SIZEOF_USER_CAP_HEADER,
  USER_CAP_DATA_EFFECTIVE_AT,
  USER_CAP_DATA_PERMITTED_AT,
  USER_CAP_HEADER_VERSION_AT,
} from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import type { FastPath } from "#src/datapath/fast_path.ts";
import { openFastPath } from "#src/datapath/linux/fast_path/relay_fast_path.ts";
import { linkNamed } from "#src/datapath/linux/netlink/look_up.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { openTun } from "#src/datapath/linux/tun/open.ts";
import { replaceQueues } from "#src/datapath/linux/tun/replace.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { inNamespace } from "#test/runtime/namespace.ts";
import { attachedPrograms } from "./attached_programs.ts";

const libc = await openLibc();

function ip(...lines: readonly string[]): void {
  const input = lines.map((line) => `ip ${line}`).join("\n");
  const { status, stderr } = spawnSync("sh", ["-e"], { input, encoding: "utf8" });
  assert.equal(status, 0, `${input}\n${stderr}`);
}

const prefixes = (count: number): Ipv6Prefix[] =>
  Array.from({ length: count }, (_, i) => ({
    bytes: Uint8Array.of(0x26, i, ...new Uint8Array(14)),
    length: 32,
  }));

// <linux/capability.h>
const NUMBERS: Readonly<Record<string, number>> = {
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_BPF: 39,
};

const REFUSED = "somebody says so";

/** With these effective capabilities alone on this thread, and with all again behind it. */
function withRights(rights: readonly number[], run: () => void): void {
  const place = new Arena(libc, 256);
  const header = place.take(SIZEOF_USER_CAP_HEADER);
  const data = place.take(2 * SIZEOF_USER_CAP_DATA);
  place.u32[(header + USER_CAP_HEADER_VERSION_AT) >> 2] = _LINUX_CAPABILITY_VERSION_3;
  const [at, next] = [data >> 2, (data + SIZEOF_USER_CAP_DATA) >> 2];
  const effective = USER_CAP_DATA_EFFECTIVE_AT >> 2;
  const permitted = USER_CAP_DATA_PERMITTED_AT >> 2;
  const set = (wanted: readonly number[]) => {
    [at, next].forEach((of, i) => {
      place.u32[of + effective] = wanted[i]!;
      place.u32[of + permitted] = ALL[i]!;
    });
    check(libc, libc.call.capset(place.address(header), place.address(data)), "capset", "test");
  };
  try {
    set(
      [0, 1].map((i) =>
        rights.filter((it) => it >> 5 === i).reduce((bits, it) => bits | (1 << (it & 31)), 0)
      ),
    );
    run();
  } finally {
    set(ALL);
    place.close();
  }
}

/** Capabilities that this process may have, in words of 32 bits. */
const ALL = capabilitiesOf(readFileSync("/proc/self/status", "utf8"));

function capabilitiesOf(status: string): readonly number[] {
  const permitted = BigInt(`0x${/^CapPrm:\s*(\w+)$/m.exec(status)![1]}`);
  return [Number(permitted & 0xffff_ffffn), Number(permitted >> 32n)];
}

inNamespace(import.meta.filename!, () => {
  const arena = new Arena(libc, 1 << 20);
  const netlink = new Netlink(libc);
  const offloads = { queues: 1, offloads: false };
  const tun = openTun(libc, arena, "teredo", offloads);
  ip("link set teredo up", "link set lo up");
  const told = { ways: 0, lending: [] as boolean[] };

  /** Each look is a second after the one before, unless a test says otherwise. */
  let [time, step] = [0, 1_000];

  const open = (served?: readonly Ipv6Prefix[], port = 3545): FastPath => {
    told.ways = 0;
    told.lending = [];
    return openFastPath(libc, {
      tun: tun.queues[0]!,
      port,
      prefix: 0x20010000,
      served,
      peers: 16,
      announceWays: () => told.ways++,
      setLending: (wanted) => void told.lending.push(wanted),
    }, () => time += step);
  };

  /** Programs that see what comes in by an interface, or what leaves by it. */
  const attached = (name: string, type: number = BPF_TCX_INGRESS) =>
    attachedPrograms(libc, linkNamed(netlink, name)!.index, type);

  const state = (it: FastPath) => {
    const { on, note } = it.report();
    return on ? "on" : note;
  };

  /** Runs with one Ethernet interface that datagrams come by. */
  function withUplink(run: () => void): void {
    ip("link add up0 type veth peer name far0", "addr add 192.0.2.1/24 dev up0", "link set up0 up");
    try {
      run();
    } finally {
      ip("link del up0");
    }
  }

  const NONE = "no Ethernet interface that is up has an IPv4 address";
  const kinds: readonly [name: string, lines: readonly string[], seen: boolean][] = [
    ["has an IPv4 address", ["addr add 198.51.100.1/24 dev e0", "link set e0 up"], true],
    ["is down", ["addr add 198.51.100.1/24 dev e0"], false],
    ["has IPv6 alone", ["link set e0 up", "addr add 2001:db8::1/64 dev e0"], false],
    [
      "is part of a bridge",
      [
        "addr add 198.51.100.1/24 dev e0",
        "link set e0 up",
        "link add b0 type bridge",
        "link set e0 master b0",
      ],
      false,
    ],
  ];

  for (const [name, lines, seen] of kinds) {
    test(`openFastPath(): an interface that ${name} is ${seen ? "" : "not "}attached to`, () => {
      ip("link add e0 type veth peer name e9", ...lines);
      const fastPath = open();
      fastPath.permit(undefined);
      try {
        assert.equal(attached("e0"), Number(seen));
        assert.equal(attached("lo"), 0);
        assert.equal(attached("teredo", BPF_TCX_EGRESS), Number(seen));
        assert.equal(state(fastPath), seen ? "on" : NONE);
        assert.deepEqual(told.lending, seen ? [true] : []);
      } finally {
        fastPath.close();
        ip("link del e0", ...(name.includes("bridge") ? ["link del b0"] : []));
      }
      assert.equal(attached("teredo", BPF_TCX_EGRESS), 0);
    });
  }

  test("FastPath.permit() attaches and detaches, and nothing is attached before it", () =>
    withUplink(() => {
      const fastPath = open();
      assert.equal(attached("up0"), 0);
      assert.equal(state(fastPath), "this host's packet filters are not yet known");
      for (const refusal of [undefined, undefined, REFUSED, REFUSED, undefined]) {
        fastPath.permit(refusal);
        assert.equal(attached("up0"), refusal === undefined ? 1 : 0);
        assert.equal(state(fastPath), refusal ?? "on");
      }
      fastPath.permit(undefined, "who forces it should know");
      assert.equal(fastPath.report().note, "who forces it should know");
      fastPath.close();
      assert.deepEqual(told.lending, [true, false, true, false]);
      assert.equal(attached("up0"), 0);
    }));

  test("FastPath.look() follows interfaces that come and go", () =>
    withUplink(() => {
      const fastPath = open();
      fastPath.permit(undefined);
      ip("link add e1 type veth peer name e8", "addr add 198.51.100.1/24 dev e1", "link set e1 up");
      fastPath.look();
      assert.deepEqual([attached("up0"), attached("e1")], [1, 1]);
      ip("addr del 192.0.2.1/24 dev up0");
      fastPath.look();
      assert.deepEqual([attached("up0"), attached("e1")], [0, 1]);
      ip("link del e1");
      fastPath.look();
      assert.equal(state(fastPath), NONE);
      assert.equal(attached("teredo", BPF_TCX_EGRESS), 0);
      ip("addr add 192.0.2.1/24 dev up0");
      fastPath.look();
      assert.equal(state(fastPath), "on");
      fastPath.close();
    }));

  const changes: readonly [name: string, make: string, undo: string][] = [
    ["a route", "route add 203.0.113.0/24 dev up0", "route del 203.0.113.0/24"],
    ["a rule", "rule add from 10.0.0.0/8 lookup 9", "rule del from 10.0.0.0/8 lookup 9"],
    ["an address", "addr add 192.0.2.9/32 dev up0", "addr del 192.0.2.9/32 dev up0"],
    ["an MTU", "link set up0 mtu 1400", "link set up0 mtu 1500"],
  ];

  for (const [name, make, undo] of changes) {
    test(`FastPath.look() has leases end with ${name}, and with nothing else`, () =>
      withUplink(() => {
        const fastPath = open();
        fastPath.permit(undefined);
        fastPath.look();
        const before = told.ways;
        fastPath.look();
        assert.equal(told.ways, before);
        ip(make);
        fastPath.look();
        assert.equal(told.ways, before + 1);
        ip(undo);
        fastPath.look();
        assert.equal(told.ways, before + 2);
        assert.equal(state(fastPath), "on");
        fastPath.close();
      }));
  }

  test("FastPath.look() has leases end at once, and then once a second at the most", () =>
    withUplink(() => {
      const fastPath = open();
      fastPath.permit(undefined);
      fastPath.look();
      fastPath.look();
      const before = told.ways;
      step = 100;
      for (let i = 0; i < 40; i++) {
        ip("route add 203.0.113.0/24 dev up0", "route del 203.0.113.0/24");
        fastPath.look();
      }
      // The first second had one already.
      assert.equal(told.ways - before, 4);
      for (let i = 0; i < 10; i++) fastPath.look();
      assert.equal(told.ways - before, 5, "what changed last is not forgotten");
      for (let i = 0; i < 20; i++) fastPath.look();
      assert.equal(told.ways - before, 5);
      step = 1_000;
      fastPath.close();
    }));

  test("FastPath.look() goes on at a TUN interface that was made again", () =>
    withUplink(() => {
      const fastPath = open();
      fastPath.permit(undefined);
      ip("link del teredo");
      fastPath.look();
      assert.equal(state(fastPath), "there is no TUN interface");
      assert.equal(attached("up0"), 0);
      replaceQueues(libc, tun.queues, openTun(libc, arena, "teredo", offloads).queues);
      ip("link set teredo up");
      fastPath.look();
      assert.equal(state(fastPath), "on");
      assert.equal(attached("teredo", BPF_TCX_EGRESS), 1);
      fastPath.close();
    }));

  test("FastPath: one relay's programs are not another's", () =>
    withUplink(() => {
      const [one, other] = [open(), open(undefined, 4545)];
      one.permit(undefined);
      other.permit(undefined);
      assert.equal(attached("up0"), 2);
      assert.equal(new Set([one, other].map(({ maps }) => maps!.leases)).size, 2);
      one.close();
      assert.equal(attached("up0"), 1);
      assert.equal(state(other), "on");
      other.close();
    }));

  test("FastPath.serve() takes other prefixes, as many as the programs can", () =>
    withUplink(() => {
      const fastPath = open(prefixes(2));
      fastPath.permit(undefined);
      for (
        const [served, want] of [
          [prefixes(8), "on"],
          [prefixes(9), "served has 9 prefixes, more than 8"],
          [prefixes(9), "served has 9 prefixes, more than 8"],
          [undefined, "on"],
        ] as const
      ) {
        fastPath.serve(served);
        assert.equal(state(fastPath), want);
        assert.equal(attached("up0"), Number(want === "on"));
      }
      assert.deepEqual(told.lending, [true, false, true, false, true]);
      fastPath.close();
    }));

  test("openFastPath() with too many prefixes gives none, which says so", () => {
    const none = open(prefixes(9));
    assert.equal(none.maps, undefined);
    assert.equal(state(none), "served has 9 prefixes, more than 8");
  });

  test("openFastPath() takes the rights that docs/examples/teredo-relay.service gives, and no more", () =>
    withUplink(() => {
      const unit = readFileSync("docs/examples/teredo-relay.service", "utf8");
      const given = /^AmbientCapabilities=(.*)$/m.exec(unit)![1]!.split(" ");
      const rights = given.map((name) => NUMBERS[name]!);
      withRights(rights, () => {
        const fastPath = open();
        fastPath.permit(undefined);
        assert.equal(state(fastPath), "on");
        fastPath.close();
      });
    }));

  test("FastPath follows without any right, but loads no more programs", () =>
    withUplink(() => {
      const fastPath = open();
      withRights([], () => {
        fastPath.permit(undefined);
        assert.equal(state(fastPath), "on");
        fastPath.permit(REFUSED);
        fastPath.permit(undefined);
        assert.equal(state(fastPath), "on");
        assert.ok(Object.values(fastPath.report().leftAlone).every((count) => count === 0));
        fastPath.serve(prefixes(1));
        assert.match(state(fastPath)!, /may load no programs any more/);
        const none = open();
        assert.equal(state(none), "loading programs takes CAP_BPF and CAP_NET_ADMIN");
      });
      assert.equal(attached("up0"), 0);
      fastPath.close();
    }));
});
