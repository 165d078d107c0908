import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { readU16, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST } from "#src/protocol/wire/build.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_ICMPV6,
  parseIpv6,
  SOURCE_AT,
  writeIpv6Header,
} from "#src/protocol/wire/ipv6.ts";
import { clientAddress, clientIpv6, GENERATOR_PORT } from "#test/load/plan.ts";
import { ClientsMail } from "./clients_mail.ts";
import type { LinkSocket } from "./link_socket.ts";
import type { Waiting } from "./mail.ts";
import { Outbox } from "./outbox.ts";
import { linkBetween, TUNNEL_HEAD, writeTunnelHead } from "./packet_frames.ts";
import { type Command, type Pinged, PINGER, type StationPlan } from "./station_contract.ts";

const HOP_LIMIT = 64;
/** The IPv6 packet is as long as the load's shortest: header, ICMPv6 header, 40 bytes. */
const PING_LENGTH: number = IPV6_HEADER_LENGTH + 8 + 40;
const CHECKSUM_AT: number = IPV6_HEADER_LENGTH + 2;
const SEQUENCE_AT: number = IPV6_HEADER_LENGTH + 6;
/** A round trip that takes longer counts as lost. */
const PATIENCE_MS = 250;

/** One client that measures round trips: its echo requests are answered by the host's kernel. */
export class PingerMail extends ClientsMail {
  readonly #b: Uint8Array;
  readonly #plan: StationPlan;
  readonly #outbox: Outbox;
  #sequence = 0;
  #answered = -1;
  #answeredAt = 0;

  constructor(libc: Libc, arena: Arena, plan: StationPlan, link: LinkSocket) {
    super(libc, arena, plan, link, clientAddress(PINGER));
    this.#b = arena.u8;
    this.#plan = plan;
    this.#outbox = new Outbox(arena, link);
  }

  override take(at: number, length: number): void {
    const b = this.#b;
    if (length !== PING_LENGTH || b[at + IPV6_HEADER_LENGTH] !== ICMPV6_ECHO_REPLY) {
      return super.take(at, length);
    }
    this.#answered = readU16(b, at + SEQUENCE_AT);
    this.#answeredAt = performance.now();
  }

  override obey(command: Command, { wait, rest }: Waiting): Pinged {
    if (command.do !== "ping") throw new Error(`the pinger does not ${command.do}`);
    const times: number[] = [];
    let lost = 0;
    const until = performance.now() + 1_000 * command.seconds;
    while (performance.now() < until) {
      const sentAt = performance.now();
      this.#request();
      do wait(PATIENCE_MS); while (
        this.#answered !== this.#sequence && performance.now() - sentAt < PATIENCE_MS
      );
      if (this.#answered === this.#sequence) times.push((this.#answeredAt - sentAt) * 1_000);
      else lost++;
      rest(1);
    }
    return { times, lost };
  }

  #request(): void {
    const b = this.#b;
    const { from, to, relay, relayPort, host } = this.#plan;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const frame = this.#outbox.next();
    const inner = frame + TUNNEL_HEAD;
    const tunnel = {
      source: clientAddress(PINGER),
      sourcePort: GENERATOR_PORT,
      destination: parseIpv4(relay)!,
      destinationPort: relayPort,
    };
    writeTunnelHead(b, frame, linkBetween(from, to), tunnel, PING_LENGTH, 1);
    b.fill(0, inner, inner + PING_LENGTH);
    writeIpv6Header(b, inner, PING_LENGTH - IPV6_HEADER_LENGTH, NEXT_HEADER_ICMPV6, HOP_LIMIT);
    b.set(clientIpv6(PINGER), inner + SOURCE_AT);
    b.set(parseIpv6(host)!, inner + DESTINATION_AT);
    writeU32(b, inner + IPV6_HEADER_LENGTH, ICMPV6_ECHO_REQUEST * 2 ** 24);
    writeU16(b, inner + SEQUENCE_AT, this.#sequence);
    writeU16(b, inner + CHECKSUM_AT, payloadChecksum(b, inner));
    this.#outbox.queue(TUNNEL_HEAD, PING_LENGTH);
    this.#outbox.flush();
  }
}
