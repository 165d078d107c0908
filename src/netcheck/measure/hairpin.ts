import type { Endpoint } from "#src/probe/contract.ts";
import type { AskedServer, HairpinSeen } from "../contract.ts";
import { solicit } from "./solicit.ts";
import { ask, openWire, randomBytes } from "./wire.ts";

const TOKEN_LENGTH = 24;
/** To our own NAT it is not far. */
const HAIRPIN_PATIENCE = [0, 200, 500, 1_500];

/**
 * Two sockets, each sending to the mapped address of the other. Both send, so that a NAT that filters
 * by address or port has seen both.
 *
 * @returns undefined: the server did not say how it sees them
 */
export async function measureHairpin(
  localAddress: number,
  server: AskedServer,
): Promise<HairpinSeen | undefined> {
  const [receiver, sender] = [await openWire(localAddress), await openWire(localAddress)];
  try {
    const [at, from] = await Promise.all([solicit(receiver, server), solicit(sender, server)]);
    if (at === undefined || from === undefined) return undefined;
    const [opening, token] = [randomBytes(TOKEN_LENGTH), randomBytes(TOKEN_LENGTH)];
    const question = () => {
      receiver.send(opening, from.mapped);
      sender.send(token, at.mapped);
    };
    const isToken = (b: Uint8Array, who: Endpoint) =>
      b.length === TOKEN_LENGTH && token.every((byte, i) => byte === b[i]) ? who : undefined;
    const answer = await ask(receiver, question, isToken, HAIRPIN_PATIENCE);
    return { cameBack: answer !== undefined, from: answer?.value, sender: from.mapped };
  } finally {
    await Promise.all([receiver.close(), sender.close()]);
  }
}
