import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import { errnoName } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import type { SandboxState } from "#src/status/snapshot.ts";
import type { Sandbox, SandboxNeeds } from "../contract.ts";
import { withoutLayers } from "../none.ts";

const ARENA = 64 * 1024;

/** Programs and libraries: those of the runtime, and ifconfig(8) and route(8), which set up interfaces. */
const PROGRAMS = ["/bin", "/sbin", "/usr"];
const READ = ["/var/run/ld.so.hints", "/etc/localtime", "/etc/malloc.conf", "/dev/urandom"];

/** A path, and what may still be done with what is there: letters of unveil(2). */
export type Unveiled = readonly [path: string, permissions: string];

/**
 * OpenBSD's: unveil(2), which leaves a process some paths. Not pledge(2): under none of its promises may a
 * process ask whether IPv6 is forwarded, which readiness asks, nor set up an interface.
 */
export class OpenBsdSandbox implements Sandbox {
  readonly #libc: Libc;
  readonly #needs: SandboxNeeds;
  state: SandboxState;
  readonly leaves: readonly string[] = [];

  constructor(libc: Libc, needs: SandboxNeeds) {
    this.#libc = libc;
    this.#needs = needs;
    this.state = { mode: needs.mode, layers: [], violations: 0 };
  }

  begin(): void {}

  enter(): void {
    const note = this.#problem();
    const layer = { name: "unveil" as const, holds: note === undefined, ...(note && { note }) };
    const others = withoutLayers("OpenBSD has others, and nobody has tried pledge(2)");
    this.state = { ...this.state, layers: [layer, ...others] };
  }

  /** Why it was left; undefined: it holds. */
  #problem(): string | undefined {
    const { mode, chroot } = this.#needs;
    if (mode === "log") return "`sandbox = log` takes nothing away";
    if (chroot !== undefined) return "`chroot` leaves less";
    const arena = new Arena(this.#libc, ARENA);
    const text = (it: string) => arena.address(arena.cString(it));
    try {
      for (const [path, permissions] of unveiledFor(this.#needs)) {
        // A path that is not there is of no use.
        this.#libc.call.unveil(text(path), text(permissions));
      }
      if (this.#libc.call.unveil(0, 0) === 0) return undefined;
      return `unveil: ${errnoName(this.#libc.layout, this.#libc.errno())}`;
    } finally {
      arena.close();
    }
  }
}

/** What a daemon may still do with paths. */
export function unveiledFor({ folder, removes, rereads, devices }: SandboxNeeds): Unveiled[] {
  return [
    ...[...PROGRAMS, dirname(process.execPath)].map((path) => [path, "rx"] as const),
    ...READ.map((path) => [path, "r"] as const),
    ["/dev/null", "rw"],
    ...devices.map((name) => [`/dev/${name}`, "rw"] as const),
    ...rereads.flatMap(foldersOf).map((path) => [path, "r"] as const),
    [folder.path, "rwc"],
    ...removes.map((path) => [path, "rwc"] as const),
  ];
}

/** An editor puts another file in the place of an old one: the folder counts, and that of a link's target. */
function foldersOf(path: string): string[] {
  const folders = [path, real(path)].map(dirname).map((it) => it === "/etc" ? undefined : it);
  return [...new Set(folders.map((it) => it ?? path))];
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
