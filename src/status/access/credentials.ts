import type { Millis } from "#src/protocol/time.ts";
import { type Client, isByHttps, sourceOf } from "./client.ts";
import { Failures } from "./failures.ts";
import { Key, SESSION_TIME } from "./key.ts";

const BEARER = /^Bearer +(\S+)$/i;

export interface CredentialsOptions {
  /** What a session is for: daemons of one host share their browsers' cookies, whatever the port. */
  readonly scope: string;
  /** Told of each wrong token that was not one too many. */
  readonly onWrongToken?: ((source: string) => void) | undefined;
  /** Since 1970. */
  readonly now?: (() => Millis) | undefined;
}

/** How a request by somebody who needs the token is judged. */
export type Judgement =
  | { readonly is: "right" | "missing" }
  | {
    readonly is: "wrong";
    /** How long no more of them are listened to; 0: one more is. */
    readonly wait: Millis;
  };

/**
 * Whether who asks has the token: itself, or a session that was given for it.
 *
 * Who has it is let in, however many wrong ones have come from where he is: nobody can shut him out,
 * and nobody guesses 128 bits. Of who has not, only so much is told.
 */
export class Credentials {
  readonly #cookie: string;
  readonly #options: CredentialsOptions;
  readonly #now: () => Millis;
  readonly #failures = new Failures();
  #made: { readonly token: string; readonly key: Key } | undefined;

  constructor(options: CredentialsOptions) {
    this.#cookie = `teredo_${options.scope}`;
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** By the header of a request. */
  judge(token: string, headers: Headers, client: Client): Judgement {
    const key = this.#keyOf(token);
    const isIn = this.#sessionsIn(headers).some((it) => key.isSession(it, this.#now()));
    if (isIn) return { is: "right" };
    const given = BEARER.exec(headers.get("Authorization") ?? "")?.[1];
    return given === undefined ? { is: "missing" } : this.compare(token, given, headers, client);
  }

  /** @param given as the token */
  compare(token: string, given: string, headers: Headers, client: Client): Judgement {
    if (this.#keyOf(token).isToken(given)) return { is: "right" };
    const source = sourceOf(client, headers);
    const wait = this.#failures.add(source, performance.now());
    if (wait === 0) this.#options.onWrongToken?.(source);
    return { is: "wrong", wait };
  }

  /**
   * The value of `Set-Cookie` that lets a browser in from now on. It has no path: the browser takes
   * that of the form, wherever a proxy has put the pages.
   */
  cookieFor(token: string, headers: Headers): string {
    const session = this.#keyOf(token).session(this.#now());
    const parts = [`${this.#cookie}=${session}`, `Max-Age=${SESSION_TIME / 1000}`];
    if (isByHttps(headers)) parts.push("Secure");
    return [...parts, "HttpOnly", "SameSite=Strict"].join("; ");
  }

  /** There may be several, of different paths. */
  #sessionsIn(headers: Headers): string[] {
    const pairs = (headers.get("Cookie") ?? "").split(/[;,]\s*/);
    const start = `${this.#cookie}=`;
    return pairs.filter((it) => it.startsWith(start)).map((it) => it.slice(start.length));
  }

  #keyOf(token: string): Key {
    if (this.#made?.token !== token) {
      this.#made = { token, key: new Key(token, this.#options.scope) };
    }
    return this.#made.key;
  }
}
