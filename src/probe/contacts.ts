import type { Millis } from "#src/protocol/time.ts";

/** RFC 4380 §5.2.6 */
const MIN_INTERVAL: Millis = 2_000;
const MAX_BUBBLES = 4;
const WINDOW: Millis = 300_000;
/** More relays than ever ask for one client; the one longest unused gives way. */
const MAX_CONTACTS = 16;

interface Contact {
  readonly address: number;
  readonly port: number;
  lastBubble: Millis;
  bubbles: number;
}

/** Relays that a bubble has been sent to, with the limits of RFC 4380 §5.2.6. */
export class Contacts {
  /** Least recently used first. */
  readonly #contacts: Contact[] = [];

  knows(address: number, port: number): boolean {
    return this.#find(address, port) !== undefined;
  }

  /** Whether a bubble may go there now; if so it counts as sent. */
  mayBubble(address: number, port: number, now: Millis): boolean {
    const contact = this.#find(address, port) ?? this.#add(address, port, now);
    const idle = now - contact.lastBubble;
    if (idle >= WINDOW) contact.bubbles = 0;
    if (idle < MIN_INTERVAL || contact.bubbles >= MAX_BUBBLES) return false;
    contact.lastBubble = now;
    contact.bubbles++;
    return true;
  }

  /** Something came straight from there: what it does is no longer unasked for. */
  heard(address: number, port: number): void {
    const contact = this.#find(address, port);
    if (contact !== undefined) contact.bubbles = 0;
  }

  #find(address: number, port: number): Contact | undefined {
    return this.#contacts.find((c) => c.address === address && c.port === port);
  }

  #add(address: number, port: number, now: Millis): Contact {
    if (this.#contacts.length >= MAX_CONTACTS) this.#contacts.shift();
    const contact = { address, port, lastBubble: now - WINDOW, bubbles: 0 };
    this.#contacts.push(contact);
    return contact;
  }
}
