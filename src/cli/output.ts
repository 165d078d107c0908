import { writeSync } from "node:fs";
import { isatty } from "node:tty";

/** Bits of colour: stricli wants at least 4 before it uses any. */
const COLOURS = 4;
const NO_COLOURS = 1;

export interface Output {
  write(text: string): void;
  writeBytes(bytes: Uint8Array): void;
  getColorDepth(): number;
  readonly isTerminal: boolean;
  /** Its reader has seen enough, as `head` does: what is written goes nowhere. */
  readonly isClosed: boolean;
}

/**
 * Standard output or standard error, written before the call returns, so that nothing is lost when
 * the process exits.
 *
 * Colours only on a terminal whose user has not said NO_COLOR (no-color.org).
 */
export function openOutput(fd: 1 | 2, env = process.env): Output {
  const isTerminal = isatty(fd);
  const colours = isTerminal && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  let isClosed = false;
  const writeBytes = (bytes: Uint8Array) => {
    isClosed = isClosed || !writeAll(fd, bytes);
  };
  return {
    isTerminal,
    getColorDepth: () => colours ? COLOURS : NO_COLOURS,
    get isClosed() {
      return isClosed;
    },
    write: (text) => writeBytes(new TextEncoder().encode(text)),
    writeBytes,
  };
}

/** @returns false when the reader is gone */
function writeAll(fd: number, bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EPIPE") return false;
      if (code !== "EAGAIN") throw error;
      sleep(1);
    }
  }
  return true;
}

/** A full pipe that somebody made nonblocking: wait for its reader. */
function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Whether colours show. */
export function isColoured(output: Output): boolean {
  return output.getColorDepth() >= COLOURS;
}

/** `text` in bold where that shows. */
export function bold(output: Output, text: string): string {
  return isColoured(output) ? `\x1b[1m${text}\x1b[22m` : text;
}

/** `text` in red (31), green (32) or yellow (33) where that shows. */
export function coloured(output: Output, colour: 31 | 32 | 33, text: string): string {
  return isColoured(output) ? `\x1b[${colour}m${text}\x1b[39m` : text;
}
