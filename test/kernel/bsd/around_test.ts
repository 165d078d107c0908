import assert from "node:assert/strict";
import test from "node:test";
import { bsdKernel } from "#src/datapath/bsd/kernel.ts";
import { openRelay } from "#src/datapath/start/relay.ts";
import { openServer } from "#src/datapath/start/server.ts";
import { StartError } from "#src/errors.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { typeAsRoot } from "./commands.ts";
import { type HostName, HOSTS, machineOf, type PerHost, tunnelsOf } from "./hosts.ts";
import { BsdProcess, RELAY, SERVER } from "./process.ts";

/** How a role gets on with what others have set up, or set up while it runs. */

const FREEBSD: readonly HostName[] = ["FreeBSD 14", "FreeBSD 15"];
/** Interfaces keep their names. */
const STATIC: readonly HostName[] = ["OpenBSD 7", "NetBSD 10"];
const RENAMING = HOSTS.filter((host) => !STATIC.includes(host));

for (const host of FREEBSD) {
  test(`${host}: both roles switch IPv6 on where rc(8) has it off on new interfaces`, () => {
    const machine = machineOf(host, { disablesNew: true });
    new BsdProcess(machine).openRelay();
    new BsdProcess(machine).openServer();
    for (const name of ["teredo", "teredo-server"]) {
      assert.equal(machine.nd6(machine.world.link(name)!).isDisabled, false, name);
    }
  });

  test(`${host}: a role does not start where IPv6 stays off, and says what to run`, () => {
    const machine = machineOf(host);
    // devd(8) has the last word.
    const nd6 = machine.nd6.bind(machine);
    machine.nd6 = (link) => ({ ...nd6(link), isDisabled: link.name.startsWith("teredo") });
    for (const role of ["openRelay", "openServer"] as const) {
      const process = new BsdProcess(machine);
      const name = role === "openRelay" ? "teredo" : "teredo-server";
      assert.throws(() => process[role](), (error: unknown) => {
        assert.ok(error instanceof StartError, String(error));
        assert.equal(error.problem, `IPv6 stays disabled on ${name}`);
        assert.equal(error.mend, `run \`ifconfig ${name} inet6 -ifdisabled\``);
        return true;
      });
      assert.deepEqual(tunnelsOf(machine), []);
    }
  });
}

for (const host of STATIC) {
  test(`${host}: neither role takes a unit that an operator has made while there are others`, () => {
    const machine = machineOf(host);
    typeAsRoot(machine, "ifconfig tun0 create");
    const before = tunnelsOf(machine);
    const [server, relay] = [new BsdProcess(machine), new BsdProcess(machine)];
    const roles = [server.openServer(), relay.openRelay()];
    assert.deepEqual(roles.map((it) => it.interfaceName ?? it.nativeName), ["tun1", "tun2"]);
    for (const role of roles) role.close();
    assert.deepEqual(tunnelsOf(machine), before);
  });

  test(`${host}: a relay takes an operator's unit when no other has a device, and leaves it`, () => {
    const machine = machineOf(host, { tunNodes: 1 });
    typeAsRoot(machine, "ifconfig tun0 create");
    const relay = new BsdProcess(machine).openRelay();
    assert.equal(relay.interfaceName, "tun0");
    relay.close();
    const [left, ...others] = tunnelsOf(machine);
    assert.match(left!, /^tun0 mtu 1280 POINTOPOINT(,RUNNING|,MULTICAST)*$/);
    assert.deepEqual(others, []);
  });
}

/** For 2001:db8::53, an address of `wan0`. */
function packetForHost(): Uint8Array {
  const packet = new Uint8Array(40);
  packet.set([0x60, 0, 0, 0, 0, 0, 59, 64]);
  packet.set(parseIpv6("2001:0:c000:201::1")!, 8);
  packet.set(parseIpv6("2001:db8::53")!, 24);
  return packet;
}

/** Commands of one start: docs/limits.md has them, with those of the checks before it. */
const MOST_COMMANDS = 14;

