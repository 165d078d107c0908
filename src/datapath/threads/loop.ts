import { createHmac } from "node:crypto";
import type { Libc } from "#ffi/libc.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { makeSipHash } from "#src/protocol/guard/sip_hash.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { FastPathShare } from "../fast_path.ts";
import type { FateOptions } from "../fates/wish.ts";
import type { ServerRules } from "../datapath.ts";
import type { Kernel } from "../kernel.ts";
import type { Legacy } from "../legacy.ts";
import type { Offloads } from "../offloads.ts";
import { PeerQuestions } from "../peers/questions.ts";
import { Tape } from "../recorder/tape.ts";
import { type RelayDescriptors, RelayLoop } from "../relay_loop.ts";
import { type ServerDescriptors, ServerLoop } from "../server_loop.ts";
import { RulesBlock } from "./rules_block.ts";
import { SharedState } from "./shared.ts";

/** What the main thread hands a datapath thread. Keys come along: all are one process. */
export type ThreadData =
  | {
    readonly role: "relay";
    readonly shared: SharedArrayBuffer;
    /** Of {@link RulesBlock}: what replaces `options`. */
    readonly rules: SharedArrayBuffer;
    readonly fates: FateOptions;
    /** Of {@link Tape}; undefined: nothing is recorded. */
    readonly tape?: SharedArrayBuffer | undefined;
    /** Undefined: no peer is lent to the kernel. */
    readonly fastPath?: FastPathShare | undefined;
    readonly questions: SharedArrayBuffer;
    readonly descriptors: RelayDescriptors;
    readonly interfaceName: string;
    readonly offloads: Offloads;
    readonly queuePatience: Millis;
    readonly options: RelayOptions;
    /** Of the UDP socket; 0: every address. */
    readonly boundAddress: number;
    /** Key of the bubble tokens' SipHash, 16 bytes; one for all workers, any may be answered. */
    readonly key: Uint8Array;
    /** Seed of the peer table's hash. */
    readonly seed: number;
    /** Which worker this is, from 0, and of how many. */
    readonly share: readonly [worker: number, workers: number];
    /** Of all workers of the relay that ran before. */
    readonly legacy?: Legacy | undefined;
  }
  | {
    readonly role: "server";
    readonly shared: SharedArrayBuffer;
    /** Of {@link RulesBlock}: what replaces `options`. */
    readonly rules: SharedArrayBuffer;
    readonly fates: FateOptions;
    /** Of {@link Tape}; undefined: nothing is recorded. */
    readonly tape?: SharedArrayBuffer | undefined;
    readonly descriptors: ServerDescriptors;
    readonly options: ServerRules;
    /** Two random words: the key of the limits' hash. */
    readonly seeds: readonly [number, number];
  };

/** What a thread says first. A relay's says its `Legacy` last. */
export interface Ready {
  readonly ready: true;
  /** Of `Kernel.nameOfThread`. */
  readonly thread: string | undefined;
}

/** The loop of one role, with `libc` and memory of the thread that is to run it. */
export function makeLoop(
  kernel: Kernel,
  libc: Libc,
  data: ThreadData,
  clock: () => Millis,
): RelayLoop | ServerLoop {
  const shared = new SharedState(data.shared);
  const tape = data.tape && new Tape(data.tape);
  return data.role === "relay"
    ? new RelayLoop(kernel, libc, shared, data.descriptors, {
      relay: data.options,
      rules: new RulesBlock(data.rules),
      fates: data.fates,
      tape,
      questions: new PeerQuestions(data.questions),
      interfaceName: data.interfaceName,
      offloads: data.offloads,
      queuePatience: data.queuePatience,
      boundAddress: data.boundAddress,
      fastPath: data.fastPath,
      hash: makeSipHash(data.key),
      seed: data.seed,
      share: data.share,
      legacy: data.legacy,
      clock,
    })
    : new ServerLoop(kernel, libc, shared, data.descriptors, {
      server: data.options,
      rules: new RulesBlock(data.rules),
      fates: data.fates,
      tape,
      authenticateBy: (algorithm) => (key, message) =>
        createHmac(algorithm, key).update(message).digest(),
      seeds: data.seeds,
      clock,
    });
}
