import type { Libc } from "#ffi/libc.ts";
import type { Kernel } from "#src/datapath/kernel.ts";
import type { Datagram } from "./network.ts";
import type { Transcript } from "./transcript.ts";

/**
 * A host on which a relay or server lives, of paper or real, and the world around it, which is the
 * test's: it speaks for IPv4 peers and for the IPv6 Internet, and looks at what became of the host.
 */
export interface Backend {
  readonly libc: Libc;
  readonly kernel: Kernel;
  readonly transcript: Transcript;

  /** A datagram of a peer to the host. */
  sendDatagram(datagram: Datagram): void;
  /** An IPv6 packet that this host is to route, whatever its addresses. */
  sendPacket(packet: Uint8Array): void;
  /** What has come to the peers since the last time, at least `count` if that many come. */
  takeDatagrams(count: number): readonly Datagram[];
  /** What has left for the IPv6 Internet since the last time; as above. */
  takePackets(count: number): readonly Uint8Array[];

  /** Interfaces, addresses and routes of IPv6, one a line, in order. */
  state(): readonly string[];
  /** Sends packets to a prefix into an interface. */
  /** @param metric where the system has metrics; else, and by default, the one that it gives */
  addRoute(prefix: string, link: string, metric?: number): void;
  setLink(name: string, isUp: boolean): void;
  removeLink(name: string): void;

  /** Another process binds a UDP address. */
  occupy(address: number, port: number): void;
  /** Another process has a TUN interface of this name. */
  holdTun(name: string): void;
  /** An interface of another kind has this name. */
  addLink(name: string): void;
  /** The TUN device is not there. */
  hideTun(): void;

  /** The process dies: its descriptors are closed, nothing else is done. */
  exit(): void;
  /** Mistakes of the program that no errno told it. */
  faults(): readonly string[];
}