for (const host of HOSTS) {
  test(`${host}: what a relay hands to its own host without forwarding arrives, but for OpenBSD`, () => {
    const machine = machineOf(host, { forwards: false });
    const { interfaceName } = new BsdProcess(machine).openRelay();
    const link = machine.world.link(interfaceName!)!;
    machine.input(link, packetForHost());
    assert.equal(machine.world.packets.length, host === "OpenBSD 7" ? 0 : 1);
    machine.sysctls.set("net.inet6.ip6.forwarding", "1");
    machine.world.packets.length = 0;
    machine.input(link, packetForHost());
    assert.equal(machine.world.packets.length, 1);
  });

  test(`${host}: a start runs no more commands than docs/limits.md says`, () => {
    for (const role of ["openRelay", "openServer"] as const) {
      const machine = machineOf(host);
      const first = new BsdProcess(machine);
      first[role]();
      first.kill();
      const process = new BsdProcess(machine);
      let count = 0;
      const run = process.libc.run;
      const counting = bsdKernel(process.libc, (argv) => {
        count++;
        return run(argv);
      });
      if (role === "openRelay") openRelay(process.libc, RELAY, counting);
      else openServer(process.libc, SERVER, counting);
      assert.ok(count > 1 && count <= MOST_COMMANDS, `${role}: ${count}`);
    }
  });
}

const NATIVE: PerHost<string> = {
  "FreeBSD 14": "teredo-server",
  "FreeBSD 15": "teredo-server",
  "OpenBSD 7": "tun0",
  "NetBSD 10": "tun0",
  "DragonFly BSD 6": "teredo-server",
};

for (const host of HOSTS) {
  test(`${host}: a server says by which interface its native packets leave`, () => {
    assert.equal(new BsdProcess(machineOf(host)).openServer().nativeName, NATIVE[host]);
  });

  test(`${host}: a relay that ends leaves the prefix to whom it belongs by then`, () => {
    const machine = machineOf(host);
    const process = new BsdProcess(machine);
    const relay = process.openRelay();
    const { world } = machine;
    const own = world.routes.find(({ length }) => length === 32)!;
    world.removeRoute(own);
    const other = { ...own, destination: parseIpv6("2001::")!, link: world.link("wan0")! };
    world.addRoute(other);
    void relay.start();
    relay.close();
    assert.ok(world.routes.includes(other));
  });

  test(`${host}: buffers that are smaller than asked for are told`, () => {
    const machine = machineOf(host, { maxSocketBuffer: 1024 * 1024 });
    const of = (socketBuffer: number) =>
      new BsdProcess(machine).openRelay({ socketBuffer, bindPort: 0 }).notices
        .filter((it) => it.startsWith("UDP buffers"));
    const variable = host === "NetBSD 10" ? "-w kern.sbmax" : "kern.ipc.maxsockbuf";
    const more = host === "OpenBSD 7"
      ? "which is all that the kernel gives"
      : `for more run \`sysctl ${variable}=10485760\``;
    const wanted = 8 * 1024 * 1024;
    assert.deepEqual(of(wanted), [
      `UDP buffers have 1048576 bytes, not socket_buffer = ${wanted}: ${more}`,
    ]);
    const second = machineOf(host, { maxSocketBuffer: 1024 * 1024 });
    const { notices } = new BsdProcess(second).openRelay({ socketBuffer: 1024 * 1024 });
    assert.deepEqual(notices.filter((it) => it.startsWith("UDP buffers")), []);
  });
}

for (const host of RENAMING) {
  test(`${host}: a server whose name another interface has does with the kernel's`, () => {
    const machine = machineOf(host);
    machine.world.addLink("teredo-server", 1500, 0);
    const before = tunnelsOf(machine);
    const server = new BsdProcess(machine).openServer();
    assert.match(server.nativeName!, /^tun\d$/);
    server.close();
    assert.deepEqual(tunnelsOf(machine), before);
  });

  test(`${host}: a driver that cannot be loaded is told with what kldload(8) said`, () => {
    const machine = machineOf(host, { tunLoaded: false });
    const process = new BsdProcess(machine);
    process.dropPrivileges();
    assert.throws(
      () => process.openRelay(),
      /; `kldload (-n )?if_tun(tap)?` failed: kldload: can't load if_tun(tap)?: Operation not perm/,
    );
  });
}
