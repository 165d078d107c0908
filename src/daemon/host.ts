import {
  CAP_NET_ADMIN,
  CAP_NET_BIND_SERVICE,
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETUID,
  CAP_SYS_CHROOT,
} from "#ffi/linux/mod.ts";
import type { Ipv6Prefix } from "#src/protocol/ipv6.ts";

/** Capabilities that the daemons may need, by their names in capabilities(7). */
export const CAPABILITIES = {
  CAP_SETGID,
  CAP_SETUID,
  CAP_NET_BIND_SERVICE,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
  CAP_SYS_CHROOT,
} as const;
export type Capability = keyof typeof CAPABILITIES;

export interface Interface {
  readonly name: string;
  /** Administratively. */
  readonly up: boolean;
  readonly loopback: boolean;
  /** Bytes. */
  readonly mtu: number;
  readonly ipv4: readonly number[];
  readonly hasLinkLocal: boolean;
}

export interface Route6 {
  readonly interfaceName: string;
  /** Of router advertisements, whoever heeds them: the kernel or a network manager. */
  readonly fromAdvertisement: boolean;
  /** Packets are refused or thrown away rather than sent. */
  readonly rejects: boolean;
  /** The command that takes it away. */
  readonly removal: string;
}

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, `gid` included. */
  readonly groups: readonly number[];
}

/** What the checks ask of this machine; every answer is of the moment it is asked. */
export interface Host {
  /** As `process.platform`. */
  readonly platform: string;
  /** In force for this process. */
  capabilities(): ReadonlySet<Capability>;
  /** 0 when the TUN device opens, else the error number. */
  openTunDevice(): number;
  /** Processor cores that this process may use. */
  cores(): number;
  /** 0 when bpf(2) takes the program that shares out packets among `workers`, else the error number. */
  loadSteering(workers: number): number;
  /** By path below /proc/sys, e.g. `net/ipv6/conf/all/forwarding`; undefined: no such variable. */
  sysctl(path: string): string | undefined;
  interfaces(): readonly Interface[];
  /** Interface of the IPv4 default route. */
  defaultInterface4(): string | undefined;
  /** Routes for exactly this prefix. Reads the whole table: at start only. */
  routesOf(prefix: Ipv6Prefix): readonly Route6[];
  /** Interface by which packets to this address leave. One lookup. */
  routeTo(address: Uint8Array): string | undefined;
  /** 0 when a UDP socket can be bound there now, else the error number. @param port 0: any */
  bindUdp(address: number, port: number): number;
  /** Who has a UDP socket on this port, as far as it can be seen. */
  udpOwner(port: number): { readonly pid: number; readonly name: string } | undefined;
  user(name: string): User | undefined;
  isDirectory(path: string): boolean;
  /** Of this process, in bytes. */
  residentMemory(): number;
  year(): number;
}
