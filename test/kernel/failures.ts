import assert from "node:assert/strict";
import { SyscallError } from "#ffi/errors.ts";
import { StartError } from "#src/errors.ts";
import type { Backend } from "./backend.ts";
import { assertNothingLeft, Life, liveThrough, type OpenLife, type Step } from "./life.ts";
import { Death } from "./transcript.ts";

/** What a start came to of which one call failed. */
export interface Failure {
  /** The call, as in the transcript. */
  readonly line: string;
  /** What the operator is told; undefined: it opened all the same. */
  readonly message: string | undefined;
}

const serveNothing = () => assert.fail("it serves");

/** Calls that a role makes to open, on a host where nothing is in the way. */
export function callsToOpen(backend: Backend, open: OpenLife): number {
  const opened = open(backend, serveNothing);
  const { calls } = backend.transcript;
  opened.close();
  return calls;
}

/**
 * Opens a role once for each call that it makes for that, which then fails. Either the operator is
 * told, and nothing is left; or it can do without, and then nothing is left when it is closed.
 *
 * @param make a new host for each
 */
export function failEachCall(make: () => Backend, open: OpenLife, errno: number): Failure[] {
  const count = callsToOpen(make(), open);
  return Array.from({ length: count }, (_, i) => {
    const backend = make();
    const before = backend.state();
    backend.transcript.inject({ errno, after: i });
    const message = messageOf(backend, open);
    assertNothingLeft(backend, before);
    const [line] = backend.transcript.injected;
    assert.ok(line !== undefined, `call ${i} was not made`);
    return { line, message };
  });
}

function messageOf(backend: Backend, open: OpenLife): string | undefined {
  try {
    open(backend, serveNothing).close();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof StartError || error instanceof SyscallError, String(error));
    return error.message;
  }
}

/**
 * Kills a process before each of the calls that it makes to open a role, and lets the next one live
 * to its end on what the first has left.
 */
export function dieAtEachCall(make: () => Backend, open: OpenLife, steps: readonly Step[]): void {
  const count = callsToOpen(make(), open);
  for (let i = 0; i < count; i++) {
    const backend = make();
    const before = backend.state();
    backend.transcript.lifetime = i;
    assert.throws(() => open(backend, serveNothing), Death);
    backend.exit();
    liveThrough(backend, open, steps);
    assert.deepEqual(backend.state(), before);
  }
}

/**
 * The same for each call from the start to the end of a life in which nothing happens. Whatever
 * becomes of it, nothing is left once all is closed.
 *
 * @returns how many
 */
export function failEachCallToTheEnd(make: () => Backend, open: OpenLife, errno: number): number {
  const first = callsToOpen(make(), open);
  const whole = make();
  liveThrough(whole, open, []);
  for (let i = first; i < whole.transcript.calls; i++) {
    const backend = make();
    const before = backend.state();
    const life = new Life(backend, open, []);
    backend.transcript.inject({ errno, after: i - first });
    try {
      life.live();
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      life.opened.close(); // as whoever started it does
    }
    assertNothingLeft(backend, before);
  }
  return whole.transcript.calls - first;
}
