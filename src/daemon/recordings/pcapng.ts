/** LINKTYPE_RAW: IPv4 or IPv6, told by its first bits. One for all, as readers but Wireshark want it. */
const LINKTYPE_RAW = 101;
const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
/** Type and length before a block's body, the length again behind it. */
const BLOCK_HEAD = 8;
const BLOCK_TAIL = 4;
const WORD = 4;

const Option = {
  End: 0,
  Comment: 1,
  /** Of a section. */
  UserApplication: 4,
  /** Of an interface. */
  Name: 2,
  Description: 3,
  TimeResolution: 9,
  /** Of a packet. */
  Flags: 2,
} as const;

/** Time stamps are in units of 10 to the power of minus this, seconds. */
const MICROSECONDS = 6;
const PER_MILLISECOND = 1_000;

export type Direction = "in" | "out";
/** Of the flags of a packet. */
const DIRECTIONS: Readonly<Record<Direction, number>> = { in: 1, out: 2 };

const encoder = new TextEncoder();

export interface CapturedPacket {
  /** Number of the interface, in the order they were added. */
  readonly interface: number;
  readonly direction: Direction;
  /** Of the wall clock, in ms. */
  readonly time: number;
  /** What there is of it, from its IP header on. */
  readonly bytes: Uint8Array;
  /** Of the whole packet. */
  readonly length: number;
  readonly comment?: Uint8Array | undefined;
}

/**
 * Writes a pcapng file (draft-ietf-opsawg-pcapng) with one section, little-endian, into memory that
 * grows with it.
 */
export class PcapngWriter {
  #bytes = new Uint8Array(65_536);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #blockAt = 0;

  /** @param program that writes it */
  constructor(program: string, comment: string) {
    this.#begin(SECTION_HEADER);
    this.#u32(BYTE_ORDER_MAGIC);
    this.#u16(1); // version 1.0
    this.#u16(0);
    this.#u32(0xffffffff); // of the section's length nothing is said
    this.#u32(0xffffffff);
    this.#option(Option.Comment, encoder.encode(comment));
    this.#option(Option.UserApplication, encoder.encode(program));
    this.#end();
  }

  /** What is written, which is the caller's when nothing more is added. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  addInterface(name: string, description: string): void {
    this.#begin(INTERFACE_DESCRIPTION);
    this.#u16(LINKTYPE_RAW);
    this.#u16(0);
    this.#u32(0); // packets of any length
    this.#option(Option.Name, encoder.encode(name));
    this.#option(Option.Description, encoder.encode(description));
    this.#option(Option.TimeResolution, Uint8Array.of(MICROSECONDS));
    this.#end();
  }

  addPacket({ interface: of, direction, time, bytes, length, comment }: CapturedPacket): void {
    const stamp = Math.round(time * PER_MILLISECOND);
    this.#begin(ENHANCED_PACKET);
    this.#u32(of);
    this.#u32(Math.floor(stamp / 2 ** 32));
    this.#u32(stamp % 2 ** 32);
    this.#u32(bytes.length);
    this.#u32(length);
    this.#padded(bytes);
    if (comment !== undefined) this.#option(Option.Comment, comment);
    this.#room(2 * WORD);
    this.#u16(Option.Flags);
    this.#u16(WORD);
    this.#u32(DIRECTIONS[direction]);
    this.#end();
  }

  #begin(type: number): void {
    this.#room(64);
    this.#blockAt = this.#length;
    this.#u32(type);
    this.#u32(0);
  }

  /** Ends options and block, whose length stands at both ends of it. */
  #end(): void {
    this.#room(WORD + BLOCK_TAIL);
    this.#u32(Option.End);
    const length = this.#length + BLOCK_TAIL - this.#blockAt;
    this.#u32(length);
    this.#view.setUint32(this.#blockAt + BLOCK_HEAD - WORD, length, true);
  }

  #option(code: number, value: Uint8Array): void {
    this.#room(WORD);
    this.#u16(code);
    this.#u16(value.length);
    this.#padded(value);
  }

  #padded(bytes: Uint8Array): void {
    this.#room(bytes.length + WORD);
    this.#bytes.set(bytes, this.#length);
    this.#length += Math.ceil(bytes.length / WORD) * WORD;
  }

  #u16(value: number): void {
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
  }

  #u32(value: number): void {
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** Makes sure that so many bytes fit. */
  #room(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#length + length));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
