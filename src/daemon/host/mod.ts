import type { Libc } from "#ffi/libc.ts";
import { bsdHost } from "./bsd/mod.ts";
import { bsdUnixPeers } from "./bsd/unix_peers.ts";
import type { Host, UnixPeers } from "./contract.ts";
import { type Mender, NO_MENDER } from "./mender.ts";
import { linuxHost } from "./linux/mod.ts";
import { LINUX_MENDER } from "./linux/mends.ts";
import { ignoreNameless } from "./linux/signals.ts";
import { linuxUnixPeers } from "./linux/unix_peers.ts";

/** The machine that `libc` belongs to. */
export function hostOf(libc: Libc): Host {
  return libc.layout.system === "Linux" ? linuxHost(libc) : bsdHost(libc);
}

/** What carries out mends on that machine. */
export function menderOf(libc: Libc): Mender {
  return libc.layout.system === "Linux" ? LINUX_MENDER : NO_MENDER;
}

/** Keeps signals that a runtime has no name for from ending this process, where there are such. */
export function ignoreNamelessSignals(libc: Libc): void {
  if (libc.layout.system === "Linux") ignoreNameless(libc);
}

export function unixPeersOf(libc: Libc): UnixPeers {
  return libc.layout.system === "Linux" ? linuxUnixPeers(libc) : bsdUnixPeers(libc);
}
