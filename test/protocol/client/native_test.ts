import assert from "node:assert/strict";
import test from "node:test";
import { NativeWatch } from "#src/protocol/client/servers/native_watch.ts";
import { Drop } from "#src/protocol/drops.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { serverAddressOf } from "#src/protocol/wire/teredo_address.ts";
import { icmpv6 } from "../packets.ts";
import { SERVER } from "../vectors.ts";
import {
  assertDrop,
  CLIENT_OPTIONS,
  ClientLab,
  data,
  echoReply,
  type End,
  endOf,
  HOST,
  MAPPED_AT,
  RELAY_AT,
  type Sent,
  SERVER_AT,
} from "./lab.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const STANDBY = SERVER + 4;
const servers = [SERVER, STANDBY].map((primary) => ({ primary, secondary: primary + 1 }));
const OTHERS = ["2001:db8::2", "2001:db8::3", "2001:db8::4"];

const nativeOf = (lab: ClientLab) => lab.client.status().native;
const isTest = ({ bytes }: Sent) => bytes.length === 56 && bytes[40] === 128;
const testsOf = (lab: ClientLab) => lab.sentTo(SERVER_AT).filter(isTest);

/** Time passes, and every server answers what it is asked. */
function live(lab: ClientLab, milliseconds: number, mapped: End = MAPPED_AT): ClientLab {
  for (const end = lab.now + milliseconds; lab.now < end;) {
    lab.advance(100);
    for (const sent of lab.sent) {
      const primary = [SERVER, STANDBY].find((it) =>
        sent.to === endOf({ address: it, port: 3_544 })
      );
      if (primary !== undefined && sent.bytes[1] === 1) lab.advertise(sent, mapped, primary);
    }
  }
  return lab;
}

/** The test that was sent last is answered, through a relay. */
function answer(lab: ClientLab): void {
  assertDrop(lab.receive(echoReply(testsOf(lab).at(-1)!.bytes), RELAY_AT), Drop.None);
}

function withHost(): ClientLab {
  const lab = new ClientLab().qualify();
  lab.send(HOST);
  answer(lab);
  assert.equal(nativeOf(lab), "ok");
  return lab;
}

test("Client leaves a server by way of which the host that was named has never answered (RFC 4380 §5.2.9)", () => {
  const lab = new ClientLab({ servers, checkHost: parseIpv6(HOST)! }).start();
  lab.advertise(lab.sent[0]!);
  live(lab, 10 * SECOND);
  assert.equal(nativeOf(lab), "unreachable");
  assert.equal(serverAddressOf(lab.address, 0), SERVER, "less than a minute after the last change");
  live(lab, 6 * MINUTE);
  assert.equal(serverAddressOf(lab.address, 0), STANDBY);
});

test("NativeWatch.checkedHostSilent() says so each time, as there may be nobody better yet", () => {
  const watch = new NativeWatch();
  for (let now = 0; now < 3; now++) {
    assert.ok(watch.checkedHostSilent(now));
    assert.ok(watch.believe(now));
  }
  watch.answered(3);
  assert.ok(!watch.checkedHostSilent(60_003));
  assert.ok(watch.checkedHostSilent(60_004));
});

/** What a router on the way says of the last test. */
function refuse(lab: ClientLab, type: number, code: number): void {
  const body = new Uint8Array(4 + 56);
  body.set(testsOf(lab).at(-1)!.bytes, 4);
  const error = icmpv6(type, "2001:db8:7::1", lab.address, body, 64, code);
  assertDrop(lab.receive(error, RELAY_AT), Drop.None);
}

const refusals = [
  { what: "no route to destination", type: 1, code: 0, native: "unreachable" },
  { what: "administratively prohibited", type: 1, code: 1, native: "ok" },
  { what: "address unreachable", type: 1, code: 3, native: "ok" },
  { what: "hop limit exceeded", type: 3, code: 0, native: "ok" },
];
for (const { what, type, code, native } of refusals) {
  test(`Client takes native hosts for ${native} when a relay brings "${what}" of three (C-41)`, () => {
    const lab = new ClientLab().qualify();
    for (const host of OTHERS) {
      lab.send(host);
      refuse(lab, type, code);
      assert.equal(lab.sentTo("icmpv6").length, 1, "who sent the packet is told all the same");
    }
    assert.equal(nativeOf(lab), native);
  });
}

/** Three hosts are switched off, while packets of another one come all the time. */
function missThree(lab: ClientLab): Sent[] {
  for (const host of OTHERS) lab.send(host);
  const sent: Sent[] = [];
  for (let i = 0; i < 90; i++) {
    lab.live(100);
    sent.push(...lab.sent);
    lab.receive(data(HOST, lab.address), RELAY_AT);
  }
  return sent;
}

test("Client tests whose packets come before it says that native hosts are unreachable (RFC 4380 §5.2.9)", () => {
  const lab = withHost();
  lab.live(MINUTE);
  const isHosts = (sent: Sent) => isTest(sent) && sent.bytes.subarray(24, 40).join() === hostBytes;
  const hostBytes = parseIpv6(HOST)!.join();
  const [asked, ...more] = missThree(lab).filter(isHosts);
  assert.deepEqual(more, []);
  assert.equal(nativeOf(lab), "ok", "its answer may still come");
  lab.receive(echoReply(asked!.bytes), RELAY_AT);
  lab.live(11 * SECOND);
  for (const host of OTHERS.slice(1)) lab.send(host);
  lab.live(9 * SECOND);
  assert.equal(nativeOf(lab), "ok", "the three are switched off");
});

test("Client says that native hosts are unreachable when whose packets come leaves its test unanswered", () => {
  const lab = withHost();
  lab.live(MINUTE);
  missThree(lab);
  lab.live(11 * SECOND);
  missThree(lab);
  assert.equal(nativeOf(lab), "unreachable");
});

test("Client knows nothing of native hosts once it has another mapping, and what it knew as long as it has this (C-51)", () => {
  const renewed = withHost();
  // As a reload and a wake-up ask: of whom packets come nobody would be tested again.
  renewed.client.set(CLIENT_OPTIONS, renewed.now, renewed.sink);
  live(renewed, 31 * SECOND);
  assert.equal(nativeOf(renewed), "ok");
  const mapped = live(withHost(), 31 * SECOND, { ...MAPPED_AT, port: 41_000 });
  assert.equal(nativeOf(mapped), "unknown");
});
