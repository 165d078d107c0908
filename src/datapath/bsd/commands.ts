import { spawnSync } from "node:child_process";
import { StartError } from "#src/errors.ts";
import type { Millis } from "#src/protocol/time.ts";

/** What a command has said and how it ended. */
export interface Ran {
  /** Exit status; -1 when it could not be started, was killed, or took too long. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command, its path first, and waits for its end. Never throws.
 *
 * @param patience how long it may take; default: 10 s
 */
export type Run = (argv: readonly string[], patience?: Millis) => Ran;

/** These commands change a table of the kernel: they take milliseconds, or something is wrong. */
const TIMEOUT: Millis = 10_000;
/** Of what one says, in bytes: the interfaces of a large router. */
const MAX_OUTPUT = 1024 * 1024;

/** Without a shell, and with messages that are not translated. */
export const runCommand: Run = ([path, ...args], patience = TIMEOUT) => {
  try {
    const ran = spawnSync(path!, args, {
      cwd: "/",
      encoding: "utf8",
      env: { LC_ALL: "C", PATH: "/sbin:/usr/sbin:/bin:/usr/bin" },
      killSignal: "SIGKILL",
      maxBuffer: MAX_OUTPUT,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: patience,
    });
    return {
      status: ran.status ?? -1,
      stdout: ran.stdout ?? "",
      stderr: ran.stderr || (ran.error?.message ?? ""),
    };
  } catch (error) {
    return { status: -1, stdout: "", stderr: String(error) };
  }
};

/** Runs a command that has to succeed. @throws StartError with the command and what it said */
export function mustRun(run: Run, argv: readonly string[]): Ran {
  const ran = run(argv);
  if (ran.status === 0) return ran;
  throw commandError(argv, ran);
}

export function commandError(argv: readonly string[], ran: Ran): StartError {
  const said = saidOf(ran);
  const problem = `\`${typed(argv)}\` failed: ${said}`;
  return /not permitted|permission denied|must be root/i.test(said)
    ? new StartError(problem, "start as root")
    : new StartError(problem);
}

/** As an operator types it: without the folder of the command. */
export function typed([path, ...args]: readonly string[]): string {
  return [path!.slice(path!.lastIndexOf("/") + 1), ...args].join(" ");
}

/** route(8) says why on standard output. */
function saidOf({ status, stdout, stderr }: Ran): string {
  const lines = `${stderr}\n${stdout}`.split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.length === 0 ? `status ${status}` : lines.join("; ");
}
