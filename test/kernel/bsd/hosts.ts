import { BsdBackend } from "./backend.ts";
import { BsdMachine, IN6_IFF_TENTATIVE, type MachineOptions } from "./machine.ts";
import {
  IFF_BROADCAST,
  IFF_MULTICAST,
  IFF_POINTOPOINT,
  IFF_RUNNING,
  IFF_UP,
  type SystemName,
} from "./numbers.ts";
import { formatAddress, withZone } from "./text.ts";

/** The systems that are played. FreeBSD 15 has an ioctl by which an interface goes with its device. */
const SYSTEMS = {
  "FreeBSD 14": { name: "FreeBSD", release: 14 },
  "FreeBSD 15": { name: "FreeBSD", release: 15 },
  "OpenBSD 7": { name: "OpenBSD", release: 7 },
  "NetBSD 10": { name: "NetBSD", release: 10 },
  "DragonFly BSD 6": { name: "DragonFly BSD", release: 6 },
} as const satisfies Record<string, { name: SystemName; release: number }>;

export type HostName = keyof typeof SYSTEMS;
export const HOSTS = Object.keys(SYSTEMS) as readonly HostName[];

/** What is expected of each. */
export type PerHost<T> = Readonly<Record<HostName, T>>;

/** As it comes, with what its operator has set. */
export function machineOf(host: HostName, options: MachineOptions = {}): BsdMachine {
  const { name, release } = SYSTEMS[host];
  return new BsdMachine(name, { release, ...options });
}

/** Furnished for the lives. */
export function backendOf(host: HostName, options: MachineOptions = {}): BsdBackend {
  const { name, release } = SYSTEMS[host];
  return new BsdBackend(name, { release, ...options });
}

/** As ifconfig(8) spells them. */
const FLAGS = {
  UP: IFF_UP,
  BROADCAST: IFF_BROADCAST,
  POINTOPOINT: IFF_POINTOPOINT,
  RUNNING: IFF_RUNNING,
  MULTICAST: IFF_MULTICAST,
} as const;

/**
 * All interfaces but those that a machine comes with, and the IPv6 routes that somebody has set:
 *
 *     teredo mtu 1280 UP,POINTOPOINT,RUNNING fe80::ffff:ffff:ffff%teredo
 *     2001::/32 teredo
 */
export function tunnelsOf({ world, ethernet }: BsdMachine): string[] {
  const links = world.links.filter(({ name }) => name !== "lo0" && name !== ethernet);
  const routes = world.routes.filter(({ destination, length, origin }) =>
    destination.length === 16 && length > 0 && origin !== "kernel"
  );
  return [
    ...links.map(({ name, mtu, flags, addresses }) => {
      const set = Object.entries(FLAGS).filter(([, bit]) => (flags & bit) !== 0);
      const own = addresses.map((it) =>
        `${withZone(it.bytes, name)}${(it.flags & IN6_IFF_TENTATIVE) === 0 ? "" : " tentative"}`
      );
      return [name, "mtu", mtu, set.map(([flag]) => flag).join(), ...own].join(" ");
    }),
    ...routes.map(({ destination, length, link, action }) =>
      `${formatAddress(destination)}/${length} ${action === "send" ? link?.name : action}`
    ),
  ];
}
