import { SERVICE_PATH } from "../contract.ts";
import type { Paths } from "./paths.ts";
import type { PeerId } from "../../peers/index.ts";
import type { Peers } from "../../peers/table.ts";
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
  return paths.isAlternate(p, address, port) ? Way.ClientAlternate : Way.ClientSymmetric;
}
