import type { ClientConfig } from "#src/config/config.ts";
import type { HomeWish } from "#src/datapath/homes.ts";
import type { ClientStatus } from "#src/protocol/client/contract.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { HookView, Place } from "./hook.ts";
import type { Standing } from "./native.ts";
import { FIRST_MTU } from "./rules.ts";

/** What a home depends on besides what the datapath tells. */
export interface Place6 {
  readonly standing: Standing;
  /** Whether there is a way to anything by IPv4. */
  readonly hasIpv4: boolean;
  /** Whether packets from our addresses find the interface without a route to where they go. */
  readonly hasSourceRules: boolean;
}

/** What the interface is to have, so that packets come to the datapath that it can carry. */
export function homeOf(
  status: ClientStatus | undefined,
  { standing, hasIpv4, hasSourceRules }: Place6,
  { defaultRoute }: Pick<ClientConfig, "defaultRoute">,
): HomeWish {
  const mtu = status?.mtu ?? FIRST_MTU;
  if (status === undefined || standing === "dormant" || standing === "relaying") {
    // The kernel takes an address that this host has without us: H-01, H-07.
    const onLink = standing === "relaying" && status !== undefined && hasIpv4;
    return { addresses: [], onLink, defaultRoute: false, mtu };
  }
  const isCarrying = standing === "carrying";
  const { address, deprecated } = status;
  const current = address === undefined ? [] : [{ bytes: address, deprecated: !isCarrying }];
  const addresses = [...current, ...deprecated.map((bytes) => ({ bytes, deprecated: true }))];
  const hasCurrent = address !== undefined && isCarrying;
  return {
    addresses,
    // New flows from native addresses go the native way, to peers as well.
    onLink: addresses.length > 0 && (isCarrying || !hasSourceRules),
    // Without one that is good for new flows, programs are told at once that there is no way.
    defaultRoute: defaultRoute && hasCurrent,
    mtu,
  };
}

/** The same for the hook. */
export function hookViewOf(
  { addresses: [first], mtu }: HomeWish,
  place: Place,
): HookView {
  if (first === undefined || first.deprecated) {
    return { ...place, state: "down", address: undefined, mtu: undefined };
  }
  return { ...place, state: "up", address: formatIpv6(first.bytes), mtu };
}

/** Two with the same are one wish. */
export function keyOfHome({ addresses, ...rest }: HomeWish): string {
  const texts = addresses.map(({ bytes, deprecated }) => `${formatIpv6(bytes)} ${deprecated}`);
  return JSON.stringify({ ...rest, texts });
}
