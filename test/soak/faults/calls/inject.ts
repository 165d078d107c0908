import type { Lab } from "#src/demo/lab.ts";
import { until, wait } from "#test/netns/programs.ts";

/** Every third one, the first among them: what is tried again can succeed, and what is done once fails. */
const WHEN = "when=1+3";

/** What a call comes to in place of what it was to do: `error=EPERM`, `retval=1`. */
export type Fate = `error=${string}` | `retval=${number}`;

/** Where packets go by; a kernel answers some calls with none of these. */
export const ERRORS: readonly Fate[] = [
  "error=ENOBUFS",
  "error=EAGAIN",
  "error=EPERM",
  "error=EMSGSIZE",
  "error=ENETUNREACH",
  "error=EINTR",
];

/** Calls that fail the same ways. */
export interface Call {
  /** Several are separated by commas. */
  readonly names: string;
  readonly does: string;
  readonly fates: readonly Fate[];
}

/** As a row of the table names it: `a server's worker's`, and so on. */
export function titleOf(whose: string, { names, does, fates }: Call): string {
  const which = fates.map((it) => it.replace("error=", "").replace("retval=", "short, "));
  return `${whose} \`${names.replaceAll(",", "`, `")}\`, which ${does}: ${which.join("; ")}`;
}

/** Whose calls fail. */
export interface Victim {
  readonly lab: Lab;
  readonly namespace: string;
  readonly pid: number;
  readonly thread: number;
}

const NOTHING = () => Promise.resolve();

/**
 * Has calls of one thread fail, by strace(1): the kernel does nothing of what they ask.
 *
 * @param calls names, several separated by commas
 * @param provoke what has the thread make them; begun when they are watched
 * @returns how many did
 */
export async function inject(
  { lab, namespace, pid, thread }: Victim,
  calls: string,
  fate: Fate,
  seconds: number,
  provoke: () => Promise<unknown> = NOTHING,
): Promise<number> {
  const file = "/run/strace";
  const argv = ["-qq", "-e", `trace=${calls}`, "-e", `inject=${calls}:${fate}:${WHEN}`];
  const tracer = lab.spawn(namespace, ["strace", ...argv, "-o", file, "-p", `${thread}`]);
  await until("strace watches", async () => {
    const status = await lab.sh(namespace, `cat /proc/${pid}/task/${thread}/status`);
    return /^TracerPid:\t[1-9]/m.test(status);
  });
  await Promise.all([wait(1000 * seconds), provoke()]);
  // It lets the thread go on unharmed.
  tracer.kill("SIGINT");
  await tracer.result;
  const { stdout } = await lab.run(namespace, ["grep", "-c", "INJECTED", file]);
  return Number(stdout.trim() || 0);
}
