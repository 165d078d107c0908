import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { StartError } from "#src/errors.ts";
import { Reconciler } from "../../keep/reconciler.ts";
import { adopted } from "../../kept.ts";
import type { Tunnel, TunnelSetup } from "../../kernel.ts";
import { Opened } from "../../opened.ts";
import { configureTunnel, QUEUE_LENGTH, SUPER_QUEUE_LENGTH, tearDown } from "./interface.ts";
import { LinuxUpheld } from "../keep/upheld.ts";
import { Changes, IPV6_CHANGES } from "../netlink/changes.ts";
import { linkNamed } from "../netlink/look_up.ts";
import { Netlink } from "../netlink/socket.ts";
import { steerTun } from "../steering.ts";
import { type OpenTun, openTun, resumeTun } from "./open.ts";
import { findInterface, giveBack } from "./give_back.ts";
import { heldProblem, staysProblem } from "./problems.ts";
import { replaceQueues } from "./replace.ts";

/** For the structures of the calls that make an interface. */
const REMAKE_ARENA = 64 * 1024;

/**
 * See `Kernel.openTunnel`. Everything goes with the last descriptor, however the process ends; of an
 * interface that was there, what was set up goes with {@link Tunnel.close}.
 */
export function openTunnel(libc: Libc, arena: Arena, setup: TunnelSetup): Tunnel {
  const opened = new Opened();
  return opened.run(() => {
    const netlink = opened.add(new Netlink(libc), (it) => it.close());
    const close = (fd: number) => libc.call.close(fd);
    const resumed = adopted(
      setup.inherited,
      "tun",
      close,
      (descriptors) => resumeTun(libc, arena, descriptors, setup.interfaceName, setup),
    );
    const found = resumed === undefined ? findInterface(netlink, setup.interfaceName) : undefined;
    const tun = resumed ?? openSteered(libc, arena, setup.interfaceName, setup);
    for (const fd of tun.queues) opened.add(fd, () => libc.call.close(fd));
    if (resumed !== undefined && setup.queues > 1) {
      steerTun(libc, arena, tun.queues[0]!, setup.queues);
    }
    refuseShared(netlink, tun);
    if (found !== undefined && setup.routes.announced !== undefined) throw staysProblem(tun.name);
    if (found !== undefined) opened.add(found, (it) => giveBack(netlink, it));
    const wanted = {
      interfaceName: tun.name,
      mtu: setup.mtu,
      queueLength: tun.tun ? SUPER_QUEUE_LENGTH : QUEUE_LENGTH,
      prefix: setup.prefix,
      routes: setup.routes,
    };
    const configured = configureTunnel(netlink, { ...wanted, home: setup.home });
    const kept = { ...wanted, home: configured.home };
    if (found !== undefined) opened.add(configured, (it) => tearDown(netlink, it));
    return {
      name: tun.name,
      queues: tun.queues,
      mayStay: found === undefined,
      offloads: { tun: tun.tun, tunUdp: tun.tunUdp },
      notices: [],
      remakes: true,
      keep: (announce) => {
        const remake = () => {
          remakeTun(libc, tun, setup);
          announce();
          return linkNamed(netlink, tun.name)!.index;
        };
        const changes = new Changes(libc, IPV6_CHANGES);
        const upheld = new LinuxUpheld(netlink, changes, { ...kept, configured, remake });
        return new Reconciler(upheld, performance.now());
      },
      entrusted: { ...kept, index: configured.index },
      stopRouting: () => tearDown(netlink, configured),
      close: () => opened.close(),
    };
  });
}

/** Of an interface with several queues another process may have some: packets would be shared out. */
function refuseShared(netlink: Netlink, { name, queues }: OpenTun): void {
  const all = linkNamed(netlink, name)?.queues;
  if (all !== undefined && all > queues.length) throw heldProblem(name);
}

function openSteered(libc: Libc, arena: Arena, name: string, options: TunnelSetup): OpenTun {
  const tun = openTun(libc, arena, name, options);
  try {
    if (options.queues > 1) steerTun(libc, arena, tun.queues[0]!, options.queues);
    return tun;
  } catch (error) {
    for (const fd of tun.queues) libc.call.close(fd);
    throw error;
  }
}

/**
 * Makes the interface again, under the descriptors that the threads work on. They go on with the
 * offloads that they have.
 *
 * @throws StartError, SyscallError
 */
function remakeTun(libc: Libc, tun: OpenTun, setup: TunnelSetup): void {
  const arena = Arena.plain(libc, REMAKE_ARENA);
  try {
    const made = openSteered(libc, arena, tun.name, { ...setup, offloads: tun.tun });
    if (made.tun !== tun.tun) {
      for (const fd of made.queues) libc.call.close(fd);
      throw new StartError("the kernel has no offloads for TUN any more", "restart the relay");
    }
    replaceQueues(libc, tun.queues, made.queues);
  } finally {
    arena.close();
  }
}
