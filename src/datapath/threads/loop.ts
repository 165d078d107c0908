import type { Libc } from "#ffi/libc.ts";
import type { ClientOptions } from "#src/protocol/client/contract.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { makeSipHash } from "#src/protocol/guard/sip_hash.ts";
import type { Millis } from "#src/protocol/time.ts";
import { authenticateBy } from "../authenticate.ts";
import type { FastPathShare } from "../fast_path.ts";
import type { FateOptions } from "../fates/wish.ts";
import { ClientNews, type NewsBuffers } from "../client/news.ts";
import { OTHER_SOCKETS } from "../client/ports.ts";
import type { ClientRules, ServerRules } from "../datapath.ts";
import type { Kernel } from "../kernel.ts";
import type { Legacy } from "../legacy.ts";
import type { Offloads } from "../offloads.ts";
import { PeerQuestions } from "../peers/questions.ts";
import { Tape } from "../recorder/tape.ts";
import { ClientRole } from "../loop/client.ts";
import type { HostOptions } from "../loop/host_rules.ts";
import { RelayRole } from "../loop/relay.ts";
import type { TunnelParts, TunnelRole } from "../loop/role.ts";
import { type ServerDescriptors, ServerLoop } from "../loop/server.ts";
import { type TunnelDescriptors, TunnelLoop } from "../loop/tunnel.ts";
import { SharedValue } from "./shared_value.ts";
import { SharedState } from "./shared.ts";

/** What a thread of any role gets. */
interface CommonData {
  readonly shared: SharedArrayBuffer;
  /** Of {@link SharedValue}: what replaces `options`. */
  readonly rules: SharedArrayBuffer;
  readonly fates: FateOptions;
  /** Of {@link Tape}; undefined: nothing is recorded. */
  readonly tape?: SharedArrayBuffer | undefined;
}

/** What one gets that serves a tunnel. */
interface TunnelData extends CommonData {
  readonly questions: SharedArrayBuffer;
  readonly descriptors: TunnelDescriptors;
  readonly interfaceName: string;
  readonly offloads: Offloads;
  readonly queuePatience: Millis;
  /** Of the UDP socket; 0: every address. */
  readonly boundAddress: number;
  /** Key of the SipHash that makes tokens and nonces, 16 bytes; one for all workers, any may be answered. */
  readonly key: Uint8Array;
  /** Seed of the peer table's hash. */
  readonly seed: number;
}

interface RelayData extends TunnelData {
  readonly role: "relay";
  readonly options: RelayOptions;
  /** Undefined: no peer is lent to the kernel. */
  readonly fastPath?: FastPathShare | undefined;
  /** Which worker this is, from 0, and of how many. */
  readonly share: readonly [worker: number, workers: number];
  /** Of all workers of the relay that ran before. */
  readonly legacy?: Legacy | undefined;
}

interface ClientData extends TunnelData {
  readonly role: "client";
  /** `key` for what it is in place of a client: a relay for its host. */
  readonly relayKey: Uint8Array;
  readonly options: ClientRules;
  /** UDP, in host order. */
  readonly servicePort: number;
  readonly news: NewsBuffers;
  /** Bytes wanted for each of the buffers of a random port's socket. */
  readonly socketBuffer: number;
  /** Of local discovery; undefined: there is none. */
  readonly discovery: number | undefined;
  /** Sockets on random ports that were opened elsewhere; undefined: the thread opens its own. */
  readonly spare: readonly number[] | undefined;
}

interface ServerData extends CommonData {
  readonly role: "server";
  readonly descriptors: ServerDescriptors;
  readonly options: ServerRules;
  /** Two random words: the key of the limits' hash. */
  readonly seeds: readonly [number, number];
}

