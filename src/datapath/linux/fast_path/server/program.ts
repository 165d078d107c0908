import {
  BPF_FUNC_map_lookup_elem,
  BPF_FUNC_skb_load_bytes,
  TC_ACT_SHOT,
  TCX_NEXT,
} from "#ffi/linux/mod.ts";
import type { ServerOptions } from "#src/protocol/server/contract.ts";
import { ICMPV6_ROUTER_SOLICITATION, ND_HOP_LIMIT } from "#src/protocol/wire/build.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { AUTHENTICATION } from "#src/protocol/wire/datagram.ts";
import { notGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import {
  ALL_ROUTERS,
  DESTINATION_AT,
  HOP_LIMIT_AT,
  IPV6_HEADER_LENGTH,
  IPV6_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { layOut } from "../../bpf/assemble.ts";
import {
  add,
  and,
  call,
  exit,
  FRAME,
  goTo,
  ifAnyBit,
  ifEqual,
  ifEqual32,
  ifNot,
  ifNot32,
  load,
  loadMap,
  loadMapValue,
  network16,
  network32,
  type Program,
  R0,
  R1,
  R2,
  R3,
  R4,
  type Register,
  set,
  store,
  subtract,
  swap,
  xor,
} from "../../bpf/steps.ts";
import { checkOurs, checkWhole, IPV4 } from "../datagram.ts";
import { addHalves, addWords, fold, NOT_OURS, PACKET } from "../parts.ts";
import {
  IPV4_DESTINATION_AT,
  IPV4_HEADER,
  IPV4_SOURCE_AT,
  UDP_CHECKSUM_AT,
  UDP_SOURCE_PORT_AT,
} from "../wire.ts";
import { ifIn } from "./addresses.ts";
import { sendAnswer, sumDatagram, sumPseudoHeader, words, writeAnswer } from "./answer.ts";
import { type Buckets, takeToken } from "./bucket.ts";
import {
  AUTHENTICATION_CELLS,
  cellOf,
  CONE_CELLS,
  LIMITED_CELLS,
  SECONDARY_CELLS,
} from "./counts.ts";
import {
  AUTHENTICATED_FRAME,
  AUTHENTICATION_AT,
  AUTHENTICATION_LENGTH,
  CELL,
  CONTEXT,
  FROM_AT,
  HEADERS,
  HEADERS_AT,
  IPV4_AT,
  KEY_AT,
  PLAIN_FRAME,
  SIZE,
  SOLICITATION_AT,
  SOLICITATION_LENGTH,
  UDP_AT,
} from "./layout.ts";
import { SERVER_REASON_NAMES, type ServerReason } from "./reasons.ts";

/** What the server's program is made for. The numbers stand in its instructions. */
export interface ServerProgramOptions {
  /** Descriptor of the array that says whether anything is answered: one u32, 0 is no. */
  readonly control: number;
  /** Descriptor of the array of `counts.ts`, by processor. */
  readonly counts: number;
  /** Addresses that the sockets are bound to, as datagrams have them. */
  readonly primary: number;
  readonly secondary: number;
  readonly buckets: Buckets;
  /** Broadcast addresses of the subnets that this host is attached to: no client's. */
  readonly broadcasts: readonly number[];
  /** Time to live of datagrams: the host's. */
  readonly ttl: number;
  readonly rules: Pick<
    ServerOptions,
    "prefix" | "serverAddress" | "ownAddresses" | "mtu" | "refuseReserved"
  >;
}

const SOURCE_MAC_AT = 6;

/** The label of a reason: the packet is left alone and counted. */
const leave = (reason: ServerReason): string => `leave ${reason}`;

/**
 * Runs where datagrams come in by an Ethernet interface, and answers the router solicitations that all
 * clients send: without options, identifier or trailers, from an ordinary address. RFC 4380 §5.3.1 case 4,
 * §5.3.2. What it answers, and with what, is what `Server.fromUdp` does; all else is left to it.
 */
export const serverAnswer = (options: ServerProgramOptions): Program =>
  withEnd([
    set(CONTEXT, R1),
    checkOurs(TEREDO_PORT, checkAddress(options)),
    checkOpen(options),
    checkDatagram,
    copyDatagram,
    checkChecksums,
    checkSolicitation,
    checkSource(options),
    classify(options),
    takeToken(options.buckets, "limited", leave("failed")),
    writeAnswer(options.rules, options.ttl),
    sendAnswer(leave("failed"), "lost"),
    set(SIZE, R0),
    set(R1, CELL),
    goTo("count"),
    limited(options.buckets),
    "lost",
    set(R0, TC_ACT_SHOT),
    exit,
  ], options);

/** The slow way would give its source another bucket. */
const limited = ({ rate }: Buckets): Program =>
  rate === 0 ? [] : [
    "limited",
    set(R1, CELL),
    add(R1, LIMITED_CELLS),
    set(SIZE, TC_ACT_SHOT),
    goTo("count"),
  ];

/** The end: of what is left alone, and of what is counted in the cell in R1 and then returns SIZE. */
function withEnd(rules: Program, { counts }: ServerProgramOptions): Program {
  const used = new Set(layOut(rules).steps.map(({ step }) => step.to));
  const left = SERVER_REASON_NAMES.filter((it) => used.has(leave(it)));
  return [
    rules,
    left.map((reason) => [leave(reason), set(R1, cellOf(reason)), goTo("leave")]),
    "leave",
    set(SIZE, TCX_NEXT),
    "count",
    store.word(FRAME, KEY_AT, R1),
    loadMap(R1, counts),
    set(R2, FRAME),
    add(R2, KEY_AT),
    call(BPF_FUNC_map_lookup_elem),
    ifEqual(R0, 0, "counted"),
    load.long(R1, R0, 0), // this processor's own
    add(R1, 1),
    store.long(R0, 0, R1),
    "counted",
    set(R0, SIZE),
    exit,
    NOT_OURS,
    set(R0, TCX_NEXT),
    exit,
  ];
}

/** One of our two addresses. */
const checkAddress = ({ primary, secondary }: ServerProgramOptions): Program => [
  load.word(R2, PACKET, IPV4 + IPV4_DESTINATION_AT),
  ifEqual32(R2, network32(primary), "to us"),
  ifNot32(R2, network32(secondary), NOT_OURS),
  "to us",
];

const checkOpen = ({ control }: ServerProgramOptions): Program => [
  loadMapValue(R1, control, 0),
  load.word(R1, R1, 0),
  ifEqual(R1, 0, leave("paused")),
];

/** One whole datagram and nothing else, of a length that a plain solicitation has. */
const checkDatagram: Program = [
  checkWhole,
  ifEqual(SIZE, PLAIN_FRAME, "of a length"),
  ifNot(SIZE, AUTHENTICATED_FRAME, leave("other")),
  "of a length",
];

/** To the stack, so that headers and packet lie in the same places whatever is between them. */
const copyDatagram: Program = [
  copy(0, HEADERS_AT, HEADERS),
  store.long(FRAME, AUTHENTICATION_AT, 0),
  store.long(FRAME, AUTHENTICATION_AT + 8, 0),
  ifEqual(SIZE, PLAIN_FRAME, "no authentication"),
  copy(HEADERS, AUTHENTICATION_AT, AUTHENTICATION_LENGTH),
  load.word(R2, FRAME, AUTHENTICATION_AT),
  ifNot32(R2, network32(AUTHENTICATION << 16), leave("other")), // neither identifier nor value
  "no authentication",
  set(R2, SIZE),
  subtract(R2, SOLICITATION_LENGTH),
  copy(R2, SOLICITATION_AT, SOLICITATION_LENGTH),
];

function copy(offset: Register | number, at: number, length: number): Program {
  return [
    offset === R2 ? [] : set(R2, offset),
    set(R1, CONTEXT),
    set(R3, FRAME),
    add(R3, at),
    set(R4, length),
    call(BPF_FUNC_skb_load_bytes),
    ifNot(R0, 0, leave("failed")),
  ];
}

/** Of the IPv4 header and of the datagram, whose checksum a guest on this machine may leave unfinished. */
const checkChecksums: Program = [
  set(R2, 0),
  addWords(R2, FRAME, words(IPV4_AT, IPV4_HEADER)),
  fold(R2, R1),
  ifNot(R2, 0xffff, leave("ipv4_checksum")),
  load.half(R4, FRAME, UDP_AT + UDP_CHECKSUM_AT),
  ifEqual(R4, 0, leave("no_checksum")),
  sumPseudoHeader(),
  fold(R2, R1),
  ifEqual(R2, R4, leave("unfinished_checksum")),
  sumDatagram(SOLICITATION_AT, SOLICITATION_LENGTH),
  fold(R2, R1),
  ifNot(R2, 0xffff, leave("checksum")),
];

/** An IPv6 packet with a router solicitation to all routers. RFC 4380 §5.3.1 case 4, RFC 4861 §6.1.1 */
const checkSolicitation: Program = [
  load.byte(R2, FRAME, SOLICITATION_AT),
  and(R2, 0xf0),
  ifNot(R2, 0x60, leave("other")),
  load.half(R2, FRAME, SOLICITATION_AT + PAYLOAD_LENGTH_AT),
  ifNot(R2, network16(SOLICITATION_LENGTH - IPV6_HEADER_LENGTH), leave("other")),
  load.byte(R2, FRAME, SOLICITATION_AT + NEXT_HEADER_AT),
  ifNot(R2, NEXT_HEADER_ICMPV6, leave("other")),
  load.byte(R2, FRAME, SOLICITATION_AT + IPV6_HEADER_LENGTH),
  ifNot(R2, ICMPV6_ROUTER_SOLICITATION, leave("other")),
  load.half(R2, FRAME, SOLICITATION_AT + SOURCE_AT),
  and(R2, network16(0xffc0)),
  ifNot(R2, network16(0xfe80), leave("other")),
  words(0, IPV6_LENGTH).map((i) => [
    load.word(R2, FRAME, SOLICITATION_AT + DESTINATION_AT + i),
    ifNot32(R2, network32(readU32(ALL_ROUTERS, i)), leave("other")),
  ]),
  load.byte(R2, FRAME, SOLICITATION_AT + HOP_LIMIT_AT),
  ifNot(R2, ND_HOP_LIMIT, leave("invalid")),
  load.byte(R2, FRAME, SOLICITATION_AT + IPV6_HEADER_LENGTH + 1),
  ifNot(R2, 0, leave("invalid")),
  // Of the pseudo-header and the message. RFC 8200 §8.1
  set(R2, network16(NEXT_HEADER_ICMPV6)),
  addHalves(R2, FRAME, [SOLICITATION_AT + PAYLOAD_LENGTH_AT]),
  addWords(R2, FRAME, words(SOLICITATION_AT + SOURCE_AT, SOLICITATION_LENGTH - SOURCE_AT)),
  fold(R2, R1),
  ifNot(R2, 0xffff, leave("invalid")),
];

/** Whom an answer may be sent to. RFC 4380 §5.3.1 case 3, §5.3.2 */
const checkSource = ({ rules, broadcasts }: ServerProgramOptions): Program => [
  load.byte(R2, FRAME, HEADERS_AT + SOURCE_MAC_AT),
  ifAnyBit(R2, 1, leave("source")), // a group
  load.half(R2, FRAME, UDP_AT + UDP_SOURCE_PORT_AT),
  ifEqual(R2, 0, leave("source")),
  load.word(R2, FRAME, IPV4_AT + IPV4_SOURCE_AT),
  swap(R2, 32),
  ifIn(
    R2,
    [
      ...notGlobalUnicast(rules.refuseReserved),
      ...[...broadcasts, ...rules.ownAddresses].map((it) => ({ first: it, last: it })),
    ],
    leave("source"),
    "source",
  ),
];

/**
 * What it is counted as, and the address that the answer leaves from: of a client that believes it sits
 * behind a cone NAT, the other one. RFC 4380 §5.3.2
 */
const classify = ({ primary, secondary }: ServerProgramOptions): Program => [
  set(CELL, 0),
  ifEqual(SIZE, PLAIN_FRAME, "plain"),
  set(CELL, AUTHENTICATION_CELLS),
  "plain",
  load.word(R3, FRAME, IPV4_AT + IPV4_DESTINATION_AT),
  load.byte(R2, FRAME, SOLICITATION_AT + SOURCE_AT + 8),
  ifAnyBit(R2, 0x80, "cone"),
  ifEqual32(R3, network32(primary), "classified"),
  add(CELL, SECONDARY_CELLS),
  goTo("classified"),
  "cone",
  add(CELL, CONE_CELLS),
  xor(R3, network32((primary ^ secondary) >>> 0) | 0),
  "classified",
  store.word(FRAME, FROM_AT, R3),
];
