import {
  BPF_F_RECOMPUTE_CSUM,
  BPF_FUNC_get_prandom_u32,
  BPF_FUNC_redirect,
  BPF_FUNC_skb_change_tail,
  BPF_FUNC_skb_store_bytes,
  ETH_HLEN,
  SK_BUFF_IFINDEX_AT,
} from "#ffi/linux/mod.ts";
import {
  type Advertisement,
  ADVERTISEMENT_LENGTH,
  writeRouterAdvertisement,
} from "#src/protocol/wire/build.ts";
import { readU16 } from "#src/protocol/wire/bytes.ts";
import { NONCE_LENGTH, ORIGIN_INDICATION } from "#src/protocol/wire/datagram.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  IPV6_LENGTH,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import {
  add,
  call,
  FRAME,
  ifEqual,
  ifNot,
  load,
  network16,
  type Program,
  R0,
  R1,
  R2,
  R3,
  R4,
  R5,
  type Register,
  set,
  store,
  subtract,
  swap,
  xor,
} from "../../bpf/steps.ts";
import { addHalves, addWords, fold } from "../parts.ts";
import {
  IPV4_CHECKSUM_AT,
  IPV4_DESTINATION_AT,
  IPV4_FRAGMENT_AT,
  IPV4_HEADER,
  IPV4_ID_AT,
  IPV4_LENGTH_AT,
  IPV4_PLAIN,
  IPV4_SOURCE_AT,
  IPV4_TTL_AT,
  PROTOCOL_UDP,
  UDP_CHECKSUM_AT,
  UDP_DESTINATION_PORT_AT,
  UDP_LENGTH_AT,
  UDP_SOURCE_PORT_AT,
} from "../wire.ts";
import {
  ADVERTISEMENT_AT,
  ANSWER_AT,
  ANSWER_LENGTH,
  AUTHENTICATION_AT,
  AUTHENTICATION_LENGTH,
  CONTEXT,
  FROM_AT,
  HEADERS,
  HEADERS_AT,
  IPV4_AT,
  PLAIN_FRAME,
  SIZE,
  SOLICITATION_AT,
  SOLICITATION_LENGTH,
  UDP_AT,
} from "./layout.ts";

/** By how much the answer is longer than what it answers. */
const GROWTH = ANSWER_LENGTH - SOLICITATION_LENGTH;
const ICMPV6_CHECKSUM_AT = IPV6_HEADER_LENGTH + 2;
const CONFIRMATION_AT = 4 + NONCE_LENGTH;

/** Offsets of the words in `length` bytes from `at`. */
export const words = (at: number, length: number): readonly number[] =>
  Array.from({ length: length / 4 }, (_, i) => at + 4 * i);

/**
 * Writes the answer to the solicitation on the stack in its place there: what `Solicitations` answers,
 * byte for byte. RFC 4380 §5.3.2
 *
 * @param ttl of datagrams that this host sends
 */
export const writeAnswer = (advertisement: Advertisement, ttl: number): Program => [
  writeOrigin,
  writeAdvertisement(advertisement),
  swapAddresses,
  writeIpv4(ttl),
  writeUdp,
];

/** Obfuscated, as RFC 4380 §5.1.1 has it. */
const writeOrigin: Program = [
  store.half(FRAME, ANSWER_AT, network16(ORIGIN_INDICATION)),
  load.half(R1, FRAME, UDP_AT + UDP_SOURCE_PORT_AT),
  xor(R1, 0xffff),
  store.half(FRAME, ANSWER_AT + 2, R1),
  load.word(R1, FRAME, IPV4_AT + IPV4_SOURCE_AT),
  xor(R1, -1),
  store.word(FRAME, ANSWER_AT + 4, R1),
];

/** All but the destination and what follows from it is the same for everybody. */
function writeAdvertisement(advertisement: Advertisement): Program {
  const bytes = new Uint8Array(ADVERTISEMENT_LENGTH);
  writeRouterAdvertisement(bytes, 0, advertisement, new Uint8Array(IPV6_LENGTH), 0);
  const rest = ~readU16(bytes, ICMPV6_CHECKSUM_AT) & 0xffff;
  const view = new DataView(bytes.buffer);
  const destination = ADVERTISEMENT_AT + DESTINATION_AT;
  return [
    words(0, ADVERTISEMENT_LENGTH).map((at) =>
      store.word(FRAME, ADVERTISEMENT_AT + at, view.getUint32(at, true))
    ),
    [0, 8].map((i) => [
      load.long(R1, FRAME, SOLICITATION_AT + SOURCE_AT + i),
      store.long(FRAME, destination + i, R1),
    ]),
    set(R2, network16(rest)),
    addWords(R2, FRAME, words(destination, IPV6_LENGTH)),
    finish(R2),
    store.half(FRAME, ADVERTISEMENT_AT + ICMPV6_CHECKSUM_AT, R2),
  ];
}

/** To where it came from. */
const swapAddresses: Program = [
  [R0, R1, R2, R3, R4, R5].map((it, i) => load.half(it, FRAME, HEADERS_AT + 2 * i)),
  [R3, R4, R5, R0, R1, R2].map((it, i) => store.half(FRAME, HEADERS_AT + 2 * i, it)),
  load.word(R1, FRAME, IPV4_AT + IPV4_SOURCE_AT),
  store.word(FRAME, IPV4_AT + IPV4_DESTINATION_AT, R1),
  load.word(R1, FRAME, FROM_AT),
  store.word(FRAME, IPV4_AT + IPV4_SOURCE_AT, R1),
  load.half(R1, FRAME, UDP_AT + UDP_SOURCE_PORT_AT),
  store.half(FRAME, UDP_AT + UDP_DESTINATION_PORT_AT, R1),
  store.half(FRAME, UDP_AT + UDP_SOURCE_PORT_AT, network16(TEREDO_PORT)),
];

