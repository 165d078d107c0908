import { spawn } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { constants } from "node:os";
import process from "node:process";
import type { Millis } from "#src/protocol/time.ts";
import { COMMAND_INPUT, COMMAND_OUTPUT } from "./words.ts";

/** Added to the number of a signal, as shells do. */
const SIGNALLED = 128;
/** For a command to end without its tunnel. */
const PATIENCE: Millis = 2_000;
const NETWORK = "ns/net";

/** A command in the namespaces of this process. */
export interface Command {
  /** Resolves when it has ended. */
  readonly status: Promise<number>;
  /** Sends a signal to it, and to all that it has started. */
  tell(signal: NodeJS.Signals): void;
  /** Ends it, if it has not. */
  stop(): Promise<void>;
}

/** Runs it in a shell, with the terminal that the process outside has. */
export function runCommand(command: string): Command {
  const child = spawn("/bin/sh", ["-c", command], {
    stdio: [COMMAND_INPUT, COMMAND_OUTPUT, "inherit"],
  });
  let isOver = false;
  const status = new Promise<number>((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", (status, signal) => resolve(statusFor(status, signal)));
  }).finally(() => isOver = true);
  return {
    status,
    tell: tellOthers,
    stop: async () => {
      if (isOver) return;
      tellOthers("SIGTERM");
      const timer = setTimeout(() => tellOthers("SIGKILL"), PATIENCE);
      await status;
      clearTimeout(timer);
    },
  };
}

/** As a shell tells of a program that has ended. */
export function statusFor(status: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? status ?? 1 : SIGNALLED + constants.signals[signal];
}

/** A shell that is told to end leaves what it has started: all who have this network have it of us. */
function tellOthers(signal: NodeJS.Signals): void {
  const own = readlinkSync(`/proc/self/${NETWORK}`);
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (readlinkSync(`/proc/${pid}/${NETWORK}`) === own) process.kill(pid, signal);
    } catch {
      // It is somebody else's, or has ended.
    }
  }
}
