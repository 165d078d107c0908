import assert from "node:assert/strict";
import { ENETUNREACH } from "#ffi/linux/mod.ts";
import { dropPrivileges } from "#src/daemon/privileges.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { ownersOf } from "#src/datapath/linux/owners.ts";
import { hasAddress, linkAt, linkNamed, wayOf } from "#src/datapath/linux/netlink/look_up.ts";
import { addresses, links } from "#src/datapath/linux/netlink/routing.ts";
import { parseIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { data } from "#test/protocol/relay/lab.ts";
import type { Backend } from "../backend.ts";
import { assertNothingLeft, assertRefused, Life, liveThrough, type Step } from "../life.ts";
import type { Endpoint } from "../network.ts";
import { LATE, relaySteps } from "../relay_steps.ts";
import { relay, server } from "../roles.ts";
import {
  CLIENT_ADDRESS,
  CLIENT_AT,
  HOST,
  NOWHERE,
  RELAY_AT,
  SECONDARY_AT,
  SERVER_AT,
  SILENT_AT,
  STRAY,
  STRAY_PREFIX,
  TUNNEL,
  WAN,
} from "../scene.ts";
import { LATE_SOLICITATION, serverSteps } from "../server_steps.ts";

const NOBODY = { name: "nobody", uid: 65_534, gid: 65_534, groups: [65_534] };
const SERVICE_PREFIX = "2001::/32";
const UP = data(CLIENT_ADDRESS, HOST);

export interface Plan {
  /** Who speaks to the role. */
  readonly players: readonly Endpoint[];
  /** Throws when something is not as it should be. */
  play(backend: Backend): void;
}

const asRelay = (play: Plan["play"]): Plan => ({
  players: [CLIENT_AT, SERVER_AT, SILENT_AT],
  play,
});
const asServer = (play: Plan["play"]): Plan => ({ players: [CLIENT_AT, RELAY_AT], play });
const becomeNobody = ({ libc }: Backend) => dropPrivileges(libc, NOBODY, undefined);

/** Given up once all is open, as the daemon does. */
const PRIVILEGES_GONE: Step = {
  name: "privileges are given up",
  does: ({ backend }) => becomeNobody(backend),
};
/** What only root may do later. */
const ROUTED: Step = {
  name: "a stray prefix is routed",
  does: ({ backend }) => backend.addRoute(STRAY_PREFIX, TUNNEL),
};
/** While it is down nothing can be written to it, and its route is gone. */
const DOWN: Step = {
  name: "an operator takes the interface down",
  does: (life) => {
    life.backend.setLink(TUNNEL, false);
    life.backend.sendDatagram({ from: CLIENT_AT, to: RELAY_AT, data: UP.slice() });
  },
  wakes: ["udp"],
  check: (life) => assert.equal(life.drops("TunWriteFailed") >= 1, true),
};
const GONE: Step = {
  name: "an operator deletes the interface",
  does: ({ backend }) => backend.removeLink(TUNNEL),
  wakes: ["tun"],
  lasts: 10_050, // nobody makes it again
};

/** What is played on paper and on the machine, by name. */
export const PLANS: Readonly<Record<string, Plan>> = {
  "a relay's life": asRelay((it) => void liveThrough(it, relay(), [...relaySteps(), LATE])),
  "a relay's life at any address": asRelay((it) =>
    void liveThrough(it, relay({ anyAddress: true }), [...relaySteps({ anyAddress: true }), LATE])
  ),
  "a relay's life with offloads": asRelay((it) =>
    void liveThrough(it, relay({ offloads: true }), [...relaySteps(), LATE])
  ),
  "a relay's life as nobody": asRelay((it) => {
    const steps = relaySteps({ strayIsRouted: true });
    liveThrough(it, relay(), [ROUTED, PRIVILEGES_GONE, ...steps, LATE]);
  }),
  "a relay that dies, and the next one": asRelay((it) => {
    const before = it.state();
    new Life(it, relay(), relaySteps()).die();
    assertNothingLeft(it, before);
    liveThrough(it, relay(), [...relaySteps(), LATE]);
  }),
  "a relay whose interface goes down": asRelay((it) =>
    void liveThrough(it, relay(), [...relaySteps(), DOWN])
  ),
  "a relay whose interface is deleted": asRelay((it) => {
    const before = it.state();
    const life = new Life(it, relay(), [...relaySteps(), GONE]);
    assert.throws(() => life.live(), /The interface teredo is gone: read: EBADFD/);
    life.opened.close();
    assertNothingLeft(it, before);
  }),
  "a relay whose port is taken": asRelay((it) => {
    it.occupy(RELAY_AT.address, RELAY_AT.port);
    assertRefused(it, relay(), /203\.0\.113\.9:3545 is in use/);
  }),
  "a relay at any address whose port is taken": asRelay((it) => {
    it.occupy(RELAY_AT.address, RELAY_AT.port);
    assertRefused(it, relay({ anyAddress: true }), /0\.0\.0\.0:3545 is in use/);
  }),
  "a relay at somebody else's address": asRelay((it) => {
    assertRefused(it, relay({ bindAddress: NOWHERE }), /198\.51\.100\.1 is not an address of this/);
  }),
  "a relay whose interface another process has": asRelay((it) => {
    it.holdTun(TUNNEL);
    assertRefused(it, relay(), /the TUN interface teredo is in use/);
  }),
  "a relay whose interface's name another kind has": asRelay((it) => {
    it.addLink(TUNNEL);
    assertRefused(it, relay(), /an interface teredo exists already and is /);
  }),
  "a relay whose prefix is routed elsewhere": asRelay((it) => {
    it.addRoute(SERVICE_PREFIX, WAN, 5);
    assertRefused(it, relay(), /2001::\/32 is already routed to wan0 \(proto boot, metric 5\)/);
  }),
  "a relay whose prefix is routed elsewhere with a higher metric": asRelay((it) => {
    it.addRoute(SERVICE_PREFIX, WAN);
    liveThrough(it, relay(), [...relaySteps(), LATE]);
  }),
  "a relay without TUN": asRelay((it) => {
    it.hideTun();
    assertRefused(it, relay(), /\/dev\/net\/tun is missing/);
  }),
  "a relay without privileges": asRelay((it) => {
    becomeNobody(it);
    assertRefused(it, relay(), /no permission to make the TUN interface/);
  }),
  "questions about interfaces, addresses and routes": asRelay(askAll),
  "a server's life": asServer((it) =>
    void liveThrough(it, server(), [...serverSteps({ isForwarded: false }), LATE_SOLICITATION])
  ),
  "a server's life as nobody": asServer((it) => {
    const steps = [PRIVILEGES_GONE, ...serverSteps({ isForwarded: false }), LATE_SOLICITATION];
    liveThrough(it, server(), steps);
  }),
  "a server that dies, and the next one": asServer((it) => {
    const steps = serverSteps({ isForwarded: false });
    const before = it.state();
    new Life(it, server(), steps).die();
    assertNothingLeft(it, before);
    liveThrough(it, server(), [...steps, LATE_SOLICITATION]);
  }),
  "a server whose second port is taken": asServer((it) => {
    it.occupy(SECONDARY_AT.address, SECONDARY_AT.port);
    assertRefused(it, server(), /65\.54\.227\.121:3544 is in use/);
  }),
  "a server without privileges": asServer((it) => {
    becomeNobody(it);
    assertRefused(it, server(), /EPERM/);
  }),
};

/** What `teredo check` wants to know, and what it makes of the answers. */
function askAll(backend: Backend): void {
  const netlink = new Netlink(backend.libc);
  const say = (what: string, answer: unknown) =>
    backend.transcript.note(`${what} ${JSON.stringify(answer)}`);
  const all = links(netlink);
  const nameOf = (index: number | undefined) => all.find((it) => it.index === index)?.name;
  say("links", all.map(({ name, mtu, flags, queueLength }) => [name, mtu, flags, queueLength]));
  for (const { family, bytes, prefixLength, index, flags } of addresses(netlink)) {
    say("address", [family, bytes.toHex(), prefixLength, nameOf(index), flags]);
  }
  backend.addRoute(STRAY_PREFIX, WAN);
  for (const text of [STRAY_PREFIX, SERVICE_PREFIX, "::/0", "2001:db8::/64"]) {
    const owners = ownersOf(netlink, parseIpv6Prefix(text)!);
    say(text, owners.map(({ index, ...it }) => ({ ...it, name: nameOf(index) })));
  }
  for (const address of [HOST, STRAY]) {
    const way = wayOf(netlink, { destination: parseIpv6(address)! });
    say(address, nameOf(typeof way === "number" ? undefined : way.index));
  }
  assert.equal(wayOf(netlink, { destination: parseIpv6("2001:db9::1")! }), ENETUNREACH);
  for (const { name, index } of all) {
    say(name, [linkNamed(netlink, name)?.name, linkAt(netlink, index)?.mtu]);
    say(HOST, hasAddress(netlink, index, parseIpv6(HOST)!));
  }
  say("nothing", [linkNamed(netlink, "nothing"), linkAt(netlink, 0)]);
  netlink.close();
  assert.deepEqual(backend.faults(), []);
}