/** As the server's sockets send: TOS 0 (RFC 9601 §5), DF 0 (RFC 4380 §5.1.2). */
const writeIpv4 = (ttl: number): Program => [
  store.half(FRAME, IPV4_AT, IPV4_PLAIN),
  set(R1, SIZE),
  add(R1, GROWTH - ETH_HLEN),
  swap(R1, 16),
  store.half(FRAME, IPV4_AT + IPV4_LENGTH_AT, R1),
  call(BPF_FUNC_get_prandom_u32),
  store.half(FRAME, IPV4_AT + IPV4_ID_AT, R0),
  store.half(FRAME, IPV4_AT + IPV4_FRAGMENT_AT, 0),
  store.half(FRAME, IPV4_AT + IPV4_TTL_AT, ttl | (PROTOCOL_UDP << 8)),
  store.half(FRAME, IPV4_AT + IPV4_CHECKSUM_AT, 0),
  set(R2, 0),
  addWords(R2, FRAME, words(IPV4_AT, IPV4_HEADER)),
  finish(R2),
  store.half(FRAME, IPV4_AT + IPV4_CHECKSUM_AT, R2),
];

const writeUdp: Program = [
  // The answer is given without a secret: confirmation 0. RFC 4380 §5.2.2
  store.byte(FRAME, AUTHENTICATION_AT + CONFIRMATION_AT, 0),
  set(R1, SIZE),
  add(R1, GROWTH - ETH_HLEN - IPV4_HEADER),
  swap(R1, 16),
  store.half(FRAME, UDP_AT + UDP_LENGTH_AT, R1),
  store.half(FRAME, UDP_AT + UDP_CHECKSUM_AT, 0),
  sumDatagram(ANSWER_AT, ANSWER_LENGTH),
  finish(R2),
  ifNot(R2, 0, "udp checksum"),
  set(R2, 0xffff), // 0 would be no checksum. RFC 768
  "udp checksum",
  store.half(FRAME, UDP_AT + UDP_CHECKSUM_AT, R2),
];

function finish(sum: Register): Program {
  return [fold(sum, R1), xor(sum, 0xffff)];
}

/** To R2: the sum of the UDP pseudo-header. RFC 768 */
export function sumPseudoHeader(): Program {
  return [
    set(R2, network16(PROTOCOL_UDP)),
    addWords(R2, FRAME, [IPV4_AT + IPV4_SOURCE_AT, IPV4_AT + IPV4_DESTINATION_AT]),
    addHalves(R2, FRAME, [UDP_AT + UDP_LENGTH_AT]),
  ];
}

/**
 * To R2: the sum of pseudo-header, UDP header, authentication header if there is one, and the `length`
 * bytes of the rest at `at` of the stack; not yet folded.
 */
export function sumDatagram(at: number, length: number): Program {
  const even = `even at ${at}`;
  return [
    set(R3, 0),
    addWords(R3, FRAME, words(at, length)),
    fold(R3, R1),
    ifEqual(SIZE, PLAIN_FRAME, even),
    swap(R3, 16), // it comes after an odd number of bytes. RFC 1071 §2 (B)
    even,
    sumPseudoHeader(),
    addWords(R2, FRAME, words(UDP_AT, 8)),
    addWords(R2, FRAME, words(AUTHENTICATION_AT, 16)),
    add(R2, R3),
  ];
}

/**
 * Turns the frame into the answer on the stack and sends it by the interface that it came by; R0 is what
 * the program is to return.
 *
 * @param failed the label to go on at while nothing has been changed
 * @param lost the same later
 */
export const sendAnswer = (failed: string, lost: string): Program => [
  set(R1, CONTEXT),
  set(R2, SIZE),
  add(R2, GROWTH),
  set(R3, 0),
  call(BPF_FUNC_skb_change_tail),
  ifNot(R0, 0, failed),
  storeBytes(0, HEADERS_AT, HEADERS, lost),
  ifEqual(SIZE, PLAIN_FRAME, "no authentication to store"),
  storeBytes(HEADERS, AUTHENTICATION_AT, AUTHENTICATION_LENGTH, lost),
  "no authentication to store",
  set(R2, SIZE),
  subtract(R2, SOLICITATION_LENGTH),
  storeBytes(R2, ANSWER_AT, ANSWER_LENGTH, lost),
  load.word(R1, CONTEXT, SK_BUFF_IFINDEX_AT),
  set(R2, 0),
  call(BPF_FUNC_redirect),
];

/** Copies `length` bytes at `at` of the stack into the frame. */
function storeBytes(offset: Register | number, at: number, length: number, lost: string): Program {
  return [
    offset === R2 ? [] : set(R2, offset),
    set(R1, CONTEXT),
    set(R3, FRAME),
    add(R3, at),
    set(R4, length),
    set(R5, BPF_F_RECOMPUTE_CSUM),
    call(BPF_FUNC_skb_store_bytes),
    ifNot(R0, 0, lost),
  ];
}
