import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Millis } from "#src/protocol/time.ts";

/** How long a browser that has logged in is let in. */
export const SESSION_TIME: Millis = 86_400_000;

const SESSION = /^([0-9a-z]{1,11})\.([0-9A-Za-z_-]{43})$/;

/**
 * What opens the pages: the token itself, and sessions that were given out for it. A session is its end
 * and a MAC over that: there is no table of them to fill, it outlives a restart, and it ends with the
 * token. Nothing here takes longer for a guess that is nearly right.
 */
export class Key {
  readonly #token: Buffer;
  readonly #secret: Buffer;
  readonly #scope: string;

  /** @param scope what a session of one daemon does not open at another */
  constructor(token: string, scope: string) {
    this.#token = digest(token);
    this.#secret = createHmac("sha256", token).update("teredo: sessions of the status pages")
      .digest();
    this.#scope = scope;
  }

  isToken(text: string): boolean {
    return timingSafeEqual(digest(text), this.#token);
  }

  /** @param now since 1970 */
  session(now: Millis): string {
    const end = Math.floor(now + SESSION_TIME).toString(36);
    return `${end}.${this.#mac(end).toString("base64url")}`;
  }

  isSession(text: string, now: Millis): boolean {
    const [, end, mac] = SESSION.exec(text) ?? [];
    if (end === undefined || mac === undefined) return false;
    const isMade = timingSafeEqual(Buffer.from(mac, "base64url"), this.#mac(end));
    return isMade && parseInt(end, 36) > now;
  }

  #mac(end: string): Buffer {
    return createHmac("sha256", this.#secret).update(`${this.#scope} ${end}`).digest();
  }
}

/** Of one length, whatever was given. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
