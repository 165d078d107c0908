/** How an operator mends or looks into something on one system: commands as they are typed there. */
export interface Words {
  /** Gives this host one more IPv4 address. */
  addAddress(address: string, interfaceName: string): string;
  /** Shows who has a UDP port. */
  findPort(port: number): string;
}
