import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET,
  IPPROTO_RAW,
  SIZEOF_SOCKADDR_IN,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_FAMILY_AT,
} from "#ffi/linux/mod.ts";
import { writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";

const HEADERS_LENGTH = 28;
const UDP = 17;
const MORE_FRAGMENTS = 0x2000;

export interface Ipv4Endpoint {
  readonly address: number;
  readonly port: number;
}

/** Sends UDP datagrams under any IPv4 source. Needs CAP_NET_RAW. */
export class RawIpv4 {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #name: number;
  readonly #packet: number;

  constructor(libc: Libc) {
    this.#libc = libc;
    const fd = libc.call.socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    this.#fd = check(libc, fd, "socket", "AF_INET, SOCK_RAW, IPPROTO_RAW");
    this.#arena = new Arena(libc, 16_384);
    this.#name = this.#arena.take(SIZEOF_SOCKADDR_IN);
    this.#packet = this.#arena.take(2_048);
    this.#arena.u16[(this.#name + SOCKADDR_IN_FAMILY_AT) >> 1] = AF_INET;
  }

  /**
   * @param payload at most 1,472 bytes
   * @param fragment as the first of several, of which the others never come
   * @returns false if the kernel refused it
   */
  send(from: Ipv4Endpoint, to: Ipv4Endpoint, payload: Uint8Array, fragment = false): boolean {
    const { u8 } = this.#arena;
    const at = this.#packet;
    const length = HEADERS_LENGTH + payload.length;
    writeU32(u8, at, 0x45000000 | length);
    writeU32(u8, at + 4, fragment ? MORE_FRAGMENTS : 0); // the kernel numbers it
    writeU32(u8, at + 8, 0x40000000 | (UDP << 16)); // hop limit 64; the kernel adds the checksum
    writeU32(u8, at + 12, from.address);
    writeU32(u8, at + 16, to.address);
    writeU16(u8, at + 20, from.port);
    writeU16(u8, at + 22, to.port);
    writeU16(u8, at + 24, 8 + payload.length);
    writeU16(u8, at + 26, 0); // none: RFC 768 allows it
    u8.set(payload, at + HEADERS_LENGTH);
    writeU32(u8, this.#name + SOCKADDR_IN_ADDR_AT, to.address);
    const name = this.#arena.address(this.#name);
    const packet = this.#arena.address(at);
    return this.#libc.call.sendto(this.#fd, packet, length, 0, name, SIZEOF_SOCKADDR_IN) >= 0;
  }
}
