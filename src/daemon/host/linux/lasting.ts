import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import type { LastingFile } from "../mender.ts";

/** sysctl.d(5): the last file by name wins. modules-load.d(5) */
export const LASTING_PATHS: Readonly<Record<LastingFile, string>> = {
  sysctl: "/etc/sysctl.d/99-teredo.conf",
  modules: "/etc/modules-load.d/teredo.conf",
};

/** By it we know a file of ours. */
const MARK = "# Kept by `teredo check --fix --persist`; a file without this line it leaves alone.";

/** See `Mender.keep`. */
export function keep(file: LastingFile, lines: readonly string[]): string | undefined {
  const path = LASTING_PATHS[file];
  try {
    const before = readOurs(path);
    if (before === undefined) return "the file is not one of ours, and is left as it is";
    const kept = before.filter((line) => !lines.some((it) => keyOf(it) === keyOf(line)));
    replace(path, [MARK, ...kept, ...lines, ""].join("\n"));
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "EACCES" ? "that takes root" : message;
  }
}

/** `net.ipv6.conf.all.forwarding`, `tun` */
const keyOf = (line: string) => line.split("=")[0]!.trim();

/** Lines behind the mark; undefined: the file is somebody else's. */
function readOurs(path: string): string[] | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isFile()) return undefined;
  const [first, ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");
  return first === MARK ? lines : undefined;
}

/** In one step: a system that starts meanwhile reads the old file or the new one. */
function replace(path: string, text: string): void {
  // Neither sysctl.d nor modules-load.d reads names that end otherwise than in .conf.
  const other = `${path}.${process.pid}`;
  const fd = openSync(other, "wx", 0o644);
  try {
    writeSync(fd, text);
    renameSync(other, path);
  } catch (error) {
    rmSync(other, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}
