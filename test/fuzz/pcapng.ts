import assert from "node:assert/strict";

/** One packet of a capture, as a reader finds it. */
export interface ReadPacket {
  readonly interface: number;
  /** Microseconds since 1970. */
  readonly time: number;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly direction: number;
  readonly comment: string | undefined;
}

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const PACKET = 6;

/**
 * Reads a whole file by draft-ietf-opsawg-pcapng, for one section in little-endian order, and knows
 * nothing of who has written it. Throws for all that the draft forbids.
 */
export function readPcapng(file: Uint8Array): { interfaces: number; packets: ReadPacket[] } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const packets: ReadPacket[] = [];
  let interfaces = 0;
  let at = 0;
  for (let block = 0; at < file.length; block++) {
    assert.ok(at + 12 <= file.length, "a block without room for its lengths");
    const type = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    assert.ok(length >= 12 && length % 4 === 0 && at + length <= file.length, "a block's length");
    assert.equal(view.getUint32(at + length - 4, true), length, "the length behind a block");
    assert.equal(type === SECTION, block === 0, "a section begins a file");
    const [body, end] = [at + 8, at + length - 4];
    if (type === SECTION) {
      assert.equal(view.getUint32(body, true), 0x1a2b3c4d);
      readOptions(view, body + 16, end);
    } else if (type === INTERFACE) {
      assert.equal(packets.length, 0);
      interfaces++;
      assert.equal(readOptions(view, body + 8, end).get(9)?.[0], 6, "microseconds");
    } else {
      assert.equal(type, PACKET);
      packets.push(readPacket(view, body, end, interfaces));
    }
    at += length;
  }
  return { interfaces, packets };
}

function readPacket(view: DataView, at: number, end: number, interfaces: number): ReadPacket {
  const of = view.getUint32(at, true);
  assert.ok(of < interfaces, "a packet of no interface");
  const captured = view.getUint32(at + 12, true);
  const length = view.getUint32(at + 16, true);
  const padded = (captured + 3) & ~3;
  assert.ok(at + 20 + padded <= end, "a packet ends behind its block");
  assert.ok(captured <= length, `${captured} bytes of ${length}`);
  const options = readOptions(view, at + 20 + padded, end);
  const flags = options.get(2);
  const comment = options.get(1);
  return {
    interface: of,
    time: view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at + 8, true),
    bytes: bytesAt(view, at + 20, captured),
    length,
    direction: flags === undefined ? 0 : flags[0]! & 3,
    comment: comment && new TextDecoder("utf-8", { fatal: true }).decode(comment),
  };
}

function readOptions(view: DataView, at: number, end: number): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  while (at < end) {
    const code = view.getUint16(at, true);
    const length = view.getUint16(at + 2, true);
    if (code === 0) {
      assert.equal(length, 0);
      assert.equal(at + 4, end, "something behind the last option");
      return options;
    }
    assert.ok(at + 4 + length <= end, "an option ends behind its block");
    options.set(code, bytesAt(view, at + 4, length));
    at += 4 + ((length + 3) & ~3);
  }
  assert.equal(at, end);
  return options;
}

const bytesAt = (view: DataView, at: number, length: number) =>
  new Uint8Array(view.buffer, view.byteOffset + at, length);
