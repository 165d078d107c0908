import type { Signalling } from "#src/datapath/keep/contract.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { inPrefix, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { isTeredo } from "#src/protocol/wire/teredo_address.ts";

/** An IPv4 address of this host. */
export interface AttachedAddress {
  readonly interfaceName: string;
  readonly loopback: boolean;
  readonly address: number;
  /** Of its subnet: 32 where it has none. */
  readonly length: number;
  /** Undefined where it has none. */
  readonly broadcast: number | undefined;
}

/** A way to the IPv6 Internet that is no Teredo client's. */
export interface NativeIpv6 {
  /** 16 bytes: one of those by which this host has it. */
  readonly address: Uint8Array;
  /** Of the interface that the default route leads to. */
  readonly via: string;
}

/** Where this host stands in its networks. */
export interface NetworkNow {
  readonly ipv4: readonly AttachedAddress[];
  /** The address that an IPv4 packet to a destination leaves from; undefined: there is no way to any. */
  readonly localAddress: number | undefined;
  /** By what it leaves, as `eth0, 192.0.2.1`: by another one it passes another NAT. Empty: by nothing. */
  readonly way: string;
  readonly nativeIpv6: NativeIpv6 | undefined;
}

/** Follows where this host stands, in whichever network namespace it was opened. */
export interface NetworkWatch extends Partial<Signalling> {
  /** Whether the kernel has told of a change since this was asked last; true where it does not tell. */
  hasChanged(): boolean;
  /**
   * @param destinations IPv4 addresses, of which the first counts that there is a way to
   * @param own our interface, by which nothing native leaves
   * @param source IPv4 address that packets leave from; 0: the kernel chooses
   */
  look(destinations: readonly number[], own: string, source?: number): NetworkNow;
  close(): void;
}

const GLOBAL = parseIpv6Prefix("2000::/3")!;
/** Tunnels over IPv4, which RFC 6724 §2.1 likes less than IPv4 itself: Teredo, 6to4. */
const TUNNELS: readonly Ipv6Prefix[] = ["2001::/32", "2002::/16"].map((it) => parseIpv6Prefix(it)!);

/**
 * Whether a host with this address has IPv6 of its own. A unique local one is no way to the Internet.
 *
 * @param prefix upper 32 bits of the service prefix, which in a closed network may be another one
 */
export function isNativeAddress(address: Uint8Array, prefix: number): boolean {
  return inPrefix(address, 0, GLOBAL) && !isTeredo(address, 0, prefix) &&
    !TUNNELS.some((it) => inPrefix(address, 0, it));
}
