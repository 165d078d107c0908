import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { readU16 } from "#src/protocol/wire/bytes.ts";
import { BUBBLE_LENGTH, writeBubble } from "#src/protocol/wire/build.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  isBubble,
  parseIpv6,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import { mappedAddressOf } from "#src/protocol/wire/teredo_address.ts";
import { clientAddress, clientIpv6, GENERATOR_PORT } from "#test/load/plan.ts";
import { GENERATOR_BUFFER } from "#test/load/sockets.ts";
import type { LinkSocket } from "./link_socket.ts";
import type { Mail, Waiting } from "./mail.ts";
import { Outbox } from "./outbox.ts";
import {
  type Link,
  linkBetween,
  type Tunnel,
  TUNNEL_HEAD,
  writeInner,
  writeTunnelHead,
} from "./packet_frames.ts";
import {
  type Command,
  GREETING_LENGTH,
  GREETING_PORT,
  type StationPlan,
} from "./station_contract.ts";

const FIRST_ADDRESS: number = clientAddress(0);
const UDP_DESTINATION_AT: number = IPV6_HEADER_LENGTH + 2;
const PAYLOAD_AT: number = IPV6_HEADER_LENGTH + 8;
const GREETING_INNER: number = PAYLOAD_AT + GREETING_LENGTH;

/** Clients and their Teredo server: answer the relay's bubbles, and the host's greetings. */
export class ClientsMail implements Mail {
  readonly fd: number;
  readonly #b: Uint8Array;
  readonly #outbox: Outbox;
  readonly #link: Link;
  readonly #tunnel: { -readonly [K in keyof Tunnel]: Tunnel[K] };
  readonly #host: Uint8Array;

  /** @param address IPv4 address of the only client; 0: of all that have no socket of their own */
  constructor(libc: Libc, arena: Arena, plan: StationPlan, link: LinkSocket, address = 0) {
    this.#b = arena.u8;
    this.#outbox = new Outbox(arena, link);
    this.#link = linkBetween(plan.from, plan.to);
    this.#tunnel = {
      source: 0,
      sourcePort: GENERATOR_PORT,
      destination: parseIpv4(plan.relay)!,
      destinationPort: plan.relayPort,
    };
    this.#host = parseIpv6(plan.host)!;
    const socket = { address, port: GENERATOR_PORT, buffer: GENERATOR_BUFFER, reusePort: true };
    this.fd = openUdpSocket(LINUX_KERNEL, libc, arena, socket).fd;
  }

  take(at: number, length: number): void {
    const b = this.#b;
    if (length < BUBBLE_LENGTH) return;
    const client = mappedAddressOf(b, at + DESTINATION_AT) - FIRST_ADDRESS;
    const frame = this.#outbox.next();
    const inner = frame + TUNNEL_HEAD;
    if (isBubble(b, at)) {
      writeBubble(b, inner, b, at + DESTINATION_AT, b, at + SOURCE_AT);
      this.#queue(frame, client, BUBBLE_LENGTH);
    } else if (
      length === GREETING_INNER && readU16(b, at + UDP_DESTINATION_AT) === GREETING_PORT
    ) {
      writeInner(b, inner, clientIpv6(client), this.#host, GREETING_PORT, GREETING_INNER, client);
      this.#queue(frame, client, GREETING_INNER);
    }
  }

  #queue(frame: number, client: number, length: number): void {
    this.#tunnel.source = clientAddress(client);
    writeTunnelHead(this.#b, frame, this.#link, this.#tunnel, length, 1);
    this.#outbox.queue(TUNNEL_HEAD, length);
  }

  flush(): void {
    this.#outbox.flush();
  }

  obey(command: Command, _waiting: Waiting): unknown {
    throw new Error(`clients do not ${command.do}`);
  }
}
