import assert from "node:assert/strict";
import test from "node:test";
import { formatIpv6, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVER } from "../vectors.ts";
import {
  CLIENT_OPTIONS,
  ClientLab,
  echoReply,
  HOST,
  MAPPED_AT,
  RELAY_AT,
  type Sent,
  SERVER_AT,
} from "./lab.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const checkHost = parseIpv6(HOST)!;

const testsOf = (lab: ClientLab): readonly Sent[] =>
  lab.sentTo(SERVER_AT).filter(({ bytes }) => bytes.length === 56 && bytes[40] === 128);

const nativeOf = (lab: ClientLab) => lab.client.status().native;

/** The host that was named answers the test, through its relay. */
function answer(lab: ClientLab): void {
  lab.receive(echoReply(testsOf(lab).at(-1)!.bytes), RELAY_AT);
}

test("Client checks the host that was named once it is qualified, and every five minutes (RFC 4380 §5.2.9)", () => {
  const lab = new ClientLab({ checkHost }).qualify().live(SECOND);
  assert.deepEqual(testsOf(lab).map(({ bytes }) => formatIpv6(bytes, 24)), [HOST]);
  assert.equal(nativeOf(lab), "unknown");
  answer(lab);
  assert.equal(nativeOf(lab), "ok");
  assert.equal(testsOf(lab.live(5 * MINUTE - 2 * SECOND)).length, 0);
  assert.equal(testsOf(lab.live(2 * SECOND)).length, 1);
});

test("Client.set() has another host checked at once, and the same one not again", () => {
  const lab = new ClientLab({ checkHost, renewals: 1 }).qualify().live(SECOND);
  answer(lab);
  const options = { ...CLIENT_OPTIONS, checkHost, renewals: 1 };
  lab.client.set({ ...options, checkHost: checkHost.slice() }, lab.now, lab.sink);
  assert.deepEqual(testsOf(lab.live(SECOND)), []);
  lab.client.set({ ...options, checkHost: parseIpv6("2001:db8::2")! }, lab.now, lab.sink);
  assert.deepEqual(testsOf(lab.live(SECOND)).map(({ bytes }) => formatIpv6(bytes, 24)), [
    "2001:db8::2",
  ]);
});

test("Client asks nobody whom no operator has named", () => {
  const lab = new ClientLab().qualify();
  assert.equal(testsOf(lab.live(11 * MINUTE)).length, 0);
  assert.equal(nativeOf(lab), "unknown");
});

test("Client checks nothing before a server has answered", () => {
  const lab = new ClientLab({ checkHost }).start();
  assert.equal(testsOf(lab.advance(MINUTE)).length, 0);
});

test("Client says that native hosts are unreachable when the host that was named is silent", () => {
  const lab = new ClientLab({ checkHost }).qualify().live(7 * SECOND);
  assert.equal(testsOf(lab).length, 4);
  assert.equal(nativeOf(lab), "unknown", "the last one may still be answered");
  lab.live(2 * SECOND);
  assert.equal(nativeOf(lab), "unreachable");
  answer(lab.live(5 * MINUTE));
  assert.equal(nativeOf(lab), "ok", "until it answers");
});

test("Client does not take its word for all where another host has just answered", () => {
  const lab = new ClientLab({ checkHost }).qualify().live(SECOND);
  answer(lab);
  lab.live(5 * MINUTE - 2 * SECOND);
  lab.send("2001:db8::2");
  answer(lab);
  lab.live(11 * SECOND);
  assert.equal(nativeOf(lab), "ok");
});

test("Client takes no answer to its check that somebody has made up", () => {
  const lab = new ClientLab({ checkHost }).qualify().live(SECOND);
  const forged = echoReply(testsOf(lab)[0]!.bytes);
  forged[50]! ^= 1;
  lab.receive(forged, RELAY_AT);
  assert.equal(nativeOf(lab), "unknown");
});

test("Client checks again at once by another server, another mapping, and when the host is another", () => {
  const STANDBY = SERVER + 4;
  const other = { address: STANDBY, port: 3_544 };
  const servers = [SERVER, STANDBY].map((primary) => ({ primary, secondary: primary + 1 }));
  const lab = new ClientLab({ checkHost, servers }).qualify().live(SECOND);
  answer(lab);
  const options = { ...CLIENT_OPTIONS, servers, checkHost: parseIpv6("2001:db8::7")! };
  lab.clear().client.set(options, lab.now, lab.sink);
  assert.deepEqual(testsOf(lab.advance(1)).map(({ bytes }) => formatIpv6(bytes, 24)), [
    "2001:db8::7",
  ]);
  answer(lab);
  lab.clear().client.set({ ...options, servers: [servers[1]!] }, lab.now, lab.sink);
  lab.advertise(lab.solicitationTo(STANDBY), MAPPED_AT, STANDBY);
  lab.advance(1);
  assert.ok(lab.sentTo(other).some(({ bytes }) => bytes[40] === 128), "by the other server");
  lab.clear().client.set(CLIENT_OPTIONS, lab.now, lab.sink);
  lab.live(10 * MINUTE);
  assert.equal(testsOf(lab).length, 0, "and no more when nobody is named");
});
