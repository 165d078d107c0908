import { ProbeClient } from "#src/probe/client.ts";
import type { ProbeEvent, ProbeOptions, ProbeSocket } from "#src/probe/contract.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { concat } from "#test/protocol/packets.ts";
import {
  CLIENT_LOCAL,
  CLIENT_PORT,
  fromHex,
  NONCE,
  SECONDARY_SERVER,
  SERVER,
  toHex,
  vector,
} from "#test/protocol/vectors.ts";

export interface Sent {
  readonly hex: string;
  readonly to: number;
  readonly port: number;
  readonly at: number;
  readonly socket: ProbeSocket;
}

/** The host that E1 and E2 speak of. */
export const TARGET = parseIpv6("2001:db8::1")!;
export const DATA = fromHex("1122334455667788");
const IDENTIFIER = fromHex("beef");

export const OPTIONS: ProbeOptions = {
  serverAddress: SERVER,
  secondaryAddress: SECONDARY_SERVER,
  local: { address: CLIENT_LOCAL, port: CLIENT_PORT },
  // The same port, so that the solicitation is that of the vectors.
  coneLocal: { address: CLIENT_LOCAL, port: CLIENT_PORT },
  ownAddresses: [CLIENT_LOCAL],
  prefix: SERVICE_PREFIX,
  refuseReserved: false,
  target: TARGET,
  pings: 2,
  pingInterval: 1_000,
  answerTimeout: 4_000,
};

/** A probe on the bench: no socket, no clock, and "random" bytes that make it send the vectors. */
export class ProbeBench {
  readonly sent: Sent[] = [];
  readonly events: ProbeEvent[] = [];
  readonly client: ProbeClient;
  now = 1_000;
  #drawn = 0;

  constructor(options: Partial<ProbeOptions> = {}) {
    const sink = {
      sendDatagram: (
        b: Uint8Array,
        at: number,
        length: number,
        to: number,
        port: number,
        socket: ProbeSocket,
      ) => void this.sent.push({ hex: toHex(b, at, length), to, port, at: this.now, socket }),
      report: (event: ProbeEvent) => void this.events.push(event),
    };
    this.client = new ProbeClient({ ...OPTIONS, ...options }, sink, (b) => this.#fill(b));
    this.client.start(this.now);
  }

  /** Three nonces, then the flags (0, so that the address is A2), then each ping's own. */
  #fill(b: Uint8Array): void {
    const [nonces, flags] = [3, 1];
    const drawn = this.#drawn++;
    if (b.length === 8) b.set(drawn < nonces ? NONCE : DATA);
    else if (drawn >= nonces + flags) b.set(IDENTIFIER);
  }

  receive(b: Uint8Array, from: number, port: number, socket: ProbeSocket = "own"): void {
    this.client.receive(b, 0, b.length, from, port, this.now, socket);
  }

  advertise(b: Uint8Array, from = SERVER): void {
    this.receive(b, from, 3544);
  }

  /** The answer of the cone step. */
  admit(b: Uint8Array): void {
    this.receive(b, SECONDARY_SERVER, 3544, "cone");
  }

  /** Lets the clock run to the client's next deadline. */
  expire(): void {
    this.now = this.client.deadline;
    this.client.tick(this.now);
  }

  get last(): Sent {
    return this.sent.at(-1)!;
  }

  /** Events of one kind. */
  all<K extends ProbeEvent["kind"]>(kind: K): Extract<ProbeEvent, { kind: K }>[] {
    return this.events.filter((event) => event.kind === kind) as Extract<ProbeEvent, { kind: K }>[];
  }

  /** Goes through qualification as behind a restricted NAT. */
  qualify(): void {
    this.advertise(vector("M3"));
    this.expire();
    this.expire(); // both cone attempts in vain
    this.advertise(vector("M3"), SECONDARY_SERVER);
  }
}

/** With the nonce that {@link ProbeBench} sends in front. */
export function withNonce(b: Uint8Array): Uint8Array {
  return concat(vector("H1"), b);
}
