import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { readU32, writeU32 } from "#src/protocol/wire/bytes.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { clientIpv6 } from "#test/load/plan.ts";
import { openUdp6 } from "#test/load/sockets.ts";
import type { LinkSocket } from "./link_socket.ts";
import type { Mail, Waiting } from "./mail.ts";
import { Outbox } from "./outbox.ts";
import { type Link, linkBetween, NATIVE_HEAD, writeNativeHead } from "./packet_frames.ts";
import {
  type Command,
  type GreetCommand,
  type Greeted,
  GREETING_LENGTH,
  GREETING_PORT,
  type StationPlan,
} from "./station_contract.ts";

/** Rounds of greetings before clients that did not answer are a failure. */
const ROUNDS = 10;
/** How long after a round answers may take. A relay may wait seconds before it asks a client again. */
const ROUND_MS = 1_100;
/** Greetings sent together. */
const FLUSH = 16;

/** The host: greets clients by way of the relay until each has answered. */
export class HostMail implements Mail {
  readonly fd: number;
  readonly #b: Uint8Array;
  readonly #outbox: Outbox;
  readonly #link: Link;
  readonly #host: Uint8Array;
  #missing = new Uint8Array(0);
  #left = 0;

  constructor(libc: Libc, arena: Arena, plan: StationPlan, link: LinkSocket) {
    this.#b = arena.u8;
    this.#outbox = new Outbox(arena, link);
    this.#link = linkBetween(plan.from, plan.to);
    this.#host = parseIpv6(plan.host)!;
    this.fd = openUdp6(libc, arena, GREETING_PORT);
  }

  take(at: number, length: number): void {
    const client = length === GREETING_LENGTH ? readU32(this.#b, at) : -1;
    if (this.#missing[client] !== 1) return;
    this.#missing[client] = 0;
    this.#left--;
  }

  flush(): void {}

  obey(command: Command, waiting: Waiting): Greeted {
    if (command.do !== "greet") throw new Error(`the host does not ${command.do}`);
    const start = performance.now();
    const { peers, first = 0 } = command;
    this.#missing = new Uint8Array(first + peers).fill(1, first);
    this.#left = peers;
    for (let round = 0; round < ROUNDS && this.#left > 0; round++) this.#greetAll(command, waiting);
    return { seconds: (performance.now() - start) / 1_000, missing: this.#left };
  }

  #greetAll({ rate }: GreetCommand, { rest, wait }: Waiting): void {
    const start = performance.now();
    let sent = 0;
    for (let client = 0; client < this.#missing.length; client++) {
      if (this.#missing[client] === 0) continue;
      this.#greet(client);
      if (++sent % FLUSH !== 0) continue;
      this.#outbox.flush();
      while (performance.now() - start < sent / rate * 1_000) rest(1);
    }
    this.#outbox.flush();
    const until = performance.now() + ROUND_MS;
    while (this.#left > 0 && performance.now() < until) wait(5);
  }

  #greet(client: number): void {
    const frame = this.#outbox.next();
    const to = clientIpv6(client);
    writeNativeHead(
      this.#b,
      frame,
      this.#link,
      this.#host,
      to,
      GREETING_PORT,
      GREETING_LENGTH,
      1,
    );
    writeU32(this.#b, frame + NATIVE_HEAD, client);
    this.#outbox.queue(NATIVE_HEAD, GREETING_LENGTH);
  }
}
