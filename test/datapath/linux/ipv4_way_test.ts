import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import { NetlinkChannel } from "#src/datapath/linux/netlink/channel.ts";
import { Ipv4Way } from "#src/datapath/linux/netlink/ipv4_way.ts";

const real = await openLibc();
const BASE = 0x10_0000;
const SEQUENCE_AT = 8;
const ROUTE = 24;
const ERROR = 2;
const UNICAST = 1;

/** A kernel whose answers to one question are these, in memory of ours. */
function asking(answers: (sequence: number) => readonly Uint8Array[]) {
  let memory = new Uint8Array(0);
  let question = new Uint8Array(0);
  let left: Uint8Array[] = [];
  const call: Partial<Libc["call"]> = {
    socket: () => 5,
    connect: () => 0,
    setsockopt: () => 0,
    close: () => 0,
    sendto: (_, address, length) => {
      question = memory.slice(address - BASE, address - BASE + length);
      left = [...answers(new DataView(question.buffer).getUint32(SEQUENCE_AT, true))];
      return length;
    },
    recv: (_, address) => {
      const answer = left.shift();
      if (answer === undefined) return -1;
      memory.set(answer, address - BASE);
      return answer.length;
    },
  };
  const libc: Libc = {
    layout: real.layout,
    has: (name) => real.has(name),
    call: { ...real.call, ...call },
    errno: () => 11,
    addressOf: (bytes) => {
      memory = bytes as Uint8Array<ArrayBuffer>;
      return BASE;
    },
  };
  const channel = new NetlinkChannel(libc);
  const way = new Ipv4Way(channel);
  return {
    ask: () => {
      const found = way.ask(0xc000_022d, 0xcb00_7109);
      const { type, index, gateway, isVia, mtu } = way;
      return { found, type, index, gateway, isVia, mtu };
    },
    asked: () => question,
    close: () => channel.close(),
  };
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

const attribute = (
  type: number,
  ...payload: number[]
) => [4 + payload.length, 0, type, 0, ...payload];

/** struct nlmsghdr, struct rtmsg, attributes. */
function answer(sequence: number, attributes: readonly number[], kind = ROUTE): Uint8Array {
  const rtmsg = [2, 32, 0, 0, 254, 0, 0, UNICAST, 0, 0, 0, 0];
  const header = words(16 + 12 + attributes.length, kind, sequence, 0);
  return Uint8Array.of(...header, ...rtmsg, ...attributes);
}

const OIF = attribute(4, 7, 0, 0, 0);
const GATEWAY = attribute(5, 203, 0, 113, 1);
const METRICS = attribute(8, 8, 0, 8, 0, 0xff, 0, 0, 0, 8, 0, 2, 0, 0x14, 5, 0, 0);
const VIA = attribute(18, 10, 0, ...new Array<number>(16).fill(0xfe), 0, 0);
const NONE = { found: false, type: 0, index: 0, gateway: 0, isVia: false, mtu: 0 };
const FOUND = { ...NONE, found: true, type: UNICAST };

const CASES: readonly (readonly [
  what: string,
  answers: (sequence: number) => readonly Uint8Array[],
  expected: typeof NONE,
])[] = [
  ["an interface", (s) => [answer(s, OIF)], { ...FOUND, index: 7 }],
  ["a gateway", (s) => [answer(s, [...OIF, ...GATEWAY])], {
    ...FOUND,
    index: 7,
    gateway: 0xcb00_7101,
  }],
  ["an MTU of its own", (s) => [answer(s, [...METRICS, ...OIF])], {
    ...FOUND,
    index: 7,
    mtu: 1_300,
  }],
  ["a gateway of the other family", (s) => [answer(s, [...VIA, ...OIF])], {
    ...FOUND,
    index: 7,
    isVia: true,
  }],
  ["a refusal", (s) => [answer(s, [], ERROR)], NONE],
  ["silence", () => [], NONE],
  ["an answer to an earlier question first", (s) => [answer(s - 1, GATEWAY), answer(s, OIF)], {
    ...FOUND,
    index: 7,
  }],
  ["nothing behind the header", (s) => [words(16, ROUTE, s, 0)], NONE],
  ["a message longer than what came", (s) => [words(99, ROUTE, s, 0)], NONE],
  ["an attribute longer than its message", (s) => [answer(s, [99, 0, 4, 0, 7, 0, 0, 0])], FOUND],
  ["an attribute without a length", (s) => [answer(s, [0, 0, 4, 0, 7, 0, 0, 0])], FOUND],
  ["an address that is cut short", (s) => [answer(s, [6, 0, 5, 0, 203, 0, 0, 0, ...OIF])], {
    ...FOUND,
    index: 7,
  }],
];

for (const [what, answers, expected] of CASES) {
  test(`Ipv4Way.ask() answered by ${what}`, () => {
    const kernel = asking(answers);
    assert.deepEqual(kernel.ask(), expected);
    kernel.close();
  });
}

test("Ipv4Way.ask() asks for the way of one datagram between two addresses", () => {
  const kernel = asking((s) => [answer(s, OIF)]);
  kernel.ask();
  kernel.ask();
  const question = Uint8Array.of(
    ...words(16 + 12 + 16, (1 << 16) | 26, 2, 0),
    ...[2, 32, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[8, 0, 1, 0, 192, 0, 2, 45],
    ...[8, 0, 2, 0, 203, 0, 113, 9],
  );
  assert.deepEqual(kernel.asked(), question);
  kernel.close();
});

test("Ipv4Way.ask() reads no byte behind a message, whatever it is", () => {
  const attributes = fc.uint8Array({ maxLength: 64 });
  fc.assert(
    fc.property(attributes, attributes, (some, junk) => {
      const found = [[], [...junk]].map((behind) => {
        const kernel = asking((s) => [Uint8Array.of(...answer(s, [...some]), ...behind)]);
        const result = kernel.ask();
        kernel.close();
        return result;
      });
      assert.deepEqual(found[0], found[1]);
    }),
    { numRuns: 300 },
  );
});
