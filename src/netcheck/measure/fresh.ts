import type { Endpoint } from "#src/probe/contract.ts";
import type { AskedServer, FreshSeen } from "../contract.ts";
import { solicit } from "./solicit.ts";
import { openWire } from "./wire.ts";

/** Enough that luck does not look like a rule. */
const SOCKETS = 4;

/**
 * Sockets that have never sent anything, each asking the server's primary and then its secondary
 * address, one after the other: so the order is that in which the NAT gave out ports.
 *
 * @param hasSecondary whether the secondary address is worth asking
 */
export async function measureFresh(
  localAddress: number,
  server: AskedServer,
  hasSecondary: boolean,
): Promise<FreshSeen[]> {
  const seen: FreshSeen[] = [];
  for (let i = 0; i < SOCKETS; i++) {
    const wire = await openWire(localAddress);
    try {
      const mapped: Endpoint[] = [];
      for (const to of hasSecondary ? [server.primary, server.secondary] : [server.primary]) {
        const view = await solicit(wire, server, to);
        if (view !== undefined) mapped.push(view.mapped);
      }
      seen.push({ localPort: wire.local.port, mapped });
    } finally {
      await wire.close();
    }
  }
  return seen;
}
