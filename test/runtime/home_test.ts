import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import {
  CLIENT_PROTOCOL,
  CLIENT_ROUTES,
  type HomeSetup,
  type HomeWish,
} from "#src/datapath/homes.ts";
import { Reconciler } from "#src/datapath/keep/reconciler.ts";
import { SOURCE_PRIORITY } from "#src/datapath/linux/keep/homes.ts";
import { LinuxUpheld } from "#src/datapath/linux/keep/upheld.ts";
import { Changes, IPV6_CHANGES } from "#src/datapath/linux/netlink/changes.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { configureTunnel, QUEUE_LENGTH } from "#src/datapath/linux/tun/interface.ts";
import { FIRST_TABLE } from "#src/datapath/linux/tun/left_over.ts";
import { parseIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { inNamespace, ip, sh } from "./namespace.ts";
import { OneQueue } from "./one_queue.ts";

/** A client's addresses, routes and rules, as the kernel and ip(8) have them. */
const libc = await openLibc();
const [A, B] = ["2001:0:c633:6401:0:f227:3fff:fe01", "2001:0:c633:6403:0:f227:3fff:fe01"];
const LINK_LOCAL = "fe80::ffff:ffff:ffff";
const METRIC = 1_000_000;
const HOME: HomeSetup = { metric: METRIC, sourceRouting: true };

const wish = (
  texts: readonly string[],
  more: Partial<HomeWish> = {},
): HomeWish => ({
  addresses: texts.map((text, i) => ({ bytes: parseIpv6(text)!, deprecated: i > 0 })),
  onLink: true,
  defaultRoute: true,
  mtu: 1280,
  ...more,
});
const NO_HOME = wish([], { onLink: false, defaultRoute: false });

/** A fresh TUN `teredo` as a client opens it, kept. */
class Client {
  readonly #arena = new Arena(libc, 64 * 1024);
  readonly #netlink = new Netlink(libc);
  readonly #tun: OneQueue;
  readonly upheld: LinuxUpheld;
  readonly keeper: Reconciler;
  #now = 0;

  constructor(home: HomeSetup = HOME, name = "teredo") {
    this.#tun = new OneQueue(libc, this.#arena, name);
    const setup = {
      interfaceName: name,
      mtu: 1280,
      queueLength: QUEUE_LENGTH,
      prefix: parseIpv6Prefix("2001::/32")!,
      routes: CLIENT_ROUTES,
    };
    try {
      const configured = configureTunnel(this.#netlink, { ...setup, home });
      const changes = new Changes(libc, IPV6_CHANGES);
      const remake = () => assert.fail("nothing was deleted");
      const kept = { ...setup, configured, home: configured.home, remake };
      this.upheld = new LinuxUpheld(this.#netlink, changes, kept);
      this.keeper = new Reconciler(this.upheld, 0);
    } catch (error) {
      this.kill();
      throw error;
    }
  }

  /** What is found to differ and set up again, or not. @param later milliseconds since the last look */
  look(later = 10_000): string[] {
    this.#now += later;
    return this.keeper.look(this.#now).map(({ event, what }) => `${event} ${what}`);
  }

  /** As at the end. */
  close(): void {
    this.keeper.close();
    this.kill();
  }

  /** As the kernel does, of whom was killed. */
  kill(): void {
    this.#tun.close();
    this.#netlink.close();
    this.#arena.close();
  }
}

function withClient(use: (client: Client) => void, home?: HomeSetup): void {
  const client = new Client(home);
  try {
    use(client);
  } finally {
    client.close();
  }
}

// deno-lint-ignore no-explicit-any -- JSON of iproute2
type Shown = any;

const homes = (): string[] =>
  ip("-6 address show dev teredo")[0].addr_info
    .filter((it: Shown) => it.scope === "global")
    .map((it: Shown) => `${it.local}/${it.prefixlen}${it.deprecated === true ? " deprecated" : ""}`)
    .sort();
const shown = (it: Shown) => `${it.dst} ${it.dev} ${it.protocol} ${it.metric}`;
const routes = (): string[] =>
  [...ip("-6 route show default dev teredo"), ...ip("-6 route show 2001::/32 dev teredo")]
    .map((it) => shown({ dev: "teredo", ...it }));
const rules = (): string[] =>
  ip("-6 rule show").filter((it) => it.priority === SOURCE_PRIORITY)
    .map((it) => `${it.src} ${it.table} ${it.protocol}`).sort();
const table = (number: number): string[] =>
  ip("-6 route show table all").filter((it) => it.table === `${number}`)
    .map((it) => `${it.dst} ${it.dev}`);

const ON_LINK = `2001::/32 teredo ${CLIENT_PROTOCOL} ${CLIENT_ROUTES.metric}`;
const DEFAULT = `default teredo ${CLIENT_PROTOCOL} ${METRIC}`;
const RULE = (address: string) => `${address} ${FIRST_TABLE} ${CLIENT_PROTOCOL}`;

function assertWhole(addresses: readonly string[] = [A]): void {
  const deprecated = addresses.slice(1).map((it) => `${it}/32 deprecated`);
  assert.deepEqual(homes(), [`${addresses[0]}/32`, ...deprecated].sort());
  assert.deepEqual(routes(), [DEFAULT, ON_LINK]);
  assert.deepEqual(rules(), addresses.map(RULE).sort());
  assert.deepEqual(table(FIRST_TABLE), ["default teredo"]);
}

/** The kernel makes the routes of addresses a moment after these. */
function awaitTaken(addresses: readonly string[]): void {
  for (const address of [LINK_LOCAL, ...addresses]) {
    while (ip(`-6 route show table local ${address} dev teredo`).length === 0);
  }
}

interface Taken {
  readonly name: string;
  readonly deed: string;
  readonly restored: readonly string[];
}

const TAKEN: readonly Taken[] = [
  { name: "an address", deed: `ip -6 address del ${A}/32 dev teredo`, restored: ["home"] },
  {
    name: "a deprecated address",
    deed: `ip -6 address del ${B}/32 dev teredo`,
    restored: ["home"],
  },
  {
    name: "its being deprecated",
    deed: `ip -6 address change ${B}/32 dev teredo preferred_lft forever noprefixroute`,
    restored: ["home"],
  },
  {
    name: "its not being deprecated",
    deed: `ip -6 address change ${A}/32 dev teredo preferred_lft 0 noprefixroute`,
    restored: ["home"],
  },
  {
    name: "all addresses",
    deed: "ip -6 address flush dev teredo",
    restored: ["address", "home"],
  },
  {
    name: "the default route",
    deed: "ip -6 route del default dev teredo",
    restored: ["default_route"],
  },
  { name: "the route of the prefix", deed: "ip -6 route del 2001::/32", restored: ["route"] },
  {
    name: "a rule",
    deed: `ip -6 rule del from ${A} priority ${SOURCE_PRIORITY}`,
    restored: ["source_rule"],
  },
  {
    name: "the route that a rule leads to",
    deed: `ip -6 route flush table ${FIRST_TABLE}`,
    restored: ["source_rule"],
  },
  {
    name: "all routes of all tables",
    deed: "ip -6 route flush dev teredo table all",
    restored: ["address", "default_route", "home", "route", "source_rule"],
  },
  {
    name: "the route by which the kernel takes what comes to an address",
    deed: `ip -6 route del local ${A} dev teredo table local`,
    restored: ["home"],
  },
  {
    name: "the same of the link-local address",
    deed: `ip -6 route del local ${LINK_LOCAL} dev teredo table local`,
    restored: ["address"],
  },
  {
    name: "what goes with being up",
    deed: "ip link set teredo down",
    restored: ["address", "default_route", "home", "route", "source_rule", "up"],
  },
  { name: "the MTU", deed: "ip link set teredo mtu 1400", restored: ["mtu"] },
];

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");
  sh("ip link add other type veth peer name far");
  sh("ip link set far up");
  sh("ip link set other up");

  test("a client's interface has no address and no route until it is told of one", () => {
    withClient(({ keeper }) => {
      assert.deepEqual([homes(), routes(), rules(), table(FIRST_TABLE)], [[], [], [], []]);
      keeper.setHome(wish([A]));
      assertWhole();
      keeper.setHome(NO_HOME);
      assert.deepEqual([homes(), routes(), rules(), table(FIRST_TABLE)], [[], [], [], []]);
    });
  });

  test("Keeper.setHome() sets an MTU, and what differs from what was said before", () => {
    withClient((client) => {
      const { keeper } = client;
      keeper.setHome(wish([A], { mtu: 1400 }));
      assert.equal(ip("link show teredo")[0].mtu, 1400);
      keeper.setHome(wish([B, A]));
      assert.equal(ip("link show teredo")[0].mtu, 1280);
      assertWhole([B, A]);
      keeper.setHome(wish([A, B]));
      assertWhole([A, B]);
      keeper.setHome(wish([A], { defaultRoute: false }));
      assert.deepEqual([homes(), routes()], [[`${A}/32`], [ON_LINK]]);
      keeper.setHome(wish([], { defaultRoute: false }));
      assert.deepEqual([homes(), routes(), rules()], [[], [ON_LINK], []], "as a relay has it");
      assert.deepEqual(client.look(), []);
    });
  });

  for (const { name, deed, restored } of TAKEN) {
    test(`${name} that is taken away is back, and told`, () => {
      withClient((client) => {
        client.keeper.setHome(wish([A, B]));
        awaitTaken([A, B]);
        assert.deepEqual(client.look(), []);
        sh(deed);
        assert.deepEqual(client.look().sort(), restored.map((it) => `restored ${it}`));
        assertWhole([A, B]);
        awaitTaken([A, B]);
        assert.deepEqual(client.look(), []);
      });
    });
  }

  test("an address whose route is taken away before anybody saw it gets it all the same", async () => {
    const client = new Client();
    try {
      client.keeper.setHome(wish([A]));
      awaitTaken([A]);
      sh("ip -6 route flush dev teredo table local");
      const restored = new Set<string>();
      while (!["address", "home"].every((it) => restored.has(`restored ${it}`))) {
        // Nothing tells that a route was not made: it is asked for without waiting for the next look.
        for (const it of client.look(0)) restored.add(it);
        await wait(50);
      }
      awaitTaken([A]);
      assert.deepEqual(client.look(), []);
    } finally {
      client.close();
    }
  });

  test("what goes is not brought back, and what others add stays", () => {
    withClient((client) => {
      client.keeper.setHome(wish([A]));
      sh("ip -6 address add 2001:db8::7/128 dev teredo nodad");
      sh("ip -6 address add 2001:0:1::7/128 dev teredo nodad");
      sh(`ip -6 rule add from 2001:db8::7 lookup 99 priority ${SOURCE_PRIORITY} protocol 77`);
      sh(`ip -6 rule add from ${B} lookup 99 priority ${SOURCE_PRIORITY} protocol static`);
      sh("ip -6 route add default dev other metric 20100");
      sh("ip -6 route add 2001:db8:9::/48 dev teredo");
      client.keeper.setHome(NO_HOME);
      assert.deepEqual(client.look(), []);
      assert.deepEqual(homes(), ["2001:0:1::7/128", "2001:db8::7/128"]);
      assert.deepEqual(rules(), [`${B} 99 static`, "2001:db8::7 99 77"]);
      assert.equal(ip("-6 route show default dev other").length, 1);
      assert.equal(ip("-6 route show 2001:db8:9::/48").length, 1);
      for (const rule of [`from 2001:db8::7`, `from ${B}`]) sh(`ip -6 rule del ${rule}`);
      sh("ip -6 route del default dev other");
    });
  });

  test("sources: packets from an address of ours go by the interface though another wins", () => {
    withClient(({ keeper }) => {
      sh("ip -6 address add 2001:db8:1::1/64 dev other nodad");
      sh("ip -6 route add default dev other metric 1024");
      keeper.setHome(wish([A, B]));
      const by = (from: string) => ip(`-6 route get 2600::1 from ${from}`)[0].dev;
      assert.deepEqual([A, B, "2001:db8:1::1"].map(by), ["teredo", "teredo", "other"]);
      assert.equal(ip("-6 route get 2600::1")[0].dev, "other");
      sh("ip -6 route del default dev other");
      const [found] = ip("-6 route get 2600::1");
      assert.deepEqual([found.dev, found.prefsrc], ["teredo", A], "the one that is not deprecated");
      sh("ip -6 address del 2001:db8:1::1/64 dev other");
    });
  });

  test("without source routing there are no rules, and no table", () => {
    withClient((client) => {
      client.keeper.setHome(wish([A]));
      assert.deepEqual([homes(), routes(), rules()], [[`${A}/32`], [DEFAULT, ON_LINK], []]);
      assert.deepEqual(client.look(), []);
    }, { metric: METRIC, sourceRouting: false });
  });

  test("the table is one that no route and no rule of others is about", () => {
    sh(`ip -6 route add default dev other table ${FIRST_TABLE}`);
    sh(`ip -6 rule add from 2001:db8::7 lookup ${FIRST_TABLE + 1} priority 100`);
    withClient(({ keeper }) => {
      keeper.setHome(wish([A]));
      assert.deepEqual(rules(), [`${A} ${FIRST_TABLE + 2} ${CLIENT_PROTOCOL}`]);
      assert.deepEqual(table(FIRST_TABLE), ["default other"]);
    });
    sh(`ip -6 route flush table ${FIRST_TABLE}`);
    sh("ip -6 rule del from 2001:db8::7");
  });

  test("what another has in the place of ours stays, and is named", () => {
    withClient((client) => {
      sh(`ip -6 route add default dev other metric ${METRIC}`);
      sh("ip -6 route add 2001::/32 dev other metric 1 proto bird");
      client.keeper.setHome(wish([A]));
      const told = client.keeper.look(60_000);
      const problems = told.map((it) => it.event === "refused" ? it.problem : it.event);
      assert.deepEqual(problems, [
        "2001::/32 leads to other rather than to teredo, by a route of proto bird, metric 1",
        `another default route of metric ${METRIC} is in the place of a client's`,
      ]);
      sh("ip -6 route del 2001::/32 dev other metric 1");
      sh(`ip -6 route del default dev other metric ${METRIC}`);
      client.look();
      assertWhole();
    });
  });

  test("configureTunnel() refuses a client where another has the prefix", () => {
    sh("ip -6 route add 2001::/32 dev other metric 10");
    assert.throws(() => new Client(), /2001::\/32 is already routed to other/);
    sh("ip -6 route del 2001::/32 dev other");
  });

  test("configureTunnel() names the process whose interface has the prefix", () => {
    withClient(({ keeper }) => {
      keeper.setHome(wish([A]));
      assert.throws(
        () => new Client(HOME, "another"),
        new RegExp(
          "^StartError: 2001::/32 is already routed to teredo \\(proto 216, metric 10\\), an " +
            `interface of process ${process.pid} \\(.*\\), which wins over a route of metric 10; ` +
            `stop that process, .ps -p ${process.pid}. shows what it is: of relays and clients one has`,
        ),
      );
      assertWhole();
    });
  });

  test("a client that was killed leaves its rules: the next one takes them away, no others", () => {
    const killed = new Client();
    killed.keeper.setHome(wish([A, B]));
    killed.kill();
    assert.deepEqual(rules(), [A, B].map(RULE).sort());
    sh(`ip -6 rule add from ${A} lookup 99 priority ${SOURCE_PRIORITY} protocol 77`);
    withClient(({ keeper }) => {
      assert.deepEqual(rules(), [`${A} 99 77`]);
      keeper.setHome(wish([B]));
      assert.deepEqual(rules(), [`${A} 99 77`, RULE(B)].sort());
    });
    assert.deepEqual(rules(), [`${A} 99 77`], "all goes at the end");
    sh(`ip -6 rule del from ${A} lookup 99`);
  });

  test("a host that forwards takes the first address of the prefix for its own: nothing is amiss", () => {
    sh("sysctl -qw net.ipv6.conf.all.forwarding=1");
    try {
      withClient((client) => {
        client.keeper.setHome(wish([A]));
        awaitTaken([A]);
        assert.equal(ip("-6 route show table local 2001:: dev teredo")[0]?.type, "anycast");
        for (let i = 0; i < 3; i++) assert.deepEqual(client.look(), []);
        sh("ip -6 route del 2001::/32 dev teredo");
        assert.deepEqual(client.look(), ["restored route"]);
        assert.deepEqual(client.look(), []);
      });
    } finally {
      sh("sysctl -qw net.ipv6.conf.all.forwarding=0");
    }
  });

  test("a client that was killed leaves all on an interface that stays: it goes", () => {
    sh("ip tuntap add teredo mode tun");
    const killed = new Client();
    killed.keeper.setHome(wish([A, B]));
    killed.kill();
    assert.equal(homes().length, 2);
    withClient(() => {
      assert.deepEqual([homes(), routes().length, rules()], [[], 0, []]);
    });
    sh("ip link del teredo");
  });
});
