/** A copy of the project to change things in, and a place to run its tests where they harm nothing. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";

export type Outcome = "passed" | "failed" | "timeout";

/** Of a run of tests. */
export interface Ran {
  readonly outcome: Outcome;
  /** The file that was on its way at the end. */
  readonly last: string;
}

/** How much a run may take: a mutant that loops ends by the one, one that waits by the other. */
export interface Limits {
  readonly processorSeconds: number;
  readonly seconds: number;
}

/**
 * A program that has been changed can do anything: it has processes, networks, /run and a folder for
 * temporary files of its own, and so much memory.
 */
const APART = ["--net", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"];
// As test/runtime/namespace.ts does.
APART.push("--time", "--boottime", "86400");
/** What tests that want a namespace of their own look at: this is one. */
const OUTER = { TEREDO_TEST_OUTER_NETNS: readlinkSync("/proc/self/ns/net") };
const MEMORY = 6 << 30;
// Not in the shell's place: process 1 is like no other.
const INSIDE = `ip link set lo up && mount -t tmpfs tmpfs /run && "$@"`;

export class Sandbox {
  readonly #folder: string;
  readonly #temporary: string;

  /** @param folder what is there is taken away first, and at the end */
  constructor(folder: string) {
    this.#folder = resolve(folder);
    this.#temporary = `${this.#folder}.tmp`;
    this[Symbol.dispose]();
    const listed = execFileSync("git", ["ls-files", "-z", "-c", "-o", "--exclude-standard"]);
    for (const path of listed.toString().split("\0")) {
      if (path === "") continue;
      mkdirSync(join(this.#folder, dirname(path)), { recursive: true });
      cpSync(path, join(this.#folder, path), { verbatimSymlinks: true });
    }
    symlinkSync(resolve("node_modules"), join(this.#folder, "node_modules"));
  }

  /** Runs `body` while a file of the copy has another text. */
  with<T>(path: string, text: string, body: () => T): T {
    const file = join(this.#folder, path);
    const before = readFileSync(file);
    writeFileSync(file, text);
    try {
      return body();
    } finally {
      writeFileSync(file, before);
    }
  }

  /** Runs tests until one fails. @param options further ones of `bun test` */
  test(files: readonly string[], limits: Limits, options: readonly string[] = []): Ran {
    rmSync(this.#temporary, { recursive: true, force: true });
    mkdirSync(this.#temporary);
    const command = [process.execPath, "test", "--bail", "--timeout", "600000", ...options];
    const { status, signal, error, stderr } = spawnSync("unshare", [
      ...APART,
      "sh",
      "-c",
      INSIDE,
      "sh",
      "prlimit",
      `--cpu=${limits.processorSeconds}`,
      `--data=${MEMORY}`,
      ...command,
      ...files.map((file) => `./${file}`),
    ], {
      cwd: this.#folder,
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8",
      maxBuffer: 1 << 28,
      env: { ...process.env, NO_COLOR: "1", TMPDIR: this.#temporary, ...OUTER },
      timeout: Math.ceil(limits.seconds * 1_000),
      killSignal: "SIGKILL",
    });
    const last = [...stderr.matchAll(/^(test\/\S+_test\.ts):$/gm)].at(-1)?.[1] ?? files[0]!;
    if (status === 0) return { outcome: "passed", last };
    const timedOut = error !== undefined && "code" in error && error.code === "ETIMEDOUT";
    if ((error !== undefined && !timedOut) || status === 126 || status === 127) {
      throw new Error(`tests cannot be run in ${this.#folder}`, { cause: error });
    }
    // unshare(1) tells of a signal by its own end: those of a limit are SIGXCPU and SIGKILL.
    const byLimit = timedOut || signal !== null || status === 128 + 24 || status === 128 + 9;
    return { outcome: byLimit ? "timeout" : "failed", last };
  }

  /** Whether the compiler takes the copy as it is. */
  compiles(): boolean {
    const build = ["--incremental", "--tsBuildInfoFile", `${this.#folder}.types`];
    return spawnSync("tsc", ["-p", ".", ...build], { cwd: this.#folder }).status === 0;
  }

  /** A file that a test left in the copy. */
  read(path: string): string {
    return readFileSync(join(this.#folder, path), "utf8");
  }

  [Symbol.dispose](): void {
    for (const path of [this.#folder, this.#temporary, `${this.#folder}.types`]) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}
