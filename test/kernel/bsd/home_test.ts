import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { CLIENT_ROUTES, type HomeWish } from "#src/datapath/homes.ts";
import type { Keeper } from "#src/datapath/keep/contract.ts";
import { formatIpv6, parseIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { typeAsRoot } from "./commands.ts";
import { type HostName, HOSTS, machineOf } from "./hosts.ts";
import type { BsdMachine } from "./machine.ts";
import { BsdProcess } from "./process.ts";

/** A client's addresses and routes on the BSDs of paper. */
const [A, B] = ["2001:0:c633:6401:0:f227:3fff:fe01", "2001:0:c633:6403:0:f227:3fff:fe01"];
/** IN6_IFF_DEPRECATED */
const DEPRECATED = 0x10;

const wish = (texts: readonly string[], more: Partial<HomeWish> = {}): HomeWish => ({
  addresses: texts.map((text, i) => ({ bytes: parseIpv6(text)!, deprecated: i > 0 })),
  onLink: true,
  defaultRoute: true,
  mtu: 1280,
  ...more,
});
const NO_HOME = wish([], { onLink: false, defaultRoute: false });

interface Client {
  readonly machine: BsdMachine;
  readonly keeper: Keeper;
  readonly name: string;
  /** What is found to differ and set up again, or not. */
  look(): string[];
  type(line: string): void;
}

function withClient(host: HostName, use: (client: Client) => void): void {
  const machine = machineOf(host);
  // A client's host has no IPv6 of its own.
  machine.world.routes.splice(0, machine.world.routes.length, ...withoutDefault(machine));
  const process = new BsdProcess(machine);
  const arena = new Arena(process.libc, 64 * 1024);
  const tunnel = process.ways.openTunnel(process.libc, arena, {
    interfaceName: "teredo",
    queues: 1,
    offloads: false,
    mtu: 1280,
    prefix: parseIpv6Prefix("2001::/32")!,
    routes: CLIENT_ROUTES,
    home: { metric: 1_000_000, sourceRouting: true },
  });
  const keeper = tunnel.keep(() => {}, true);
  let now = performance.now();
  use({
    machine,
    keeper,
    name: tunnel.name,
    look: () => keeper.look(now += 10_000).map(({ event, what }) => `${event} ${what}`),
    type: (line) => assert.equal(typeAsRoot(machine, line).status, 0, line),
  });
  keeper.close();
  tunnel.stopRouting();
  assert.deepEqual(shown(machine, tunnel.name), NOTHING, "all goes at the end");
  tunnel.close();
  arena.close();
  assert.deepEqual(process.open, []);
}

const withoutDefault = ({ world }: BsdMachine) => world.routes.filter(({ length }) => length !== 0);

const NOTHING = { homes: [], routes: [] };

/** Global addresses of the interface, and what of the service prefix and the default leads to it. */
function shown({ world }: BsdMachine, name: string) {
  const link = world.link(name)!;
  const homes = link.addresses.filter(({ bytes }) => bytes.length === 16 && bytes[0] === 0x20)
    .map(({ bytes, flags }) =>
      `${formatIpv6(bytes)}${(flags & DEPRECATED) === 0 ? "" : " deprecated"}`
    );
  const routes = world.routes.filter((it) =>
    it.link === link && it.destination.length === 16 && (it.length === 0 || it.length === 32)
  ).map((it) => `${formatIpv6(it.destination)}/${it.length}`);
  return { homes: homes.sort(), routes: routes.sort() };
}

const ROUTES = ["2001::/32", "::/0"];

for (const host of HOSTS) {
  test(`${host}: a client's interface has what Keeper.setHome() says, and nothing before`, () => {
    withClient(host, ({ machine, keeper, name, look }) => {
      assert.deepEqual(shown(machine, name), NOTHING);
      keeper.setHome(wish([A], { mtu: 1400 }));
      assert.deepEqual(shown(machine, name), { homes: [A], routes: ROUTES });
      assert.equal(machine.world.link(name)!.mtu, 1400);
      keeper.setHome(wish([B, A]));
      const both = [`${A} deprecated`, B];
      assert.deepEqual(shown(machine, name), { homes: both, routes: ROUTES });
      keeper.setHome(wish([A]));
      assert.deepEqual(shown(machine, name), { homes: [A], routes: ROUTES });
      keeper.setHome(wish([], { defaultRoute: false }));
      assert.deepEqual(shown(machine, name), { homes: [], routes: ["2001::/32"] });
      assert.deepEqual(look(), []);
      keeper.setHome(NO_HOME);
      assert.deepEqual(shown(machine, name), NOTHING);
      assert.deepEqual(look(), []);
    });
  });

  test(`${host}: what is taken of a client's is back`, () => {
    withClient(host, ({ machine, keeper, name, look, type }) => {
      keeper.setHome(wish([A, B]));
      const whole = shown(machine, name);
      const prefixed = host === "OpenBSD 7" ? ":: -prefixlen 0" : "::/0";
      for (
        const [line, restored] of [
          [`ifconfig ${name} inet6 ${A} -alias`, "restored home"],
          [`route -n delete -inet6 ${prefixed}`, "restored default_route"],
          [`ifconfig ${name} mtu 1400`, "restored mtu"],
        ] as const
      ) {
        type(line);
        assert.ok(look().includes(restored), line);
        assert.deepEqual(shown(machine, name), whole);
        assert.deepEqual(look(), []);
      }
    });
  });

  test(`${host}: a default route of another program stays, and a client does without`, () => {
    withClient(host, ({ machine, keeper, name, look }) => {
      const { world } = machine;
      const link = world.link(machine.ethernet)!;
      const destination = new Uint8Array(16);
      const route = { destination, length: 0, link, metric: 0 } as const;
      world.addRoute({ ...route, action: "send", origin: "static" });
      keeper.setHome(wish([A]));
      assert.deepEqual(shown(machine, name), { homes: [A], routes: ["2001::/32"] });
      assert.deepEqual(look(), []);
      keeper.setHome(NO_HOME);
      assert.equal(
        world.routes.filter((it) => it.link === link && it.length === 0).length > 0,
        true,
      );
    });
  });
}
