import type { ProcessConfig } from "./config.ts";
import { boolean, choice, duration, integer, type Kind, orAuto, size } from "./kinds/mod.ts";
import { interfaceName, mtu, prefix32 } from "./kinds/network.ts";
import { path, userName } from "./kinds/system.ts";

/** One setting: everything this program knows about it. */
export interface Setting<T = unknown> {
  readonly kind: Kind<T>;
  /** Undefined: not set. */
  readonly default: T;
  /** In words, for a default that depends on something else. */
  readonly defaultText?: string;
  /** Directive of miredo.conf or miredo-server.conf. */
  readonly miredo?: string;
  /** The directive is ours: Miredo calls it superfluous. */
  readonly miredoExtension?: true;
  /** Whether a running daemon takes a new value, or has to be started again for it. */
  readonly reload: "yes" | "restart";
  /** Paragraphs for people, parted by empty lines; code stands between backticks. */
  readonly doc: string;
}

/** A setting for each field of `C`, named as the field; the compiler sees that none is missing. */
export type Table<C> = { readonly [F in keyof C]-?: Setting<C[F]> };

export type Flat<C extends { process: ProcessConfig }> = Omit<C, "process"> & ProcessConfig;

export const INTERFACE_NAME: Setting<string> = {
  kind: interfaceName,
  default: "teredo",
  miredo: "InterfaceName",
  reload: "restart",
  doc: `Name of the TUN interface, which is made at start and removed at the end. \`%d\` in it
becomes a free number. Miredo without \`InterfaceName\` lets the kernel pick \`tun0\`, \`tun1\`...`,
};

export const MTU = { kind: mtu, default: 1280, miredo: "InterfaceMTU" } as const;
export const PREFIX = { kind: prefix32, default: 0x20010000, miredo: "Prefix" } as const;

export const REFUSE_RESERVED: Setting<boolean> = {
  kind: boolean,
  default: false,
  reload: "yes",
  doc: `Refuse, besides the IPv4 addresses that RFC 4380 section 5.2.4 lists, those reserved later:
shared address space 100.64.0.0/10, documentation, benchmarking, protocol assignments and 240.0.0.0/4.

Off by default: the RFC's list is what other implementations use, and carriers number clients from
some of these ranges inside their own networks.`,
};

/** How packets for a peer are held that cannot be sent yet: what differs is whom it concerns. */
export const HOLD = {
  packets: { kind: integer(1, 256), default: 8, reload: "yes" },
  bytes: { kind: size(1280, 1024 ** 2), default: 10_240, reload: "yes" },
  age: { kind: duration(100, 60_000), default: 10_000, reload: "yes" },
  memory: { kind: size(65_536, 1024 ** 3), default: 16 * 1024 ** 2, reload: "yes" },
} as const;

export const ICMP_RATE: Setting<number> = {
  kind: integer(0, 100_000, "a second"),
  default: 10,
  reload: "yes",
  doc: `ICMPv6 errors sent a second on average (RFC 4443 section 2.4 (f)), of which one destination
gets a share only. 0: none.`,
};

export const ICMP_BURST: Setting<number> = {
  kind: integer(1, 100_000),
  default: 10,
  reload: "yes",
  doc: `ICMPv6 errors that may be sent at once.`,
};

export const ALGORITHM = {
  kind: choice(["sha1", "sha256"]),
  default: "sha1",
  reload: "yes",
} as const;

export const SOCKET_BUFFER: Setting<number> = {
  kind: size(4096, 1024 ** 3),
  default: 4 * 1024 ** 2,
  reload: "restart",
  doc: `Receive buffer and send buffer asked for on each UDP socket. Without CAP_NET_ADMIN the
kernel gives no more than \`net.core.rmem_max\` and \`net.core.wmem_max\`.`,
};

export const OFFLOADS: Setting<"auto" | "off"> = {
  kind: choice(["auto", "off"]),
  default: "auto",
  reload: "restart",
  doc: `What the kernel gives and takes in larger pieces than packets: TCP and UDP segments that it
joins and cuts at the TUN interface, datagrams of one client at the socket. \`auto\`: whatever the
kernel has, which makes bulk traffic several times as fast; the status page tells what that is.
\`off\`: packet by packet, to rule it out when looking for a fault.`,
};

export const WORKERS: Setting<number | "auto"> = {
  kind: orAuto(integer(1, 64)),
  default: "auto",
  reload: "restart",
  doc: `Threads that carry packets, each with its own share of the clients: one client is always
served by the same one, so that nothing is shared, locked or reordered.

\`auto\`: one on machines of fewer than four cores, where the kernel's own work for each packet needs
the other core, and half of the cores beyond, at most 8. More help only when many clients are busy. A
relay asks the kernel to share out packets by a program, for which it needs root or CAP_BPF; where
that is refused, one thread serves, and log and status page say why.`,
};

export const PROCESS: Table<ProcessConfig> = {
  user: {
    kind: userName,
    default: undefined,
    reload: "restart",
    doc: `Become this user once interface and sockets are open. Not set: stay who started it.

Miredo's flag \`-u\`. Miredo becomes \`miredo\` of its own accord; here it has to be asked for.`,
  },
  chroot: {
    kind: path,
    default: undefined,
    reload: "restart",
    doc: `Change the root directory to this one once interface and sockets are open. Miredo's flag
\`-t\`.`,
  },
  pidFile: {
    kind: path,
    default: undefined,
    reload: "restart",
    doc: `Write the process number to this file, for its owner alone, and remove it at the end. In a
folder that others have things in, such as \`/run\`, or that is not \`user\`'s, it is emptied instead.
Miredo's flag \`-p\`. Not needed under systemd.`,
  },
  sandbox: {
    kind: choice(["auto", "off", "log"]),
    default: "auto",
    reload: "restart",
    doc: `What the daemon takes from itself once everything is open, on Linux: capabilities, files
that it does not need (Landlock), system calls that it does not make (seccomp). \`auto\`: what the
kernel has of these; log, \`teredo check\` and \`/status\` say what holds. \`log\`: nothing is taken;
the kernel logs system calls that would be refused. \`off\`: nothing. See [security.md](security.md).`,
  },
};
