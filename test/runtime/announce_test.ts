import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { LinuxUpheld } from "#src/datapath/linux/keep/upheld.ts";
import { Changes, IPV6_CHANGES } from "#src/datapath/linux/netlink/changes.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { configureTunnel, QUEUE_LENGTH } from "#src/datapath/linux/tun/interface.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { inNamespace, ip, sh } from "./namespace.ts";
import { OneQueue } from "./one_queue.ts";

/** The route that routing daemons learn, as the kernel and ip(8) have it. */
const libc = await openLibc();
const MARK = { metric: 9, protocol: 201 };
const SETUP = {
  interfaceName: "teredo",
  mtu: 1280,
  queueLength: QUEUE_LENGTH,
  prefix: parseIpv6Prefix("2001::/32")!,
  routes: { metric: 10, announced: MARK },
};
const CARRYING = "teredo boot 10";
const ANNOUNCED = "teredo 201 9";

function withUpheld(use: (upheld: LinuxUpheld) => void, routes: typeof SETUP.routes): void {
  const arena = new Arena(libc, 64 * 1024);
  const netlink = new Netlink(libc);
  const tun = new OneQueue(libc, arena, SETUP.interfaceName);
  const setup = { ...SETUP, routes };
  const remake = () => assert.fail("nothing was deleted");
  const configured = configureTunnel(netlink, setup);
  const upheld = new LinuxUpheld(netlink, new Changes(libc, IPV6_CHANGES), {
    ...setup,
    configured,
    remake,
  });
  try {
    use(upheld);
  } finally {
    upheld.close();
    tun.close();
    netlink.close();
    arena.close();
  }
}

const routes = (): string[] =>
  ip("-6 route show 2001::/32")
    // deno-lint-ignore no-explicit-any -- JSON of iproute2
    .map((it: any) => `${it.dev} ${it.protocol} ${it.metric}`);

function turn(upheld: LinuxUpheld, wanted: boolean): void {
  upheld.announce(wanted);
  upheld.putRight("announcement");
}

interface Deed {
  readonly name: string;
  readonly announced: boolean;
  readonly deed: string;
  /** What is found to differ. */
  readonly differs: readonly string[];
}

const DEEDS: readonly Deed[] = [
  { name: "nothing is done", announced: true, deed: "true", differs: [] },
  { name: "nothing is done", announced: false, deed: "true", differs: [] },
  {
    name: "the announcement is deleted",
    announced: true,
    deed: "ip -6 route del 2001::/32 metric 9",
    differs: ["announcement"],
  },
  {
    name: "both are flushed",
    announced: true,
    deed: "ip -6 route flush dev teredo",
    differs: ["address", "route", "announcement"],
  },
  {
    name: "somebody sets what is not to be there",
    announced: false,
    deed: "ip -6 route add 2001::/32 dev teredo metric 9 proto 201",
    differs: ["announcement"],
  },
];

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");

  test("announce() sets a second route, and takes away that one alone", () => {
    withUpheld((upheld) => {
      assert.deepEqual(routes(), [CARRYING]);
      for (let i = 0; i < 2; i++) {
        turn(upheld, true);
        assert.deepEqual(routes(), [ANNOUNCED, CARRYING]);
        turn(upheld, true);
        turn(upheld, false);
        assert.deepEqual(routes(), [CARRYING]);
        turn(upheld, false);
      }
    }, SETUP.routes);
  });

  for (const { name, announced, deed, differs } of DEEDS) {
    test(`${announced ? "announced" : "withdrawn"}, ${name}: it is seen, and put right`, () => {
      withUpheld((upheld) => {
        turn(upheld, announced);
        sh(deed);
        const found = upheld.differences().filter((it) => it !== "address");
        assert.deepEqual(found, differs.filter((it) => it !== "address"));
        for (const what of upheld.differences()) upheld.putRight(what);
        assert.deepEqual(upheld.differences(), []);
        const wanted = announced ? [ANNOUNCED] : [];
        assert.deepEqual(routes().filter((it) => it !== CARRYING), wanted);
      }, SETUP.routes);
    });
  }

  test("what carries packets is there before what is announced goes", () => {
    withUpheld((upheld) => {
      turn(upheld, true);
      sh("ip -6 route del 2001::/32 metric 10");
      assert.deepEqual(upheld.differences(), [], "it wins nothing that could be seen");
      turn(upheld, false);
      assert.deepEqual(routes(), [CARRYING]);
    }, SETUP.routes);
  });

  test("a route of that metric which another has made stays, and is told of", () => {
    withUpheld((upheld) => {
      turn(upheld, true);
      sh("ip -6 route change 2001::/32 dev teredo metric 9 proto 77");
      assert.deepEqual(upheld.differences(), ["announcement"]);
      const again = () => upheld.putRight("announcement");
      assert.throws(again, /2001::\/32 cannot be announced: another route of metric 9 or less/);
      turn(upheld, false);
      assert.deepEqual(routes(), ["teredo 77 9", CARRYING]);
    }, SETUP.routes);
  });

  test("below another's route that wins, that alone is told of", () => {
    withUpheld((upheld) => {
      turn(upheld, true);
      sh("ip -6 route add 2001::/32 dev lo metric 1");
      assert.deepEqual(upheld.differences(), ["route"]);
      turn(upheld, false);
      sh("ip -6 route del 2001::/32 dev lo metric 1");
      assert.deepEqual(upheld.differences(), []);
    }, SETUP.routes);
  });

  test("without `announce` nothing is announced, and no route of others is touched", () => {
    withUpheld((upheld) => {
      sh("ip -6 route add 2001::/32 dev teredo metric 9 proto 201");
      turn(upheld, true);
      assert.deepEqual(upheld.differences(), []);
      turn(upheld, false);
      assert.deepEqual(routes(), [ANNOUNCED, CARRYING]);
    }, { metric: 10 } as typeof SETUP.routes);
  });
});
