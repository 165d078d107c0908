import { IFF_UP } from "#ffi/posix.ts";
import type { PaperLink, PaperWorld } from "./world.ts";

/** What the stack has sent out through a TUN interface and its program has not yet read. */
export class PacketQueue {
  readonly link: PaperLink;
  readonly #world: PaperWorld;
  readonly #waiting: Uint8Array[] = [];

  /** The packets of `link` come here from now on. */
  constructor(world: PaperWorld, link: PaperLink) {
    this.#world = world;
    this.link = link;
    link.output = (packet) => {
      if (this.#waiting.length >= link.queueLength) return false;
      this.#waiting.push(packet.slice());
      return true;
    };
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  get isUp(): boolean {
    return (this.link.flags & IFF_UP) !== 0;
  }

  /** The next one, if there is one. */
  take(): Uint8Array | undefined {
    return this.#waiting.shift();
  }

  /** Gives the stack of a router a packet, as from a link. */
  give(packet: Uint8Array): void {
    this.#world.arrive(this.link, packet);
    this.#world.forward(packet);
  }

  clear(): void {
    this.#waiting.length = 0;
  }

  /** Packets to the interface are lost from now on. */
  close(): void {
    this.clear();
    this.link.output = () => false;
  }
}
