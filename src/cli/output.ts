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
  return {
    isTerminal,
    getColorDepth: () => colours ? COLOURS : NO_COLOURS,
    write: (text) => writeAll(fd, new TextEncoder().encode(text)),
    writeBytes: (bytes) => writeAll(fd, bytes),
  };
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EPIPE") return; // the reader has seen enough, as `head` does
      if (code !== "EAGAIN") throw error;
      sleep(1);
    }
  }
}

/** A full pipe that somebody made nonblocking: wait for its reader. */
function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** `text` in bold where that shows. */
export function bold(output: Output, text: string): string {
  return output.getColorDepth() >= COLOURS ? `\x1b[1m${text}\x1b[22m` : text;
}

/** `text` in red (31), green (32) or yellow (33) where that shows. */
export function coloured(output: Output, colour: 31 | 32 | 33, text: string): string {
  return output.getColorDepth() >= COLOURS ? `\x1b[${colour}m${text}\x1b[39m` : text;
}
