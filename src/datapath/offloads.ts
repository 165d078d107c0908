/**
 * What the kernel gives and takes in larger pieces than single packets. Found out when interface and
 * socket are opened; each feature is used where it is there, and done without where it is not.
 */
export interface Offloads {
  /**
   * `IFF_VNET_HDR` with `TUNSETOFFLOAD`: each packet read from or written to TUN has a header of 10
   * bytes before it, may lack its checksum, and may be a TCP super-packet.
   */
  readonly tun: boolean;
  /** UDP super-packets as well, both ways. Linux 6.2 */
  readonly tunUdp: boolean;
  /** `UDP_GRO`: datagrams of one peer that arrive together come as one. Linux 5.0 */
  readonly udpGro: boolean;
  /** `UDP_SEGMENT`: datagrams to one peer leave as one. Linux 4.18 */
  readonly udpSegment: boolean;
}

/** One packet a call, as every kernel can. */
export const NO_OFFLOADS: Offloads = {
  tun: false,
  tunUdp: false,
  udpGro: false,
  udpSegment: false,
};

/** One of `Offloads`, for people: whether it is used, and why not. */
export interface OffloadState {
  readonly on: boolean;
  readonly note?: string;
}

/** The same as {@link Offloads}, for people. */
export type OffloadReport = Readonly<Record<keyof Offloads, OffloadState>>;

/** @param wanted whether the configuration asks for them */
export function reportOffloads(found: Offloads, wanted: boolean): OffloadReport {
  const state = (on: boolean, lacks: string): OffloadState => {
    if (on) return { on };
    return { on, note: wanted ? lacks : "offloads = off" };
  };
  return {
    tun: state(found.tun, "the kernel refuses TUNSETOFFLOAD"),
    tunUdp: state(
      found.tunUdp,
      found.tun ? "the kernel has no USO for TUN; Linux 6.2 has" : "not without the others of TUN",
    ),
    udpGro: state(found.udpGro, "the kernel has no UDP_GRO; Linux 5.0 has"),
    udpSegment: state(found.udpSegment, "the kernel has no UDP_SEGMENT; Linux 4.18 has"),
  };
}

const OF_NO_USE: OffloadState = { on: false, note: "a server has single packets only" };

/** Of a server: it carries no flow, of which packets could be joined. */
export const SERVER_OFFLOADS: OffloadReport = {
  tun: OF_NO_USE,
  tunUdp: OF_NO_USE,
  udpGro: OF_NO_USE,
  udpSegment: OF_NO_USE,
};

/** What can turn out to be refused only when it is used. */
export type RefusedOffload = "tun" | "tunUdp" | "udpSegment";

const REFUSED: Readonly<Record<RefusedOffload, string>> = {
  tun: "refused by the kernel in what is written: TCP packets are written one by one",
  tunUdp: "refused by the kernel in what is written: UDP packets are written one by one",
  udpSegment:
    "refused by the kernel, as for a device without checksum offload or an IPsec route: " +
    "datagrams leave one by one",
};

/** The report of a start, with what has been refused since. */
export function withRefused(
  report: OffloadReport,
  refused: readonly RefusedOffload[],
): OffloadReport {
  const states = refused.map((name) => [name, { on: false, note: REFUSED[name] }]);
  return { ...report, ...Object.fromEntries(states) };
}
