import type { Run } from "#src/segments/run.ts";

/**
 * One queue of a TUN interface: every read gives and every write takes one whole IPv6 packet, or,
 * with offloads, a super-packet: many segments under one header.
 *
 * The fields describe the packet last read.
 */
export interface TunQueue {
  /** The interface's, as the kernel has it. */
  readonly name: string;
  /** Payload of each segment but the last; 0: it is no super-packet. */
  readonly segmentSize: number;
  /** Next header of what is segmented: TCP or UDP; 0: of no super-packet. */
  readonly transport: number;
  /** Whether its checksum is only that of the pseudo-header. */
  readonly needsChecksum: boolean;
  /** Offset of the transport header. */
  readonly checksumStart: number;
  /** Offset of the checksum field from there. */
  readonly checksumOffset: number;

  /**
   * Reads one packet to offset `at` of the arena, a multiple of 4 with 10 free bytes before it; what
   * exceeds the slot is cut off.
   *
   * @returns its length; 0 when none waits; a negative errno once the interface is gone
   */
  read(at: number): number;

  /**
   * Hands the packet of `length` bytes at offset `at` of the arena, with 10 bytes before it, to the
   * kernel.
   *
   * @returns `length`; anything else when the kernel did not take it
   */
  write(at: number, length: number): number;

  /**
   * Hands a run of two or more segments over as one super-packet, whose pieces stay where they are.
   * The kernel completes the checksum of each segment where it must. Only there where TUN has
   * offloads: `Offloads.tun`.
   *
   * @returns `run.length`; anything else when the kernel did not take it
   */
  writeRun?(run: Run): number;
}
