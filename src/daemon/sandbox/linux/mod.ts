import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS } from "#ffi/linux/mod.ts";
import type { SandboxLayer, SandboxState } from "#src/status/snapshot.ts";
import type { Left } from "./left.ts";
import type { Sandbox, SandboxNeeds } from "../contract.ts";
import { tkills } from "./c_library.ts";
import { daemonCalls } from "./calls.ts";
import {
  capabilityNames,
  CLEAR_AMBIENT,
  keptCapabilities,
  permittedCapabilities,
  setCapabilities,
  shrinkBounding,
} from "./capabilities.ts";
import { filterOf, type Violation } from "./filter.ts";
import { landlockText, landlockVersion, makeRuleset } from "./landlock.ts";
import { prepareLastWords } from "./last_words.ts";
import { grantsFor, leftAtTheEnd } from "./paths.ts";
import { installFilter, ringProblem } from "./seccomp.ts";
import { type Call, EachThread, type Made } from "./threads.ts";

const STANDARD_ERROR = 2;
const FORBID_NEW_PRIVILEGES: Call = ["prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0];

/**
 * A daemon's own walls, on every thread of it. What the kernel does not have, or does not let a process
 * do, is left out and told: no daemon ends for want of it.
 */
export class LinuxSandbox implements Sandbox {
  readonly #libc: Libc;
  readonly #needs: SandboxNeeds;
  readonly #arena: Arena;
  readonly #kept: readonly number[];
  readonly #threads: EachThread | undefined;
  /** Why no thread but this one can be reached. */
  #problem = "";
  /** Descriptor of what Landlock leaves, or why there is none. */
  readonly #ruleset: number | string;
  readonly #landlock: number | string;
  /** Paths that Landlock has it leave at the end. */
  readonly #left: readonly string[];
  /** Has a refused call told by who makes it; undefined: the kernel ends the process. */
  readonly #listen: (() => void) | undefined;
  /** Why system calls cannot be filtered here. */
  readonly #ring: string | undefined;
  readonly #tkills: boolean;
  #bounding: Made | undefined;
  state: SandboxState;
  leaves: readonly string[] = [];

  constructor(libc: Libc, needs: SandboxNeeds, left: Left) {
    this.#libc = libc;
    this.#needs = needs;
    this.#arena = Arena.plain(libc, 4096);
    this.state = { mode: needs.mode, layers: [], violations: left.violations };
    this.#kept = keptCapabilities(needs, permittedCapabilities(), process.getuid!());
    this.#threads = this.#attempt(() => new EachThread(libc));
    this.#landlock = landlockVersion(libc);
    this.#ruleset = this.#makeRuleset();
    this.#left = leftAtTheEnd(needs);
    this.#ring = ringProblem();
    this.#tkills = tkills();
    this.#listen = this.#attempt(() =>
      prepareLastWords(libc, { line: needs.line, log: STANDARD_ERROR, file: left.descriptor })
    );
  }

  begin(): void {
    if (this.#needs.mode !== "auto") return;
    const calls = shrinkBounding(this.#libc, this.#kept);
    if (calls.length > 0) this.#bounding = this.#make(calls);
  }

  enter(helpers: readonly number[]): void {
    const isEnforced = this.#needs.mode === "auto";
    const layers = isEnforced ? this.#giveUp() : this.#keepAll();
    const problem = this.#filter(helpers);
    const seccomp = {
      name: "seccomp" as const,
      holds: isEnforced && problem === undefined,
      note: problem ??
        (isEnforced ? undefined : "`sandbox = log`: the kernel logs, and refuses nothing"),
    };
    this.state = { ...this.state, layers: [...layers, seccomp] };
    if (layers.some(({ name, holds }) => name === "landlock" && holds)) {
      this.leaves = this.#left;
    }
    this.#threads?.close();
    if (typeof this.#ruleset === "number") this.#libc.call.close(this.#ruleset);
  }

  #attempt<T>(make: () => T): T | undefined {
    try {
      return make();
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  }

  #make(calls: readonly Call[]): Made | undefined {
    return this.#attempt(() => this.#threads?.make(calls));
  }

  #makeRuleset(): number | string {
    const version = this.#landlock;
    if (typeof version === "string" || this.#needs.mode !== "auto") return String(version);
    return this.#attempt(() =>
      makeRuleset(this.#libc, version, { grants: grantsFor(this.#needs), ...this.#reach })
    ) ?? this.#problem;
  }

  /** What of other processes stays in reach. */
  get #reach(): { readonly abstract: boolean; readonly signals: boolean } {
    const { notifies, hasHelpers } = this.#needs;
    // They are outside, and may have to be ended.
    return { abstract: notifies?.startsWith("@") === true, signals: hasHelpers };
  }

  /** Where nothing is refused nothing is given up either. */
  #keepAll(): SandboxLayer[] {
    const note = "`sandbox = log` takes nothing away";
    const names = ["capabilities", "no_new_privs", "dumpable", "landlock"] as const;
    return names.map((name) => ({ name, holds: false, note }));
  }

  #giveUp(): SandboxLayer[] {
    const { call } = this.#libc;
    const ruleset = typeof this.#ruleset === "number" ? this.#ruleset : undefined;
    const calls: Call[] = [
      FORBID_NEW_PRIVILEGES,
      CLEAR_AMBIENT,
      setCapabilities(this.#arena, this.#kept),
      ...(ruleset === undefined ? [] : [["landlock_restrict_self", ruleset, 0] as const]),
    ];
    const made = this.#make(calls);
    const dumpable = call.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) === 0;
    return [
      { name: "capabilities", ...this.#capabilities(made) },
      { name: "no_new_privs", ...this.#came(made, 0) },
      { name: "dumpable", holds: dumpable },
      { name: "landlock", ...this.#landlocked(made, calls.length - 1) },
    ];
  }

  #capabilities(made: Made | undefined): Omit<SandboxLayer, "name"> {
    const came = this.#came(made, 2);
    if (!came.holds) return came;
    const kept = this.#kept.length === 0 ? "" : `keeps ${capabilityNames(this.#kept)}`;
    const isBounded = this.#bounding === undefined || this.#bounding.failed.every((it) => it === 0);
    const bounding = isBounded ? "" : "the bounding set stays as it was given: no CAP_SETPCAP";
    const note = [kept, bounding].filter((it) => it !== "").join("; ");
    return { holds: true, note: note === "" ? undefined : note };
  }

  #landlocked(made: Made | undefined, at: number): Omit<SandboxLayer, "name"> {
    if (typeof this.#ruleset === "string") return { holds: false, note: this.#ruleset };
    const came = this.#came(made, at);
    const note = landlockText(this.#landlock as number, this.#reach);
    return came.holds ? { holds: true, note } : came;
  }

  /** Whether a call has done what it was to do, on all threads. */
  #came(made: Made | undefined, at: number): Omit<SandboxLayer, "name"> {
    if (made === undefined) return { holds: false, note: this.#problem };
    const { threads, reached, failed } = made;
    if (reached === threads && failed[at] === 0) return { holds: true };
    return { holds: false, note: `on ${reached - failed[at]!} of ${threads} threads only` };
  }

  #filter(helpers: readonly number[]): string | undefined {
    if (this.#ring !== undefined) return this.#ring;
    const { mode, remakes, reprograms } = this.#needs;
    const violation: Violation = mode === "log"
      ? "log"
      : this.#listen === undefined
      ? "kill"
      : "tell";
    if (violation === "tell") this.#listen?.();
    const self = { pid: process.pid, tkills: this.#tkills };
    const profile = daemonCalls({ ...self, helpers, remakes, reprograms });
    return installFilter(this.#libc, filterOf(profile, violation));
  }
}
