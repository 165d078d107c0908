import { SERVICE_PATH } from "../contract.ts";
import type { Paths } from "./paths.ts";
import type { PeerId } from "../../peers/index.ts";
import type { Peers } from "../../peers/table.ts";
import { isGlobalUnicast } from "../../wire/ipv4.ts";
import { Way } from "./ways.ts";

/** Of a peer that is trusted at the mapping that it has. @param embeddedAddress in its own address */
export function wayOf(
  p: PeerId,
  peers: Peers,
  paths: Paths,
  embeddedAddress: number,
  embeddedPort: number,
): Way {
  if (paths.isNative(p)) return Way.NativeDirect;
  const address = peers.mappedAddress(p);
  const port = peers.mappedPort(p);
  if (paths.isLocalAt(p, address, port)) return Way.Local;
  if (peers.localAddress(p) !== SERVICE_PATH) return Way.ClientRandomPort;
  if (peers.isMappedTo(p, embeddedAddress, embeddedPort)) return Way.ClientDirect;
  // Who asked first does not know yet what the other one lists: but nobody's NAT has such an address.
  const isListed = paths.isAlternate(p, address, port) || !isGlobalUnicast(address, false);
  return isListed ? Way.ClientAlternate : Way.ClientSymmetric;
}
