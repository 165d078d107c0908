import assert from "node:assert/strict";
import test from "node:test";
import type { NetworkNow } from "#src/daemon/host/network.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import type { BsdMachine } from "#test/kernel/bsd/machine.ts";
import { bsdMachine, BSDS } from "./machine.ts";

const NATIVE = parseIpv6("2001:db8:5::7")!;
const SERVER = parseIpv4("198.51.100.1")!;
/** IN6_IFF_ */
const [TENTATIVE, DEPRECATED] = [0x02, 0x10];

interface Around {
  /** Default: tun0. */
  readonly own?: string;
  /** Default: 2001::/32. */
  readonly prefix?: number;
  readonly isUnplugged?: boolean;
  /** That all is to leave from; default: whichever the kernel chooses. */
  readonly source?: string;
}

/** A host that has these addresses on its Ethernet, and whatever default route it comes with. */
function look(
  system: typeof BSDS[number],
  address: Uint8Array,
  flags: number,
  { own = "tun0", prefix = SERVICE_PREFIX, isUnplugged = false, source = "0.0.0.0" }: Around = {},
) {
  const prepare = (machine: BsdMachine) => {
    const { world } = machine;
    const link = world.link(machine.ethernet)!;
    const others = link.addresses.filter(({ bytes }) => bytes.length === 4);
    link.addresses.splice(0, link.addresses.length, ...others);
    world.addAddress(link, { bytes: address, prefixLength: 64, flags });
    const destination = new Uint8Array(16);
    const route = { destination, length: 0, link, metric: 0 } as const;
    const isThere = world.routes.some((it) => it.length === 0);
    if (!isThere) world.addRoute({ ...route, action: "send", origin: "static" });
  };
  const { host, machine } = bsdMachine(system, { prepare });
  machine.isUnplugged = isUnplugged;
  const watch = host.watchNetwork(prefix);
  try {
    return { now: watch.look([SERVER], own, parseIpv4(source)!), machine };
  } finally {
    watch.close();
  }
}

const text = ({ nativeIpv6: it }: NetworkNow) => it && `${formatIpv6(it.address)} by ${it.via}`;

for (const system of BSDS) {
  test(`BsdNetworkWatch tells of native IPv6 on ${system}, and of none that cannot be used`, () => {
    const { now, machine } = look(system, NATIVE, 0);
    assert.equal(text(now), `2001:db8:5::7 by ${machine.ethernet}`);
    assert.deepEqual([formatIpv4(now.localAddress!), now.way], ["192.0.2.1", machine.ethernet]);
    for (const flags of [TENTATIVE, DEPRECATED]) {
      assert.equal(text(look(system, NATIVE, flags).now), undefined);
    }
    for (const other of ["2001:0:1::1", "2002:c000:202::1", "fd00::1"]) {
      assert.equal(text(look(system, parseIpv6(other)!, 0).now), undefined, other);
    }
    assert.equal(
      text(look(system, NATIVE, 0, { own: machine.ethernet }).now),
      undefined,
      "it is ours",
    );
    const closed = look(system, NATIVE, 0, { prefix: readU32(NATIVE, 0) }).now;
    assert.equal(text(closed), undefined, "it is in the service prefix");
  });

  test(`BsdNetworkWatch knows no way by an Ethernet whose cable is out on ${system}`, () => {
    const { localAddress, way, nativeIpv6 } = look(system, NATIVE, 0, { isUnplugged: true }).now;
    assert.deepEqual([localAddress, way, nativeIpv6], [undefined, "", undefined]);
  });

  test(`BsdNetworkWatch knows no way from an address that is not here on ${system}`, () => {
    const from = (source: string) => {
      const { localAddress, way } = look(system, NATIVE, 0, { source }).now;
      return [localAddress && formatIpv4(localAddress), way !== ""];
    };
    assert.deepEqual(from("192.0.2.1"), ["192.0.2.1", true]);
    assert.deepEqual(from("192.0.2.99"), [undefined, false]);
  });
}
