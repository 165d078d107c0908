import assert from "node:assert/strict";
import { EINTR, EPERM } from "#ffi/posix.ts";
import { HOP_LIMIT_AT } from "#src/protocol/wire/ipv6.ts";
import { bubble, concat, icmpv6, packet } from "../protocol/packets.ts";
import { data } from "#test/protocol/relay/lab.ts";
import { toHex } from "../protocol/vectors.ts";
import { assertDatagram, type Life, type Out, type Step } from "./life.ts";
import type { Endpoint } from "./network.ts";
import {
  CLIENT_ADDRESS,
  CLIENT_AT,
  HOST,
  LOST_ADDRESS,
  RELAY_AT,
  SERVER_AT,
  SILENT_ADDRESS,
  STRAY,
  STRAY_PREFIX,
  TUNNEL,
  WAN_ADDRESS,
} from "./scene.ts";

const DOWN = data(HOST, CLIENT_ADDRESS);
const UP = data(CLIENT_ADDRESS, HOST);
/** Until a peer that is silent is given up: four bubbles, two seconds apart. RFC 4380 §5.2.6 */
const PATIENCE = 8_500;

/** A relay's days: peers are found and lost, packets pass, the kernel refuses this and that. */
export function relaySteps({ anyAddress = false, strayIsRouted = false } = {}): Step[] {
  return [
    ...finding(anyAddress),
    ...carrying(),
    ...losing(anyAddress, strayIsRouted),
    ...refusing(),
  ];
}

/** What a TUN's kernel does with a packet that is for another host. RFC 8200 §3 */
export function forwarded(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[HOP_LIMIT_AT]! -= 1;
  return copy;
}

const fromClient = (life: Life, bytes: Uint8Array, from: Endpoint = CLIENT_AT) =>
  life.backend.sendDatagram({ from, to: RELAY_AT, data: bytes.slice() });
const fromHost = (life: Life, bytes: Uint8Array) => life.backend.sendPacket(bytes);

/** Sends of datagrams, whichever call the system has for them. */
const isSend = (given: string) => given.startsWith("udp, {");
const isTunWrite = (given: string) => /^tun, (\d+ pieces, )?\d+ bytes/.test(given);

function unreachable(quoted: Uint8Array): string {
  const body = concat(new Uint8Array(4), quoted.subarray(0, 1_232));
  return toHex(icmpv6(1, WAN_ADDRESS, HOST, body, 64, 3));
}

/** A bubble by way of the client's server, and its source, which only the client learns. */
function tokenIn(out: Out, to: Uint8Array, anyAddress: boolean): Uint8Array {
  const [sent] = out.datagrams;
  const token = sent!.data.slice(8, 24);
  // Whom the kernel has to choose a source for: on the way to itself, it takes the same address.
  const from = anyAddress ? { ...RELAY_AT, address: SERVER_AT.address } : RELAY_AT;
  assertDatagram(sent, from, SERVER_AT, packet(59, token, to, new Uint8Array(0), 0));
  return token;
}

/** RFC 4380 §5.4.1: a packet for a client waits until the client has answered a bubble. */
function finding(anyAddress: boolean): Step[] {
  let token: Uint8Array;
  return [
    {
      name: "a packet for a client that is not known",
      does: (life) => fromHost(life, DOWN),
      wakes: ["tun"],
      datagrams: 1,
      check: (life, out) => {
        token = tokenIn(out, CLIENT_ADDRESS, anyAddress);
        assert.equal(life.count("packets_held"), 1);
      },
    },
    {
      name: "the client's answer",
      does: (life) => fromClient(life, bubble(CLIENT_ADDRESS, token)),
      wakes: ["udp"],
      datagrams: 1,
      check: (_, { datagrams: [sent] }) => assertDatagram(sent, RELAY_AT, CLIENT_AT, DOWN),
    },
  ];
}

function carrying(): Step[] {
  const flows = [1, 2, 3].map((fill) => packet(17, CLIENT_ADDRESS, HOST, flow(fill)));
  const back = [4, 5].map((fill) => packet(17, HOST, CLIENT_ADDRESS, flow(fill)));
  return [
    {
      name: "a packet from the client",
      does: (life) => fromClient(life, UP),
      wakes: ["udp"],
      packets: 1,
      check: (_, { packets }) => assert.deepEqual(packets, [toHex(forwarded(UP))]),
    },
    {
      name: "a packet to the client",
      does: (life) => fromHost(life, DOWN),
      wakes: ["tun"],
      datagrams: 1,
      check: (_, { datagrams: [sent] }) => assertDatagram(sent, RELAY_AT, CLIENT_AT, DOWN),
    },
    {
      name: "several packets of both sides at once",
      does: (life) => {
        flows.forEach((bytes) => fromClient(life, bytes));
        back.forEach((bytes) => fromHost(life, bytes));
      },
      wakes: ["udp", "tun"],
      datagrams: back.length,
      packets: flows.length,
      check: (_, { datagrams, packets }) => {
        back.forEach((bytes, i) => assertDatagram(datagrams[i], RELAY_AT, CLIENT_AT, bytes));
        assert.deepEqual(packets, flows.map((bytes) => toHex(forwarded(bytes))));
      },
    },
    {
      name: "an empty datagram, and one of somebody else's",
      does: (life) => {
        fromClient(life, new Uint8Array(0));
        fromClient(life, UP, SERVER_AT);
      },
      wakes: ["udp"],
      check: (life) =>
        assert.deepEqual([life.drops("Truncated"), life.drops("SourceMismatch")], [1, 1]),
    },
  ];
}

