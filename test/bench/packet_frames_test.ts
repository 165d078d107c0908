import assert from "node:assert/strict";
import test from "node:test";
import { readU16 } from "#src/protocol/wire/bytes.ts";
import { addBytes, finishChecksum, payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  linkBetween,
  NATIVE_HEAD,
  NETWORK_AT,
  TUNNEL_HEAD,
  writeInner,
  writeNativeHead,
  writeTunnelHead,
} from "./packet_frames.ts";

const LINK = linkBetween("02:00:00:00:00:01", "02:00:00:00:00:02");
const [HERE, THERE] = [parseIpv6("2001:db8::1")!, parseIpv6("2001:db8::2")!];
const TUNNEL = {
  source: 0x64400100,
  sourcePort: 3544,
  destination: 0xc6336432,
  destinationPort: 3545,
};

/** Completes the UDP checksum at `udp` as a receiver of a partial one does. */
function complete(b: Uint8Array, udp: number, end: number): number {
  return finishChecksum(addBytes(b, udp, end - udp, 0));
}

test("writeTunnelHead() is right once the kernel has completed it", () => {
  const b = new Uint8Array(256);
  writeInner(b, TUNNEL_HEAD, HERE, THERE, 9, 88);
  writeTunnelHead(b, 0, LINK, TUNNEL, 88, 1);
  assert.equal(finishChecksum(addBytes(b, NETWORK_AT, 20, 0)), 0);
  assert.equal(readU16(b, NETWORK_AT + 2), 20 + 8 + 88);

  const [udp, end] = [NETWORK_AT + 20, TUNNEL_HEAD + 88];
  const sum = complete(b, udp, end);
  b[udp + 6] = sum >> 8;
  b[udp + 7] = sum & 0xff;
  assert.equal(
    finishChecksum(addBytes(b, udp, end - udp, addBytes(b, NETWORK_AT + 12, 8, 17 + 96))),
    0,
  );
});

test("writeNativeHead() is right once the kernel has completed it", () => {
  const b = new Uint8Array(256);
  writeNativeHead(b, 0, LINK, HERE, THERE, 9, 40, 1);
  const udp = NETWORK_AT + 40;
  const sum = complete(b, udp, NATIVE_HEAD + 40);
  b[udp + 6] = sum >> 8;
  b[udp + 7] = sum & 0xff;
  assert.equal(payloadChecksum(b, NETWORK_AT), 0);
});

test("writeInner() has a right checksum, whatever number it carries", () => {
  const b = new Uint8Array(256);
  for (const number of [0, 1, 0xffff_ffff]) {
    writeInner(b, 0, HERE, THERE, 7, 60, number);
    assert.equal(payloadChecksum(b, 0), 0);
  }
});

test("A burst says how long each of its packets is; a single packet says nothing", () => {
  const b = new Uint8Array(256);
  const segmentation = () => [b[1], b[4]! | (b[5]! << 8)];
  writeTunnelHead(b, 0, LINK, TUNNEL, 88, 16);
  assert.deepEqual(segmentation(), [5, 88]);
  assert.equal(readU16(b, NETWORK_AT + 2), 20 + 8 + 16 * 88);
  writeTunnelHead(b, 0, LINK, TUNNEL, 88, 1);
  assert.deepEqual(segmentation(), [0, 0]);
});
