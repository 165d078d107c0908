import { signAuthentication } from "../../wire/authentication.ts";
import { writeAuthentication, writeRouterSolicitation } from "../../wire/build.ts";
import { copyBytes } from "../../wire/bytes.ts";
import { NONCE_LENGTH } from "../../wire/datagram.ts";
import { IPV6_LENGTH } from "../../wire/ipv6.ts";
import { CONE_FLAG, writeLinkLocal } from "../../wire/teredo_address.ts";
import type { Authenticate } from "../../wire/authentication.ts";
import type { Millis } from "../../time.ts";

/** RFC 4380 §5.2.1: T and N. */
export const RS_TIMEOUT: Millis = 4_000;
export const RS_ATTEMPTS = 3;

const NOTHING = new Uint8Array(0);

/** By which a client shows a server who it is. RFC 4380 §5.2.2 */
export interface ClientIdentity {
  /** 1 to 255 bytes. */
  readonly clientId: Uint8Array;
  readonly key: Uint8Array;
  readonly authenticate: Authenticate;
}

/** Authentication with two fields of 255 bytes, router solicitation. */
export const SOLICITATION_MAX_LENGTH = 13 + 255 + 255 + 48;

/** One router solicitation with its repetitions, until it is answered or given up; used again and again. */
export class Solicitation {
  /** 16 bytes; its lower half has the layout of a Teredo address. RFC 4380 §4 */
  readonly linkLocal = new Uint8Array(IPV6_LENGTH);
  /** Stays the same in repetitions, so that a late answer still counts. */
  readonly nonce = new Uint8Array(NONCE_LENGTH);
  attempts = 0;
  sentAt: Millis = 0;
  readonly identity: ClientIdentity | undefined;
  /** Keeps the place of an authentication value until it can be computed. */
  readonly #blankValue: Uint8Array;

  /** @param identity where the server asks for one; undefined: the nonce is all */
  constructor(identity?: ClientIdentity) {
    this.identity = identity;
    this.#blankValue = identity?.authenticate(identity.key, NOTHING).slice() ?? NOTHING;
  }

  /**
   * The first of a new row.
   *
   * @param address with `port`, what the link-local address tells of us; 0 and 0: nothing
   * @param nonce 8 unpredictable bytes, which are copied
   */
  begin(cone: boolean, address: number, port: number, nonce: Uint8Array): void {
    writeLinkLocal(this.linkLocal, 0, cone ? CONE_FLAG : 0, address, port);
    copyBytes(this.nonce, 0, nonce, 0, NONCE_LENGTH);
    this.attempts = 0;
  }

  /**
   * Writes the next of the row at the start of `b`: authentication, then the solicitation. 61 bytes
   * with a nonce alone, {@link SOLICITATION_MAX_LENGTH} at most.
   *
   * @returns the length
   */
  write(b: Uint8Array, now: Millis): number {
    this.attempts++;
    this.sentAt = now;
    const { identity } = this;
    const clientId = identity?.clientId ?? NOTHING;
    const at = writeAuthentication(b, 0, clientId, this.#blankValue, this.nonce, 0, 0);
    const end = writeRouterSolicitation(b, at, this.linkLocal, 0);
    if (identity !== undefined) {
      signAuthentication(b, 0, end, identity.key, identity.authenticate);
    }
    return end;
  }
}
