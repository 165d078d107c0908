import type { Arena } from "#ffi/arena.ts";
import { type LinkSocket, Messages } from "./link_socket.ts";

const SLOTS = 64;
const SLOT_LENGTH = 256;

/** Short frames written one by one, sent together. */
export class Outbox {
  readonly #link: LinkSocket;
  readonly #messages: Messages;
  readonly #slots: number;
  #queued = 0;

  constructor(arena: Arena, link: LinkSocket) {
    this.#link = link;
    this.#messages = new Messages(arena, SLOTS, 1);
    this.#slots = arena.take(SLOTS * SLOT_LENGTH);
  }

  /** Where in the arena the next frame is to be written. */
  next(): number {
    if (this.#queued === SLOTS) this.flush();
    return this.#slots + this.#queued * SLOT_LENGTH;
  }

  /** Queues the frame written at {@link next}: `head` bytes and `body` behind them. */
  queue(head: number, body: number): void {
    const at = this.next();
    this.#messages.set(this.#queued++, at, head, at + head, body, 1);
  }

  flush(): void {
    if (this.#queued > 0) this.#link.send(this.#messages.at(0), this.#queued);
    this.#queued = 0;
  }
}
