import { randomFillSync } from "node:crypto";
import type { RemoteInfo } from "node:dgram";
import type { Endpoint } from "#src/probe/contract.ts";
import { bind, type Bound, closed } from "#src/probe/sockets.ts";
import type { Millis } from "#src/protocol/time.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";

/** A UDP socket as the measurements use it. */
export interface Wire {
  readonly local: Endpoint;
  /** The bytes are the caller's again when the call returns. */
  send(b: Uint8Array, to: Endpoint): void;
  /** Tells each datagram to `hear`, until what is returned is called. */
  listen(hear: (b: Uint8Array, from: Endpoint) => void): () => void;
  close(): Promise<void>;
}

/** @throws Error when the kernel refuses the socket */
export async function openWire(address: number, port = 0): Promise<Wire> {
  return wireOf(await bind(address, port));
}

export function wireOf({ socket, local }: Bound): Wire {
  return {
    local,
    send(b, { address, port }) {
      socket.send(b.slice(), port, formatIpv4(address), () => {}); // refused is as good as lost
    },
    listen(hear) {
      const on = (b: Uint8Array, { address, port }: RemoteInfo) =>
        hear(b, { address: parseIpv4(address)!, port });
      socket.on("message", on);
      return () => socket.off("message", on);
    },
    close: () => closed(socket),
  };
}

export interface Answer<T> {
  readonly value: T;
  /** Since the last time it was asked. */
  readonly rtt: Millis;
}

/** How long after the first the question is repeated, and when it is given up at last. */
export const PATIENCE: readonly Millis[] = [0, 500, 1_500, 3_000];
/** The last of it, by a timer of its own: after a stop of this process what has come is heard first. */
const LAST: Millis = 100;

/**
 * Asks until something comes that `read` takes for the answer; whatever else comes is passed over.
 *
 * @param ask sends the question; called once for each time of `patience` but the last
 * @returns undefined: no answer within the last of the times
 */
export function ask<T>(
  wire: Wire,
  question: () => void,
  read: (b: Uint8Array, from: Endpoint) => T | undefined,
  patience: readonly Millis[] = PATIENCE,
): Promise<Answer<T> | undefined> {
  return new Promise((resolve) => {
    let askedAt = performance.now();
    const end = (answer: Answer<T> | undefined) => {
      timers.forEach(clearTimeout);
      quiet();
      resolve(answer);
    };
    const quiet = wire.listen((b, from) => {
      const value = read(b, from);
      if (value !== undefined) end({ value, rtt: performance.now() - askedAt });
    });
    const put = () => {
      askedAt = performance.now();
      question();
    };
    const timers = patience.slice(1, -1).map((at) => setTimeout(put, at));
    const last = () => timers.push(setTimeout(() => end(undefined), LAST));
    timers.push(setTimeout(last, Math.max(0, patience.at(-1)! - LAST)));
    put();
  });
}

export function wait(time: Millis): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, time)));
}

/** Bytes that nobody can guess. */
export function randomBytes(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length));
}
