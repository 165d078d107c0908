import process from "node:process";
import { type Bound, closed } from "#src/probe/sockets.ts";
import { bind } from "#src/probe/sockets.ts";
import type { Endpoint } from "#src/probe/contract.ts";
import type { ClientIdentity } from "#src/protocol/client/messages/solicitation.ts";
import { Drop } from "#src/protocol/drops.ts";
import { signAuthentication, verifyAuthentication } from "#src/protocol/wire/authentication.ts";
import {
  ADVERTISEMENT_LENGTH,
  writeAuthentication,
  writeRouterAdvertisement,
} from "#src/protocol/wire/build.ts";
import { NONCE_LENGTH, TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { concat, origin } from "#test/protocol/packets.ts";

/** What a server says to one solicitation, and how. */
export interface Manner {
  /** How it sees whoever asks; default 203.0.113.7 and the port. */
  readonly seen?: (port: number) => Endpoint;
  /** Made of the answer that an honest server would give. */
  readonly change?: (answer: Uint8Array) => Uint8Array;
  /** Who sends the answer instead, and from which port; default: whoever was asked. */
  readonly sender?: { readonly address: number; readonly port: number };
  /** Times that each answer is sent, the later ones later. */
  readonly copies?: number;
  /** Whose solicitations alone are answered. RFC 4380 §5.2.2 */
  readonly client?: ClientIdentity;
  /** Upper 32 bits of its service prefix, where it has another one. */
  readonly prefix?: number;
}

const MAPPED = 0xcb007107; // 203.0.113.7

/** A server on loopback, at an address and the next one, that may lie. No answer to cone tests. */
export class FakeServer {
  readonly #bound: readonly Bound[];
  readonly #later = new Set<ReturnType<typeof setTimeout>>();

  private constructor(bound: readonly Bound[]) {
    this.#bound = bound;
  }

  static async open(primary: number, manner: Manner = {}): Promise<FakeServer> {
    const { sender } = manner;
    const other = sender && await bind(sender.address, sender.port);
    const asked = [await bind(primary, TEREDO_PORT), await bind(primary + 1, TEREDO_PORT)];
    const server = new FakeServer(other === undefined ? asked : [...asked, other]);
    for (const { socket } of asked) {
      socket.on("message", (b, { address, port }) => {
        const answer = answerTo(b, primary, manner, port);
        if (answer === undefined) return;
        const changed = manner.change?.(answer) ?? answer;
        const { socket: from } = other ?? { socket };
        const copies = manner.copies ?? 1;
        for (let i = 0; i < copies; i++) {
          server.#after(30 * i, () => from.send(changed, port, address, () => {}));
        }
      });
    }
    return server;
  }

  #after(time: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#later.delete(timer);
      act();
    }, time);
    this.#later.add(timer);
  }

  async close(): Promise<void> {
    this.#later.forEach(clearTimeout);
    await Promise.all(this.#bound.map(({ socket }) => closed(socket)));
  }
}

const mappedTo = (port: number): Endpoint => ({ address: MAPPED, port });

/** RFC 4380 §5.3.2; undefined: no solicitation, or one with the cone bit. */
function answerTo(
  b: Uint8Array,
  primary: number,
  { seen, client, prefix = SERVICE_PREFIX }: Manner,
  port: number,
): Uint8Array | undefined {
  const d = new TeredoDatagram();
  if (d.parse(b, 0, b.length) !== Drop.None || d.authenticationAt < 0) return undefined;
  if ((b[d.ipv6At + SOURCE_AT + 8]! & 0x80) !== 0) return undefined;
  if (client !== undefined && !isOf(b, d, client)) return undefined;
  const mapped = (seen ?? mappedTo)(port);
  const advertisement = new Uint8Array(ADVERTISEMENT_LENGTH);
  const told = { prefix, serverAddress: primary, mtu: 1280 };
  writeRouterAdvertisement(advertisement, 0, told, b, d.ipv6At + SOURCE_AT);
  const { clientId, key, authenticate } = client ?? NOBODY;
  const value = authenticate(key, NOTHING);
  const head = new Uint8Array(4 + clientId.length + value.length + NONCE_LENGTH + 1);
  writeAuthentication(head, 0, clientId, value, b, d.nonceAt, 0);
  const answer = concat(head, origin(mapped.address, mapped.port), advertisement);
  if (client !== undefined) signAuthentication(answer, 0, answer.length, key, authenticate);
  return answer;
}

const NOTHING = new Uint8Array(0);
const NOBODY: ClientIdentity = { clientId: NOTHING, key: NOTHING, authenticate: () => NOTHING };

function isOf(b: Uint8Array, d: TeredoDatagram, { clientId, key, authenticate }: ClientIdentity) {
  const { clientIdAt, clientIdLength } = d;
  const id = b.subarray(clientIdAt, clientIdAt + clientIdLength);
  return Buffer.compare(id, clientId) === 0 && verifyAuthentication(b, d, key, authenticate);
}

/** Of 127.128.0.0/9, 512 addresses of this process alone: the same tests may run in another one. */
const OWN = 0x7f80_0000 + ((process.pid & 0x3fff) << 9);

/** A place on loopback where nobody else is, two addresses long; `number` is less than 63. */
export function placeOnLoopback(
  number: number,
): { primary: number; secondary: number; name: string } {
  const primary = OWN + 8 * number + 2;
  return { primary, secondary: primary + 1, name: formatIpv4(primary) };
}