/** A UDP header of a flow of its own, so that nothing is joined to it, and a payload. */
function flow(number: number): Uint8Array {
  const bytes = new Uint8Array(40).fill(number);
  bytes.set([0x10, number, 0x20, number, 0, bytes.length, 0, 0]);
  return bytes;
}

/** ICMPv6 errors. RFC 4443 */
function losing(anyAddress: boolean, strayIsRouted: boolean): Step[] {
  const toSilent = data(HOST, SILENT_ADDRESS);
  const stray = data(HOST, STRAY);
  return [
    {
      name: "a packet for a client that does not answer",
      does: (life) => fromHost(life, toSilent),
      wakes: ["tun"],
      datagrams: 1,
      check: (_, out) => void tokenIn(out, SILENT_ADDRESS, anyAddress),
    },
    {
      name: "the time until it is given up",
      lasts: PATIENCE,
      datagrams: 3,
      packets: 1,
      check: (life, { packets }) => {
        assert.deepEqual(packets, [unreachable(toSilent)]);
        assert.equal(life.count("peers_failed"), 1);
      },
    },
    {
      name: "a packet that is for no client",
      does: (life) => {
        if (!strayIsRouted) life.backend.addRoute(STRAY_PREFIX, TUNNEL);
        fromHost(life, stray);
      },
      wakes: ["tun"],
      packets: 1,
      check: (life, { packets }) => {
        assert.deepEqual(packets, [unreachable(stray)]);
        assert.equal(life.drops("DestinationNotTeredo"), 1);
      },
    },
    {
      name: "a client behind a server that nothing leads to",
      does: (life) => fromHost(life, data(HOST, LOST_ADDRESS)),
      wakes: ["tun"],
      check: (life) => assert.equal(life.drops("SendFailed"), 1),
    },
  ];
}

/** Answers of the kernel that are no answers to a packet. */
function refusing(): Step[] {
  const sentDown: Step = {
    name: "",
    does: (life) => fromHost(life, DOWN),
    wakes: ["tun"],
    datagrams: 1,
    check: (_, { datagrams: [sent] }) => assertDatagram(sent, RELAY_AT, CLIENT_AT, DOWN),
  };
  return [
    {
      name: "a send buffer that is full",
      does: (life) => {
        refuse(life, life.backend.libc.layout.EAGAIN, isSend);
        fromHost(life, DOWN);
      },
      wakes: ["tun"],
    },
    { ...sentDown, name: "room in it, which the socket tells", does: () => {}, wakes: [] },
    {
      ...sentDown,
      name: "a send that is interrupted",
      does: (life) => {
        refuse(life, EINTR, isSend);
        fromHost(life, DOWN);
      },
    },
    {
      name: "a device that stays full",
      does: (life) => {
        refuse(life, life.backend.libc.layout.ENOBUFS, isSend, 4);
        fromHost(life, DOWN);
      },
      wakes: ["tun"],
      lasts: 4,
      check: (life) => assert.equal(life.drops("SendQueueFull"), 1),
    },
    {
      name: "a firewall's verdict",
      does: (life) => {
        refuse(life, EPERM, isSend);
        fromHost(life, DOWN);
      },
      wakes: ["tun"],
      check: (life) => assert.equal(life.drops("SendFailed"), 2),
    },
    {
      name: "no room in the stack for what a client sent",
      does: (life) => {
        refuse(life, life.backend.libc.layout.ENOBUFS, isTunWrite);
        fromClient(life, UP);
      },
      wakes: ["udp"],
      check: (life) => assert.equal(life.drops("TunWriteFailed"), 1),
    },
    {
      name: "a wait that a signal interrupts",
      does: (life) => {
        life.backend.transcript.inject({ call: "poll", errno: EINTR });
        fromHost(life, DOWN);
      },
    },
    { ...sentDown, name: "the wait after it", does: () => {} },
  ];
}

function refuse(life: Life, errno: number, match: (given: string) => boolean, times = 1): void {
  life.backend.transcript.inject({ errno, match, times });
}

/** The last one: what had arrived when the stop was asked for is still carried. */
export const LATE: Step = {
  name: "a packet just before the end",
  does: (life) => {
    fromClient(life, UP);
    life.stop();
  },
  wakes: ["udp", "wake"],
  packets: 1,
  check: (_, { packets }) => assert.deepEqual(packets, [toHex(forwarded(UP))]),
};
