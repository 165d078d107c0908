import type { BsdLayout } from "#ffi/bsd/layout.ts";
import { BSD_PLATFORMS } from "#ffi/bsd/platforms.ts";
import { bsdKernel } from "#src/datapath/bsd/kernel.ts";
import type { OpenRole } from "#src/datapath/datapath.ts";
import type { Kernel } from "#src/datapath/kernel.ts";
import { makeLoop } from "#src/datapath/threads/loop.ts";
import { openRelay, type RelayStart } from "#src/datapath/start/relay.ts";
import { openServer, type ServerStart } from "#src/datapath/start/server.ts";
import type { Serve } from "#src/datapath/threads/supervise.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { PaperKernel } from "../kernel.ts";
import { PaperLibc } from "../libc.ts";
import type { BsdMachine } from "./machine.ts";

/** Of a machine as it comes: 192.0.2.1 and 192.0.2.2. */
export const HOST_IPV4 = 0xc000_0201;
export const HOST_IPV4_SECOND = 0xc000_0202;

const PLATFORMS = {
  "FreeBSD": "freebsd",
  "OpenBSD": "openbsd",
  "NetBSD": "netbsd",
  "DragonFly BSD": "dragonfly",
} as const;

/** A libc of paper that the program takes for the real one: it goes by the numbers of `ffi/bsd/`. */
export class BsdLibc extends PaperLibc {
  override readonly layout: BsdLayout;

  readonly #machine: BsdMachine;

  constructor(machine: BsdMachine, kernel: PaperKernel) {
    super(kernel);
    this.#machine = machine;
    this.layout = BSD_PLATFORMS[PLATFORMS[machine.name]]!.layout as BsdLayout;
  }

  override get faults(): readonly string[] {
    return [...super.faults, ...this.#machine.fatalities];
  }
}

/** A process on a machine of paper. */
export class BsdProcess {
  readonly machine: BsdMachine;
  readonly kernel: PaperKernel;
  readonly libc: BsdLibc;
  readonly ways: Kernel;

  constructor(machine: BsdMachine) {
    this.machine = machine;
    this.kernel = new PaperKernel(machine, machine.world);
    this.libc = new BsdLibc(machine, this.kernel);
    this.ways = bsdKernel(this.libc, this.libc.run);
  }

  /** Serves in this thread until `steps` are used up: each runs before a wait for input. */
  serve(steps: Iterable<void>): Serve {
    const waiting = steps[Symbol.iterator]();
    return ([start], hooks) => {
      const loop = makeLoop(this.ways, this.libc, start!.data, () => this.libc.transcript.now);
      this.libc.transcript.beforePoll = () => {
        if (waiting.next().done === true) start!.shared.requestStop();
      };
      loop.run();
      this.libc.transcript.beforePoll = undefined;
      hooks.stopping();
      hooks.ended();
      return Promise.resolve({ counters: () => start!.shared.counters } as never);
    };
  }

  openRelay(over: Partial<RelayStart> = {}, steps: Iterable<void> = []): OpenRole {
    return openRelay(this.libc, { ...RELAY, ...over }, this.ways, this.serve(steps));
  }

  openServer(over: Partial<ServerStart> = {}, steps: Iterable<void> = []): OpenRole {
    return openServer(this.libc, { ...SERVER, ...over }, this.ways, this.serve(steps));
  }

  /** SIGKILL. */
  kill(): void {
    this.kernel.exit();
  }

  /** setgid(), setuid() as the daemon does once all is open. */
  dropPrivileges(): void {
    this.libc.call.setgroups(0, 0);
    this.libc.call.setgid(65_534);
    this.libc.call.setuid(65_534);
  }

  /** What is open, by kind. */
  get open(): string[] {
    return [...this.kernel.open.values()].map(({ kind }) => kind);
  }
}

const ONE = { count: 1, reason: "one" } as const;

export const RELAY: RelayStart = {
  interfaceName: "teredo",
  bindAddress: 0,
  bindPort: 3545,
  socketBuffer: 8 * 1024 * 1024,
  offloads: true,
  workers: ONE,
  routes: { metric: 10 },
  rules: {
    prefix: SERVICE_PREFIX,
    restricted: false,
    refuseReserved: false,
    ownAddresses: [HOST_IPV4],
    served: undefined,
    maxPeers: 64,
    holdPackets: 8,
    holdBytes: 8 * 1280,
    holdAge: 60_000,
    holdMemory: 64 * 1280,
    mtu: 1280,
    icmpRate: 100,
    icmpBurst: 100,
    challengeRate: 100,
    newPeerRate: 0,
    bubbleRate: 0,
    addressBubbleRate: 0,
  },
};

export const SERVER: ServerStart = {
  bindAddress: HOST_IPV4,
  bindAddress2: HOST_IPV4_SECOND,
  socketBuffer: 256 * 1024,
  workers: ONE,
  rules: {
    algorithm: "sha1",
    prefix: SERVICE_PREFIX,
    serverAddress: HOST_IPV4,
    secondaryAddress: HOST_IPV4_SECOND,
    ownAddresses: [HOST_IPV4, HOST_IPV4_SECOND],
    mtu: 1280,
    refuseReserved: false,
    requireAuthentication: false,
    secrets: [],
    solicitationRate: 0,
    solicitationBurst: 0,
    forwardRate: 0,
    icmpMaxLength: 88,
  },
};
