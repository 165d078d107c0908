import type { Run } from "./commands.ts";

/** An interface as ifconfig(8) shows it. */
export interface Shown {
  readonly name: string;
  readonly flags: ReadonlySet<string>;
  /** Bytes. */
  readonly mtu: number;
  readonly ipv4: readonly string[];
  /** With the zone of a link-local one, such as `fe80::1%tun0`. */
  readonly ipv6: readonly string[];
  /** `tun` for one of tun(4), except on NetBSD, which shows none. */
  readonly groups: readonly string[];
  /** OpenBSD, NetBSD. */
  readonly description: string | undefined;
  /** Of neighbour discovery, such as `IFDISABLED`: FreeBSD. */
  readonly nd6: ReadonlySet<string>;
  /** The process that holds its device: FreeBSD and DragonFly BSD tell. */
  readonly openedBy: number | undefined;
}

export const IFCONFIG = "/sbin/ifconfig";

/** Whether this is what the kernel calls a unit of tun(4), as long as nobody renames it. */
export function isUnit(name: string): boolean {
  return /^tun\d+$/.test(name);
}

/** All interfaces; none when ifconfig(8) does not work. */
export function shownInterfaces(run: Run): Shown[] {
  return parseIfconfig(run([IFCONFIG, "-a"]).stdout);
}

/** One interface, or undefined when there is none of this name. */
export function shownInterface(run: Run, name: string): Shown | undefined {
  const { status, stdout } = run([IFCONFIG, name]);
  return status === 0 ? parseIfconfig(stdout).find((shown) => shown.name === name) : undefined;
}

/**
 * What ifconfig(8) of FreeBSD, OpenBSD, NetBSD and DragonFly BSD prints: a line of flags without
 * indentation for each interface, then lines with it.
 */
export function parseIfconfig(text: string): Shown[] {
  const blocks = text.split(/^(?=\S)/m);
  return blocks.map(parseBlock).filter((shown) => shown !== undefined);
}

function parseBlock(block: string): Shown | undefined {
  const head = /^(\S+): flags=(?:0x)?[0-9a-f]+<([^>]*)>(.*)$/m.exec(block);
  if (head === null) return undefined;
  const all = (pattern: RegExp) => [...block.matchAll(pattern)].map((found) => found[1]!);
  const description = /^\s+description: "?(.*?)"?$/m.exec(block)?.[1];
  const nd6 = /^\s+nd6 options=[0-9a-f]+<([^>]*)>/m.exec(block)?.[1] ?? "";
  const openedBy = /^\s+Opened by PID (\d+)/m.exec(block)?.[1];
  return {
    name: head[1]!,
    flags: new Set(head[2]!.split(",").filter(Boolean)),
    mtu: Number(/\bmtu (\d+)/.exec(head[3]!)?.[1] ?? 0),
    ipv4: all(/^\s+inet (?:alias )?(\d+\.\d+\.\d+\.\d+)/gm),
    ipv6: all(/^\s+inet6 (?:alias )?([0-9a-f:.]+(?:%[^\s/]+)?)/gim),
    groups: all(/^\s+groups: (.*)$/gm).flatMap((line) => line.trim().split(/\s+/)),
    description,
    nd6: new Set(nd6.split(",").filter(Boolean)),
    openedBy: openedBy === undefined ? undefined : Number(openedBy),
  };
}
