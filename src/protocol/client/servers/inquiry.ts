import { type ClientIdentity, RS_TIMEOUT, Solicitation } from "../messages/solicitation.ts";
import type { Millis } from "../../time.ts";

/**
 * Within each time-out T of RFC 4380 §5.2.1 the solicitation goes out once more, and once more again: a
 * datagram that is lost must not cost 4 s. RFC 6081 §5.1.1 allows them.
 */
const OFFSETS: readonly Millis[] = [0, 1_000, 2_500];
/** What a server is asked, until it answers or all attempts are over. RFC 4380 §5.2.1 */
export class Inquiry {
  readonly solicitation: Solicitation;
  /** Waits for an answer. */
  isOpen = false;
  startedAt: Millis = 0;
  silentSince: Millis = 0;
  readonly #cone: boolean;
  #attempts = 0;
  #sent = 0;

  /** @param cone whether the server's other address is to answer. RFC 4380 §5.3.1 */
  constructor(identity: ClientIdentity | undefined, cone = false) {
    this.#cone = cone;
    this.solicitation = new Solicitation(identity);
  }

  /**
   * @param attempts how many times T an answer is waited for
   * @param nonce 8 bytes, which are copied
   * @param silentSince of what should have had an answer, if that is why it is asked: of T that much has
   *   passed
   */
  begin(attempts: number, nonce: Uint8Array, now: Millis, silentSince: Millis = now): void {
    // The link-local address tells nothing of us: fe80::ffff:ffff:ffff, as other clients have it.
    this.solicitation.begin(this.#cone, 0, 0, nonce);
    this.isOpen = true;
    this.startedAt = now;
    this.silentSince = silentSince;
    this.#attempts = attempts;
    this.#sent = 0;
  }

  close(): void {
    this.isOpen = false;
  }

  /** When there is something to do; Infinity: never. */
  get nextAt(): Millis {
    return this.isOpen ? this.#timeOf(this.#sent) : Infinity;
  }

  /** Whether the next thing to do is to send; else it is over, and unanswered. */
  get mayRepeat(): boolean {
    return this.#sent < this.#attempts * OFFSETS.length;
  }

  /** One is on its way. Those whose time has passed meanwhile are left out. */
  sent(now: Millis): void {
    do this.#sent++; while (this.mayRepeat && this.#timeOf(this.#sent) <= now);
  }

  /** Round trip of an answer that comes now; 0: it may be the answer to any of several. */
  roundTrip(now: Millis): Millis {
    return this.solicitation.attempts === 1 ? now - this.startedAt : 0;
  }

  /** Whether T has passed without an answer. */
  isOverdue(now: Millis): boolean {
    return this.isOpen && now >= this.overdueAt;
  }

  get overdueAt(): Millis {
    return this.silentSince + RS_TIMEOUT;
  }

  #timeOf(number: number): Millis {
    const attempt = Math.floor(number / OFFSETS.length);
    return this.startedAt + attempt * RS_TIMEOUT + OFFSETS[number % OFFSETS.length]!;
  }
}
