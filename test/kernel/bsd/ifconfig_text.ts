import type { PaperKernel } from "../kernel.ts";
import type { PaperAddress, PaperLink } from "../world.ts";
import { type BsdMachine, IN6_IFF_TENTATIVE } from "./machine.ts";
import {
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_MULTICAST,
  IFF_POINTOPOINT,
  IFF_RUNNING,
  IFF_SIMPLEX,
  IFF_UP,
} from "./numbers.ts";
import { formatAddress, maskBytes, withZone } from "./text.ts";

/** IFFBITS, in the order of the bits; one text on the four. */
const FLAGS: readonly (readonly [number, string])[] = [
  [IFF_UP, "UP"],
  [IFF_BROADCAST, "BROADCAST"],
  [IFF_LOOPBACK, "LOOPBACK"],
  [IFF_POINTOPOINT, "POINTOPOINT"],
  [IFF_RUNNING, "RUNNING"],
  [IFF_SIMPLEX, "SIMPLEX"],
  [IFF_MULTICAST, "MULTICAST"],
];

/** Of processes other than the one that looks, whichever they are. */
const OTHER_PID = 4242;

/** status() of ifconfig(8). @param parent whose child it is */
export function shown(
  machine: BsdMachine,
  link: PaperLink,
  parent: PaperKernel | undefined,
): string {
  const text = {
    "FreeBSD": freebsd,
    "OpenBSD": openbsd,
    "NetBSD": netbsd,
    "DragonFly BSD": dragonfly,
  }[machine.name];
  return text(machine, link, parent).map((line, i) => `${i === 0 ? "" : "\t"}${line}\n`).join("");
}

function flagsText({ flags }: PaperLink, more: readonly string[] = []): string {
  const names = FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  return `<${[...names, ...more].join(",")}>`;
}

function freebsd(machine: BsdMachine, link: PaperLink, parent?: PaperKernel): string[] {
  // IFF_LOWER_UP of 14, in the bits above those of if_flags
  const isLower = (link.flags & IFF_UP) !== 0;
  const flags = (isLower ? 0x100_0000 : 0) + link.flags;
  const nd6 = machine.nd6(link);
  const options = [
    "PERFORMNUD",
    ...(nd6.isDisabled ? ["IFDISABLED"] : []),
    ...(nd6.autoLinkLocal ? ["AUTO_LINKLOCAL"] : []),
    ...(nd6.noDad ? ["NO_DAD"] : []),
  ];
  return [
    `${link.name}: flags=${flags.toString(16)}${flagsText(link, isLower ? ["LOWER_UP"] : [])} ` +
    `metric 0 mtu ${link.mtu}`,
    ...described(machine, link),
    "options=80000<LINKSTATE>",
    ...link.addresses.map((it) => kameAddress(link, it)),
    ...groups(machine, link),
    `nd6 options=${(0x1).toString(16)}<${options.join(",")}>`,
    ...openedBy(machine, link, parent),
  ];
}

function dragonfly(machine: BsdMachine, link: PaperLink, parent?: PaperKernel): string[] {
  return [
    `${link.name}: flags=${link.flags.toString(16)}${flagsText(link)} metric 0 mtu ${link.mtu}`,
    ...link.addresses.map((it) => kameAddress(link, it)),
    ...groups(machine, link),
    ...openedBy(machine, link, parent),
  ];
}

function openbsd(machine: BsdMachine, link: PaperLink): string[] {
  return [
    `${link.name}: flags=${link.flags.toString(16)}${flagsText(link)} mtu ${link.mtu}`,
    ...described(machine, link),
    `index ${link.index} priority 0 llprio 3`,
    ...groups(machine, link),
    ...(isTun(machine, link) ? [`status: ${isHeld(machine, link) ? "active" : "down"}`] : []),
    ...link.addresses.map((it) => {
      const to = (link.flags & IFF_POINTOPOINT) !== 0 ? " --> " : "";
      return kameAddress(link, it, to);
    }),
  ];
}

/** af_inet6.c prints the length behind a slash. */
function netbsd(machine: BsdMachine, link: PaperLink): string[] {
  return [
    `${link.name}: flags=0x${link.flags.toString(16)}${flagsText(link)} mtu ${link.mtu}`,
    ...(machine.descriptions.has(link) ? [`description: "${machine.descriptions.get(link)}"`] : []),
    ...(isTun(machine, link) ? [`status: ${isHeld(machine, link) ? "active" : "no network"}`] : []),
    ...link.addresses.map((it) =>
      it.bytes.length === 4
        ? `inet ${formatAddress(it.bytes)}/${it.prefixLength} flags 0`
        : `inet6 ${withZone(it.bytes, link.name)}/${it.prefixLength}` +
          `${(link.flags & IFF_POINTOPOINT) !== 0 ? " -> " : ""} flags 0${scope(link, it)}`
    ),
  ];
}

/** in_status(), in6_status() of KAME. */
function kameAddress(
  link: PaperLink,
  { bytes, prefixLength, flags }: PaperAddress,
  to = "",
): string {
  if (bytes.length === 4) {
    const mask = [...maskBytes(4, prefixLength)].map((it) => it.toString(16).padStart(2, "0"));
    return `inet ${formatAddress(bytes)} netmask 0x${mask.join("")}`;
  }
  const tentative = (flags & IN6_IFF_TENTATIVE) !== 0 ? " tentative" : "";
  return `inet6 ${withZone(bytes, link.name)}${to} prefixlen ${prefixLength}${tentative}` +
    scope(link, { bytes });
}

function scope(link: PaperLink, { bytes }: { readonly bytes: Uint8Array }): string {
  return withZone(bytes, "").includes("%") ? ` scopeid 0x${link.index.toString(16)}` : "";
}

function described({ descriptions }: BsdMachine, link: PaperLink): string[] {
  const text = descriptions.get(link);
  return text === undefined ? [] : [`description: ${text}`];
}

/** Those that if_clone_create() puts an interface into; `all` is not shown. */
function groups({ tun }: BsdMachine, link: PaperLink): string[] {
  return tun.unitOfLink(link)?.isGrouped === true ? ["groups: tun"] : [];
}

/** SIOCGIFSTATUS of tun(4). */
function openedBy({ tun, pid }: BsdMachine, link: PaperLink, parent?: PaperKernel): string[] {
  const holder = tun.unitOfLink(link)?.holder;
  if (holder === undefined) return [];
  return [`Opened by PID ${holder.kernel === parent ? pid : OTHER_PID}`];
}

function isTun({ tun }: BsdMachine, link: PaperLink): boolean {
  return tun.unitOfLink(link) !== undefined;
}

function isHeld({ tun }: BsdMachine, link: PaperLink): boolean {
  return tun.unitOfLink(link)?.holder !== undefined;
}
