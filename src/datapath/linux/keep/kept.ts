import type { EntrustedHome } from "../../keep/contract.ts";
import type { Configured, InterfaceSetup } from "../tun/interface.ts";

/** What keeps an interface: how it was set up, and what makes it again. */
export interface LinuxKept extends Omit<InterfaceSetup, "home"> {
  /** Which interface it is at this moment. */
  readonly configured: Configured;
  /** Of a client's. */
  readonly home?: EntrustedHome | undefined;
  /** Makes the interface again, which is gone, bare. @returns its index @throws StartError */
  remake(): number;
}
