import {
  AdvertisementReader,
  isAdvertisement,
} from "#src/protocol/client/messages/advertisement.ts";
import {
  Solicitation,
  SOLICITATION_MAX_LENGTH,
} from "#src/protocol/client/messages/solicitation.ts";
import { Drop } from "#src/protocol/drops.ts";
import { NONCE_LENGTH, TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { AskedServer, View } from "../contract.ts";
import { ask, randomBytes, type Wire } from "./wire.ts";

/**
 * How an address of a server sees the socket; undefined: it gave no answer that counts.
 *
 * @param to its primary or its secondary address
 */
export async function solicit(
  wire: Wire,
  server: AskedServer,
  to: number = server.primary,
): Promise<View | undefined> {
  const solicitation = new Solicitation(server.identity);
  solicitation.begin(false, 0, 0, randomBytes(NONCE_LENGTH));
  const buffer = new Uint8Array(SOLICITATION_MAX_LENGTH);
  const datagram = new TeredoDatagram();
  const reader = new AdvertisementReader();
  const endpoint = { address: to, port: TEREDO_PORT };
  const question = () => {
    const length = solicitation.write(buffer, 0);
    wire.send(buffer.subarray(0, length), endpoint);
  };
  const answer = await ask(wire, question, (b, from) => {
    if (from.address !== to || from.port !== TEREDO_PORT) return undefined;
    if (datagram.parse(b, 0, b.length) !== Drop.None) return undefined;
    if (!isAdvertisement(b, datagram)) return undefined;
    const drop = reader.read(b, datagram, solicitation, server.prefix, server.primary);
    if (drop !== Drop.None || reader.confirmation !== 0) return undefined;
    return { address: datagram.originAddress, port: datagram.originPort };
  });
  return answer && { mapped: answer.value, rtt: answer.rtt };
}
