import assert from "node:assert/strict";
import { SyscallError } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { EAGAIN, NETLINK_NETFILTER, NETLINK_ROUTE } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { recordedAnswers } from "../netlink/answers.ts";
import { QUESTIONS } from "../netlink/questions.ts";
import { Choices } from "../engine/choices.ts";
import type { Target } from "../engine/target.ts";

/** Bytes behind an answer that are others each time. */
const AROUND = 1_024;
/** Datagrams of one answer: who asks longer is not answered. */
const MOST_DATAGRAMS = 6;

/**
 * What a kernel answers to questions by netlink: the question, then datagrams. In each of their messages
 * lengths, types and attributes are those that the kernel's have, where no byte says otherwise.
 */
export const target: Target = {
  name: "netlink",
  unit: 4,
  most: 1_024,
  seeds: () => QUESTIONS.map((_, question) => Uint8Array.of(question, 0, 0, 0)),
  open: async () => {
    const asked = new Asked(await openLibc(), recordedAnswers());
    const choices = new Choices();
    return (input) => asked.check(choices.take(input));
  },
};

/** An answer, or an error of the kernel's: anything else is a fault. */
function quietly(ask: () => unknown): unknown {
  try {
    return ask();
  } catch (error) {
    if (error instanceof SyscallError) return error.errno;
    // Rules that cannot be read are told as such: `unseen` in src/daemon/host/linux/firewall/mod.ts.
    if (error instanceof RangeError && /rules|netlink\(/.test(error.message)) return "unseen";
    throw error;
  }
}

const BASE = 0x10_0000;

/** A kernel whose answers are the input's, in memory of ours, between other bytes. */
class Asked {
  readonly #recorded: readonly (readonly Uint8Array[])[];
  readonly #route: Netlink;
  readonly #netfilter: Netlink;
  #answers: Uint8Array[] = [];
  #next = 0;
  #filler = 0;

  constructor(real: Libc, recorded: readonly (readonly Uint8Array[])[]) {
    this.#recorded = recorded;
    this.#route = new Netlink(this.#libc(real), NETLINK_ROUTE);
    this.#netfilter = new Netlink(this.#libc(real), NETLINK_NETFILTER);
  }

  check(c: Choices): void {
    const question = c.u8() % QUESTIONS.length;
    this.#answers = answersOf(c, this.#recorded, question);
    const [first, second] = [0x00, 0xff].map((filler) => {
      this.#filler = filler;
      this.#next = 0;
      return quietly(() => QUESTIONS[question]!(this.#route, this.#netfilter));
    });
    // What lies around a message must not show in what is made of it.
    assert.deepEqual(first, second);
  }

  /** For one socket. */
  #libc(real: Libc): Libc {
    let memory: Uint8Array = new Uint8Array(0);
    let sequence = 0;
    const call: Partial<Libc["call"]> = {
      socket: () => 5,
      connect: () => 0,
      setsockopt: () => 0,
      sendto: (_, address, length) => {
        sequence = new DataView(memory.buffer).getUint32(address - BASE + 8, true);
        return length;
      },
      recv: (_, address) => this.#receive(memory, address - BASE, sequence),
    };
    return {
      layout: real.layout,
      has: (name) => real.has(name),
      call: { ...real.call, ...call },
      errno: () => EAGAIN,
      addressOf: (bytes) => {
        memory = bytes;
        return BASE;
      },
    };
  }

  #receive(memory: Uint8Array, at: number, sequence: number): number {
    const answer = this.#answers[this.#next++];
    // Nothing more comes: the question has waited long enough.
    if (answer === undefined || this.#next > MOST_DATAGRAMS) return -1;
    const { length } = answer;
    memory.set(answer, at);
    memory.fill(this.#filler, at + length, Math.min(at + length + AROUND, memory.length));
    // Each message answers this very question, unless its sequence number is damaged.
    const view = new DataView(memory.buffer);
    for (let i = at; i + 16 <= at + length;) {
      const size = view.getUint32(i, true);
      if (view.getUint32(i + 8, true) !== DAMAGED) view.setUint32(i + 8, sequence, true);
      if (size < 16 || i + size > at + length) break;
      i += (size + 3) & ~3;
    }
    return length;
  }
}

const DAMAGED = 0xdddd_dddd;

/** The kernel's own answers, each changed, cut, doubled or replaced as the input says. */
function answersOf(
  c: Choices,
  recorded: readonly (readonly Uint8Array[])[],
  question: number,
): Uint8Array[] {
  const answers = recorded[question]!.slice(0, MOST_DATAGRAMS).map((it) => it.slice());
  while (c.left > 0) {
    const [kind, which, value] = [c.u8(), c.u8(), c.u8()];
    const at = c.u16();
    if (answers.length === 0) answers.push(new Uint8Array(64));
    const i = which % answers.length;
    const b = answers[i]!;
    if (b.length === 0) continue;
    switch (kind % 8) {
      case 0:
      case 1:
        b[at % b.length] = value;
        break;
      case 2: // a length or a type of an attribute
        b[(4 * at) % b.length] = value;
        break;
      case 3:
        answers[i] = b.slice(0, at % (b.length + 1));
        break;
      case 4:
        if (answers.length < MOST_DATAGRAMS) answers.splice(i, 0, b.slice());
        break;
      case 5:
        b[at % b.length]! ^= 1 << (value & 7);
        break;
      case 6:
        b.set(c.bytes(Math.min(value & 31, b.length)), 0);
        break;
      default: { // a part of the answer to something else
        const other = recorded[value % recorded.length]![0];
        const from = at % b.length;
        if (other !== undefined) b.set(other.subarray(0, b.length - from), from);
      }
    }
  }
  return answers;
}
