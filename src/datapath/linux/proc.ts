import { readdirSync, readFileSync } from "node:fs";

/**
 * Readers of /proc that never fail: processes end while they are looked at, and those of others
 * cannot be read. proc(5)
 */

/** What a file says; nothing when it cannot be read. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The names in a folder; none when it cannot be read. */
export function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function processes(): string[] {
  return entriesOf("/proc").filter((entry) => /^\d+$/.test(entry));
}

/** Names of all programs that run, each cut to 15 bytes by the kernel. */
export function commandNames(): ReadonlySet<string> {
  return new Set(processes().map((pid) => textOf(`/proc/${pid}/comm`).trim()));
}

export interface Holder {
  readonly pid: number;
  /** Of the program, cut to 15 bytes by the kernel. */
  readonly name: string;
}

/**
 * The first process with a descriptor that is looked for; undefined when none can be seen, as from
 * another PID namespace.
 *
 * @param folder `fd` or `fdinfo`
 * @param isWanted is given the path of each entry in it
 */
export function findHolder(
  folder: "fd" | "fdinfo",
  isWanted: (path: string) => boolean,
): Holder | undefined {
  for (const pid of processes()) {
    const descriptors = `/proc/${pid}/${folder}`;
    if (entriesOf(descriptors).some((entry) => isWanted(`${descriptors}/${entry}`))) {
      return { pid: Number(pid), name: textOf(`/proc/${pid}/comm`).trim() };
    }
  }
  return undefined;
}
