import type { Filtering, NatKind } from "../contract.ts";

/** The NAT in front of us, as the answers of servers show it. */
export class Nat {
  /** As the server sees us; port 0: nobody has told. */
  mappedAddress = 0;
  mappedPort = 0;
  /** RFC 6081 §5.3.1, §5.4.1 */
  isSymmetric = false;
  isPortPreserving = false;
  /** Two servers' addresses have been compared, or there is no use in waiting for it. */
  isSettled = false;
  /** As {@link FilteringTest} has found it. */
  filtering: Filtering = "unknown";
  #isAddressSymmetric = false;
  #isCompared = false;

  /** Another mapping: nothing is known of what gave it. */
  map(address: number, port: number, localPort: number): void {
    this.mappedAddress = address;
    this.mappedPort = port;
    this.isPortPreserving = port === localPort;
    this.isSymmetric = false;
    this.isSettled = false;
    this.#isAddressSymmetric = false;
    this.#isCompared = false;
  }

  /** What another server address sees. RFC 4380 §5.2.1, RFC 6081 §5.3.3 */
  compare(address: number, port: number): void {
    this.#isAddressSymmetric = address !== this.mappedAddress;
    this.isSymmetric = this.#isAddressSymmetric || port !== this.mappedPort;
    this.#isCompared = true;
    this.isSettled = true;
  }

  isAt(address: number, port: number): boolean {
    return port === this.mappedPort && address === this.mappedAddress;
  }

  kind(localPort: number, ownAddresses: readonly number[]): NatKind {
    if (this.isSymmetric) return this.#isAddressSymmetric ? "symmetric-address" : "symmetric-port";
    if (this.mappedPort === 0) return "unknown";
    const isOwn = ownAddresses.includes(this.mappedAddress);
    if (isOwn && this.mappedPort === localPort) {
      return this.filtering === "dependent" ? "firewall" : "none";
    }
    if (!this.#isCompared) return "unknown";
    return this.filtering === "endpoint_independent" ? "cone" : "restricted";
  }
}
