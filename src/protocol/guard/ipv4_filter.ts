import { Broadcasts } from "./broadcasts.ts";
import { isGlobalUnicast } from "../wire/ipv4.ts";
import type { RelayOptions } from "../relay/contract.ts";
import { TEREDO_PORT } from "../wire/teredo_address.ts";

export type FilterOptions = Pick<RelayOptions, "refuseReserved" | "ownAddresses" | "servicePort">;

/** Which IPv4 addresses the relay exchanges datagrams with. RFC 4380 §5.2.4, RFC 6169 §4.1 */
export class Ipv4Filter {
  #options: FilterOptions;
  readonly #broadcasts = new Broadcasts();

  constructor(options: FilterOptions) {
    this.#options = options;
  }

  set(options: FilterOptions): void {
    this.#options = options;
  }

  /** Broadcast addresses of the subnets that this host is attached to, instead of those before. */
  setBroadcasts(addresses: readonly number[]): void {
    this.#broadcasts.replace(addresses);
  }

  /** Global unicast; port 0 is no place to send to. */
  isPeer(address: number, port: number): boolean {
    return port !== 0 && this.#isUnicast(address);
  }

  /** Where servers take indirect bubbles. */
  isServer(address: number): boolean {
    return this.#isUnicast(address);
  }

  #isUnicast(address: number): boolean {
    return isGlobalUnicast(address, this.#options.refuseReserved) && !this.#broadcasts.has(address);
  }

  /** Our own service port: what we send there comes back to us. */
  isOurs(address: number, port: number): boolean {
    return port === this.#options.servicePort && this.#options.ownAddresses.includes(address);
  }

  /** Neither this host, at any port, nor all of a subnet that it is attached to. */
  isElsewhere(address: number): boolean {
    return !this.#options.ownAddresses.includes(address) && !this.#broadcasts.has(address);
  }

  isOurServer(address: number): boolean {
    return this.isOurs(address, TEREDO_PORT);
  }
}
