import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import type { Tunnel, TunnelSetup } from "../../kernel.ts";
import { Opened } from "../../opened.ts";
import { configureTunnel, QUEUE_LENGTH, SUPER_QUEUE_LENGTH, tearDown } from "./interface.ts";
import { Netlink } from "../netlink/socket.ts";
import { steerTun } from "../steering.ts";
import { openTun } from "./open.ts";

/** See `Kernel.openTunnel`. Everything goes with the last descriptor, however the process ends. */
export function openTunnel(libc: Libc, arena: Arena, setup: TunnelSetup): Tunnel {
  const opened = new Opened();
  return opened.run(() => {
    const tun = openTun(libc, arena, setup.interfaceName, setup);
    for (const fd of tun.queues) opened.add(fd, () => libc.call.close(fd));
    if (setup.queues > 1) steerTun(libc, arena, tun.queues[0]!, setup.queues);
    const netlink = opened.add(new Netlink(libc), (it) => it.close());
    const configured = configureTunnel(netlink, {
      interfaceName: tun.name,
      mtu: setup.mtu,
      queueLength: tun.tun ? SUPER_QUEUE_LENGTH : QUEUE_LENGTH,
      prefix: setup.prefix,
    });
    return {
      name: tun.name,
      queues: tun.queues,
      offloads: { tun: tun.tun, tunUdp: tun.tunUdp },
      notices: [],
      stopRouting: () => tearDown(netlink, configured),
      close: () => opened.close(),
    };
  });
}
