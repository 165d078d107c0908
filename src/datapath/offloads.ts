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
