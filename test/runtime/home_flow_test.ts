import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { CLIENT_ROUTES, type HomeWish } from "#src/datapath/homes.ts";
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import { parseIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { inNamespace, RUN, sh } from "./namespace.ts";

/** What becomes of a connection when a client's address changes: TCP of the kernel's own at both ends. */
const libc = await openLibc();
const [OLD, NEW] = ["2001:0:c633:6401:0:f227:3fff:fe01", "2001:0:c633:6403:0:f227:3fff:fe01"];
const HOST = "2001:db8:7::7";
const PACKET = 2048;

const wish = (...texts: string[]): HomeWish => ({
  addresses: texts.map((text, i) => ({ bytes: parseIpv6(text)!, deprecated: i > 0 })),
  onLink: true,
  defaultRoute: true,
  mtu: 1280,
});

/** Carries packets between two TUN interfaces, as Teredo would. @returns ends it */
function wire(arena: Arena, fds: readonly [number, number]): () => void {
  const at = arena.take(PACKET);
  const address = arena.address(at);
  const carry = (from: number, to: number) => {
    for (let length; (length = libc.call.read(from, address, PACKET)) > 0;) {
      libc.call.write(to, address, length);
    }
  };
  const timer = setInterval(() => {
    carry(fds[0], fds[1]);
    carry(fds[1], fds[0]);
  }, 2);
  return () => clearInterval(timer);
}

/** A line that comes, or why none does. */
function lineOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("data", (bytes) => resolve(bytes.toString().trim()));
    socket.once("error", (error) => resolve(String(error)));
  });
}

async function ask(socket: Socket): Promise<string> {
  const line = lineOf(socket);
  socket.write("who am I?\n");
  return await line;
}

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port: 7000 }, () => resolve(socket));
    socket.once("error", reject);
  });
}

const started = (child: ChildProcess) =>
  new Promise<void>((resolve) => child.stdout!.once("data", () => resolve()));

inNamespace(import.meta.filename!, () => {
  test("a connection goes on by a deprecated address, and a new one takes the new address", {
    timeout: 600_000,
  }, async () => {
    sh("ip link set lo up");
    const arena = new Arena(libc, 256 * 1024);
    const common = {
      ...{ queues: 1, offloads: false, mtu: 1280, prefix: parseIpv6Prefix("2001::/32")! },
      routes: CLIENT_ROUTES,
    };
    const home = { metric: 1_000_000, sourceRouting: true };
    const ours = LINUX_KERNEL.openTunnel(libc, arena, { ...common, interfaceName: "teredo", home });
    const keeper = ours.keep(() => {}, true);
    keeper.setHome(wish(OLD));
    const other = spawn("unshare", ["--net", "sh", "-c", "echo up; exec sleep 600"]);
    await started(other);
    const there = (command: string) => sh(`nsenter -t ${other.pid} -n ${command}`);
    const far = LINUX_KERNEL.openTunnel(libc, arena, {
      ...common,
      ...{ interfaceName: "far", prefix: parseIpv6Prefix("2001:db8:ffff::/48")! },
    });
    sh(`ip link set far netns ${other.pid}`);
    there("ip link set far up");
    there(`ip -6 address add ${HOST}/64 dev far nodad`);
    there("ip -6 route add default dev far");
    const peer = spawn("nsenter", [
      ...["-t", `${other.pid}`, "-n", process.execPath, ...RUN],
      join(import.meta.dirname!, "told_peer.ts"),
    ], { stdio: ["ignore", "pipe", "inherit"] });
    await started(peer);
    const end = wire(arena, [ours.queues[0]!, far.queues[0]!]);
    const first = await open();
    assert.equal(await ask(first), OLD);
    keeper.setHome(wish(NEW, OLD));
    const second = await open();
    assert.equal(await ask(second), NEW);
    assert.equal(await ask(first), OLD, "it goes on");
    // Whatever else there is: the rules lead back into the tunnel what is from these addresses.
    sh("ip link add wan type veth peer name none");
    sh("ip link set wan up");
    sh("ip -6 address add 2001:db8:1::1/64 dev wan nodad");
    sh("ip -6 route add default dev wan metric 100");
    assert.deepEqual([await ask(first), await ask(second)], [OLD, NEW]);
    keeper.setHome(wish(NEW));
    assert.equal(await ask(second), NEW);
    for (const socket of [first, second]) socket.destroy();
    peer.kill("SIGKILL");
    other.kill("SIGKILL");
    end();
    keeper.close();
    for (const tunnel of [ours, far]) tunnel.close();
    arena.close();
  });
});
