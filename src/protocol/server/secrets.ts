import { equalInConstantTime } from "../wire/bytes.ts";
import type { TeredoDatagram } from "../wire/datagram.ts";
import type { ClientSecret } from "./contract.ts";

/** The clients a server shares a secret with, found by their identifier without making a string. */
export class ClientSecrets {
  readonly #byHash = new Map<number, ClientSecret[]>();

  constructor(secrets: readonly ClientSecret[]) {
    for (const secret of secrets) {
      const hash = hashBytes(secret.clientId, 0, secret.clientId.length);
      this.#byHash.set(hash, [...this.#byHash.get(hash) ?? [], secret]);
    }
  }

  /** The secret of the client identifier in `d`; undefined when there is none of either. */
  find(b: Uint8Array, d: TeredoDatagram): ClientSecret | undefined {
    if (d.authenticationAt < 0 || d.clientIdLength === 0) return undefined;
    const candidates = this.#byHash.get(hashBytes(b, d.clientIdAt, d.clientIdLength));
    if (candidates === undefined) return undefined;
    for (const secret of candidates) if (isClient(secret, b, d)) return secret;
    return undefined;
  }
}

function isClient(secret: ClientSecret, b: Uint8Array, d: TeredoDatagram): boolean {
  return secret.clientId.length === d.clientIdLength &&
    equalInConstantTime(secret.clientId, 0, b, d.clientIdAt, d.clientIdLength);
}

/** FNV-1a. The keys of the map are the operator's own, so nobody else can make them collide. */
function hashBytes(b: Uint8Array, at: number, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = at; i < at + length; i++) hash = Math.imul(hash ^ b[i]!, 0x01000193);
  return hash >>> 0;
}