/** What the main thread hands a datapath thread. Keys come along: all are one process. */
export type ThreadData = RelayData | ServerData | ClientData;

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
): TunnelLoop<RelayRole> | TunnelLoop<ClientRole> | ServerLoop {
  switch (data.role) {
    case "relay":
      return makeRelayLoop(kernel, libc, data, clock);
    case "client":
      return makeClientLoop(kernel, libc, data, clock);
    case "server":
      return makeServerLoop(kernel, libc, data, clock);
  }
}

function makeRelayLoop(
  kernel: Kernel,
  libc: Libc,
  data: RelayData,
  clock: () => Millis,
): TunnelLoop<RelayRole> {
  const replyFromLocal = data.boundAddress === 0;
  return makeTunnelLoop(
    kernel,
    libc,
    data,
    clock,
    replyFromLocal,
    0,
    (parts) =>
      new RelayRole(kernel, parts, {
        relay: data.options,
        rules: new SharedValue(data.rules),
        boundAddress: data.boundAddress,
        fastPath: data.fastPath,
        hash: makeSipHash(data.key),
        seed: data.seed,
        share: data.share,
        legacy: data.legacy,
        clock,
      }),
  );
}

function makeClientLoop(
  kernel: Kernel,
  libc: Libc,
  data: ClientData,
  clock: () => Millis,
): TunnelLoop<ClientRole> {
  const { descriptors, socketBuffer, discovery, spare, servicePort } = data;
  const rules = new SharedValue<ClientRules>(data.rules);
  const optionsFrom = clientOptions(servicePort);
  const ports = {
    service: descriptors.udp,
    address: data.boundAddress,
    buffer: socketBuffer,
    gro: data.offloads.udpGro,
    discovery,
    spare,
  };
  return makeTunnelLoop(
    kernel,
    libc,
    data,
    clock,
    false,
    OTHER_SOCKETS,
    (parts) =>
      new ClientRole(kernel, parts, {
        client: optionsFrom(data.options),
        takeRules: () => {
          const fresh = rules.take();
          return fresh && optionsFrom(fresh);
        },
        ports,
        news: new ClientNews(data.news),
        hashes: { client: makeSipHash(data.key), relay: makeSipHash(data.relayKey) },
        seed: data.seed,
        wall: Date.now,
      }),
  );
}

/** Makes options of rules; an identity that stays the same is the same object. */
export function clientOptions(servicePort: number): (rules: ClientRules) => HostOptions {
  let last: ClientRules["identity"];
  let made: ClientOptions["identity"];
  // JSON leaves out what is undefined.
  return ({ identity, ...rules }) => {
    if (JSON.stringify(identity) !== JSON.stringify(last)) {
      made = identity && { ...identity, authenticate: authenticateBy(identity.algorithm) };
      last = identity;
    }
    return { ...rules, servicePort, identity: made };
  };
}

function makeTunnelLoop<R extends TunnelRole>(
  kernel: Kernel,
  libc: Libc,
  data: TunnelData & { readonly options: { readonly prefix: number } },
  clock: () => Millis,
  replyFromLocal: boolean,
  otherSockets: number,
  makeRole: (parts: TunnelParts) => R,
): TunnelLoop<R> {
  const options = {
    interfaceName: data.interfaceName,
    prefix: data.options.prefix,
    offloads: data.offloads,
    queuePatience: data.queuePatience,
    replyFromLocal,
    otherSockets,
    clock,
    questions: new PeerQuestions(data.questions),
    fates: data.fates,
    tape: data.tape && new Tape(data.tape),
  };
  const shared = new SharedState(data.shared);
  return new TunnelLoop(kernel, libc, shared, data.descriptors, options, makeRole);
}

function makeServerLoop(
  kernel: Kernel,
  libc: Libc,
  data: ServerData,
  clock: () => Millis,
): ServerLoop {
  return new ServerLoop(kernel, libc, new SharedState(data.shared), data.descriptors, {
    server: data.options,
    rules: new SharedValue(data.rules),
    fates: data.fates,
    tape: data.tape && new Tape(data.tape),
    authenticateBy,
    seeds: data.seeds,
    clock,
  });
}
