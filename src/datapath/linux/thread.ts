import { closeSync, openSync, readlinkSync, readSync } from "node:fs";
import type { ThreadState, ThreadWitness } from "../threads/hang.ts";
import { textOf } from "./proc.ts";

/** `PID/task/TID` of the thread that calls; undefined without /proc. proc(5) */
export function nameOfThread(): string | undefined {
  try {
    return readlinkSync("/proc/thread-self");
  } catch {
    return undefined;
  }
}

/** Of `/proc/.../stat`: `USER_HZ` has been 100 on every machine that this runs on. times(2) */
const TICK_MS = 10;
const MOST = 1_024;

/** Opened before any chroot, read ever after. @returns undefined without /proc */
export function openThread(name: string): ThreadWitness | undefined {
  let fd: number;
  try {
    fd = openSync(`/proc/${name}/stat`, "r");
  } catch {
    return undefined;
  }
  const buffer = new Uint8Array(MOST);
  return {
    look: () => {
      try {
        return parseStat(
          new TextDecoder().decode(buffer.subarray(0, readSync(fd, buffer, 0, MOST, 0))),
        );
      } catch {
        return undefined; // ESRCH: it has ended
      }
    },
    place: () => textOf(`/proc/${name}/wchan`).replace(/^0$/, ""),
    close: () => closeSync(fd),
  };
}

/** `pid (name) state ppid ... utime stime ...`; the name may have anything in it. proc_pid_stat(5) */
export function parseStat(text: string): ThreadState | undefined {
  const [letter, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(rest[10]) + Number(rest[11]);
  return letter === undefined || Number.isNaN(ticks)
    ? undefined
    : { letter, used: TICK_MS * ticks };
}
