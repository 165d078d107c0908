import assert from "node:assert/strict";
import { SyscallError } from "#ffi/errors.ts";
import type { OpenRole } from "#src/datapath/datapath.ts";
import { makeLoop } from "#src/datapath/threads/loop.ts";
import type { Serve, ThreadHooks, WorkerStart } from "#src/datapath/threads/supervise.ts";
import { Counter, type CounterName, type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { StartError } from "#src/errors.ts";
import { fromHex, toHex } from "../protocol/vectors.ts";
import type { Backend } from "./backend.ts";
import type { Datagram, Endpoint } from "./network.ts";
import { Death } from "./transcript.ts";

/** Nothing of a life depends on chance, so that two of them can be compared. */
const KEY = fromHex("000102030405060708090a0b0c0d0e0f");
const SEED = 7;

/** One turn of the world, before the loop waits. What follows from it is looked at before the next. */
export interface Step {
  readonly name: string;
  /** Default: nothing happens. */
  does?(life: Life): void;
  /** What the loop wakes up for, as its transcript calls them; default: nothing, and time passes. */
  readonly wakes?: readonly string[];
  /** How long nothing happens: the loop goes round until then. */
  readonly lasts?: number;
  /** What comes out: numbers, so that a real world can be waited for. Default: 0. */
  readonly datagrams?: number;
  readonly packets?: number;
  /** Given just those. */
  check?(life: Life, out: Out): void;
}

/** What came out of a step, in hexadecimal. */
export interface Out {
  readonly datagrams: readonly Datagram[];
  readonly packets: readonly string[];
}

/** How a role is opened. */
export type OpenLife = (backend: Backend, serve: Serve) => OpenRole;

/**
 * A role from its start to its end, by the program's own code, in one thread and in lock-step with
 * the world: each time its loop waits for something to read, the next step is taken first.
 */
export class Life {
  readonly backend: Backend;
  readonly steps: readonly Step[];
  readonly opened: OpenRole;
  readonly #starts: readonly WorkerStart[];
  readonly #hooks: ThreadHooks;
  #next = 0;
  #dies = false;
  #last: Step | undefined;
  #until = 0;

  /** Opens the role. @throws what that throws */
  constructor(backend: Backend, open: OpenLife, steps: readonly Step[]) {
    let served: readonly [readonly WorkerStart[], ThreadHooks] | undefined;
    this.backend = backend;
    this.steps = steps;
    this.opened = open(backend, (starts, hooks) => {
      served = [starts, hooks];
      return new Promise(() => {});
    });
    for (const line of backend.state()) backend.transcript.note(line);
    void this.opened.start();
    [this.#starts, this.#hooks] = served!;
  }

  get counters(): Counters {
    return this.#starts[0]!.shared.counters;
  }

  count(name: CounterName): number {
    return this.counters[Counter[name]]!;
  }

  drops(reason: keyof typeof Drop): number {
    return this.counters[DROPS_AT + Drop[reason]]!;
  }

  /** Takes all steps, then stops as an operator has it, and looks at the end. */
  live(): void {
    const { backend } = this;
    const [{ data }] = this.#starts as readonly [WorkerStart];
    const known = data.role === "relay" ? { ...data, key: KEY, seed: SEED } : data;
    const { transcript } = backend;
    const loop = makeLoop(backend.kernel, backend.libc, known, () => transcript.now);
    transcript.beforePoll = () => this.#turn();
    try {
      loop.run();
      this.#look();
      this.#hooks.ended();
    } finally {
      transcript.beforePoll = undefined;
    }
  }

  /** As {@link live}, but the process dies after the steps. */
  die(): void {
    try {
      this.#dies = true;
      this.live();
    } catch (error) {
      if (!(error instanceof Death)) throw error;
    }
    this.backend.exit();
  }

  /** Asks for the end, as `Datapath.stop()` does. */
  stop(): void {
    const { transcript } = this.backend;
    const { beforePoll } = transcript;
    // What is asked of the kernel meanwhile is no turn of the loop.
    transcript.beforePoll = undefined;
    this.#hooks.stopping();
    transcript.beforePoll = beforePoll;
    for (const { shared, wake } of this.#starts) {
      shared.requestStop();
      wake.signal();
    }
  }

  #turn(): void {
    const { transcript } = this.backend;
    if (transcript.now < this.#until) {
      transcript.expected = [];
      return;
    }
    this.#look();
    const step = this.steps[this.#next++];
    if (step === undefined && this.#dies) {
      transcript.lifetime = 0;
      throw new Death();
    }
    this.#last = step;
    this.#until = transcript.now + (step?.lasts ?? 0);
    transcript.expected = step === undefined ? ["wake"] : step.wakes ?? [];
    if (step === undefined) this.stop();
    else step.does?.(this);
  }

  /** What the last step came to. */
  #look(): void {
    const { name, datagrams = 0, packets = 0, check } = this.#last ?? { name: "the start" };
    const out = {
      datagrams: this.backend.takeDatagrams(datagrams),
      packets: this.backend.takePackets(packets).map((it) => toHex(it)),
    };
    this.#last = undefined;
    const counts = [out.datagrams.length, out.packets.length];
    assert.deepEqual(counts, [datagrams, packets], `${name}: datagrams and packets`);
    check?.(this, out);
  }
}

/** The whole life: opens, lives, ends, and leaves nothing. */
export function liveThrough(backend: Backend, open: OpenLife, steps: readonly Step[]): Life {
  const before = backend.state();
  const life = new Life(backend, open, steps);
  life.live();
  assertNothingLeft(backend, before);
  return life;
}

export function assertNothingLeft(backend: Backend, before: readonly string[]): void {
  assert.deepEqual(backend.state(), before);
  assert.deepEqual([...backend.transcript.descriptors.open.values()], []);
  assert.deepEqual(backend.faults(), []);
}

/** That a role cannot be opened, for a reason that the operator is told, and that nothing is left. */
export function assertRefused(backend: Backend, open: OpenLife, reason: RegExp): void {
  const before = backend.state();
  assert.throws(() => open(backend, () => assert.fail("it serves")), (error: unknown) => {
    assert.ok(error instanceof StartError || error instanceof SyscallError, String(error));
    assert.match(error.message, reason);
    return true;
  });
  assertNothingLeft(backend, before);
}

/** That a datagram is what is expected, byte for byte. */
export function assertDatagram(
  datagram: Datagram | undefined,
  from: Endpoint,
  to: Endpoint,
  bytes: Uint8Array,
): void {
  assert.ok(datagram !== undefined, "no datagram came");
  const got = { from: datagram.from, to: datagram.to, hex: toHex(datagram.data) };
  assert.deepEqual(got, { from, to, hex: toHex(bytes) });
}
