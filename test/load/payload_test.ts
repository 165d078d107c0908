import assert from "node:assert/strict";
import test from "node:test";
import { addBytes, finishChecksum } from "#src/protocol/wire/checksum.ts";
import {
  PAYLOAD_LENGTH,
  payloadClient,
  sequenceOf,
  writePayload,
  writeSequence,
} from "./payload.ts";
import { clientIpv6, clientOf, MAX_CLIENTS } from "./plan.ts";

test("writeSequence() changes no checksum", () => {
  const b = new Uint8Array(PAYLOAD_LENGTH);
  writePayload(b, 0, 77);
  const checksum = finishChecksum(addBytes(b, 0, PAYLOAD_LENGTH, 0));
  for (const sequence of [1, 0xffff, 0x10000, 0x12345678, 0xffffffff]) {
    writeSequence(b, 0, sequence);
    assert.equal(finishChecksum(addBytes(b, 0, PAYLOAD_LENGTH, 0)), checksum);
    assert.equal(sequenceOf(b, 0), sequence);
    assert.equal(payloadClient(b, 0), 77);
  }
});

test("sequenceOf() refuses a payload with any bit of mark or number flipped", () => {
  const b = new Uint8Array(PAYLOAD_LENGTH);
  writePayload(b, 0, 1);
  writeSequence(b, 0, 1_000_000);
  for (const at of [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15]) {
    b[at]! ^= 1;
    assert.equal(sequenceOf(b, 0), -1, `byte ${at}`);
    b[at]! ^= 1;
  }
});

test("clientOf() finds each client by its Teredo address, and nobody else", () => {
  for (const client of [0, 1, 255, 256, MAX_CLIENTS - 1]) {
    assert.equal(clientOf(clientIpv6(client), 0, MAX_CLIENTS), client);
  }
  assert.equal(clientOf(clientIpv6(10), 0, 10), -1);
  const elsewhere = clientIpv6(3);
  elsewhere[11]! ^= 1; // mapped port
  assert.equal(clientOf(elsewhere, 0, 10), -1);
});
