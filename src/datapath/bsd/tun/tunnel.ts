import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { Reconciler } from "../../keep/reconciler.ts";
import type { Tunnel, TunnelSetup } from "../../kernel.ts";
import { Opened } from "../../opened.ts";
import type { Run } from "../commands.ts";
import { BsdUpheld } from "../keep/upheld.ts";
import { configureTunnel, deleteOwnRoute, leaveInterface } from "./interface.ts";
import { Routes } from "../routing/socket.ts";
import { closeTun, openTun } from "./open.ts";

/** See `Kernel.openTunnel`. */
export function openTunnel(libc: Libc, arena: Arena, run: Run, setup: TunnelSetup): Tunnel {
  const opened = new Opened();
  return opened.run(() => {
    const { interfaceName: wanted, mtu, prefix } = setup;
    const tun = openTun(libc, arena, run, { name: wanted, role: "relay" });
    opened.add(tun, (it) => closeTun(libc, arena, run, it));
    const { name } = tun;
    // It stays: not with what is set here.
    const routes = new Routes(libc, arena);
    const own = { name, prefix };
    const hasHome = setup.home !== undefined;
    if (!tun.made) opened.add(own, (it) => leaveInterface(libc, run, routes, it));
    configureTunnel(libc, run, routes, { ...own, mtu, hasHome });
    const { system } = libc.layout;
    return {
      name,
      queues: [tun.fd],
      offloads: { tun: false, tunUdp: false },
      notices: wanted === "" || wanted === name
        ? []
        : [`${system} cannot rename interfaces: ${name} stands for ${wanted}`],
      remakes: false,
      keep: (lookAtQueue, mayCommand) => {
        const kept = { ...own, mtu, hasHome, fd: tun.fd, mayCommand, lookAtQueue };
        return new Reconciler(new BsdUpheld(libc, run, kept), performance.now());
      },
      stopRouting: () => deleteOwnRoute(libc, run, routes, own),
      close: () => opened.close(),
    };
  });
}
