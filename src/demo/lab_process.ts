import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** Lines kept of a process's output; a daemon that chatters does not fill our memory. */
const MAX_LINES = 5_000;

/** Milliseconds in which a program ends on a machine where others work. */
const STOP_PATIENCE = 120_000;

export interface ProcessResult {
  /** Exit status; 128 + signal number is not used: a killed process has -1. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs in one of the lab's namespaces, with its output collected line by line. */
export class LabProcess {
  readonly argv: readonly string[];
  /** Resolves when it has ended and its output is complete. */
  readonly result: Promise<ProcessResult>;
  readonly #child: ChildProcess;
  readonly #stdout: string[] = [];
  readonly #stderr: string[] = [];
  readonly #watchers = new Set<(line: string) => void>();
  #ended = false;

  /** @param wrapper the command that enters the namespaces and then becomes the parent of `argv` */
  constructor(wrapper: readonly string[], argv: readonly string[], input?: string) {
    this.argv = argv;
    const [command, ...rest] = [...wrapper, ...argv];
    // In a session of its own: Ctrl-C at the terminal is for the one who built the lab.
    this.#child = spawn(command!, rest, {
      detached: true,
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    this.#child.stdin?.on("error", () => {}); // it may end before it has read everything
    this.#child.stdin?.end(input);
    this.#collect(this.#child.stdout!, this.#stdout);
    this.#collect(this.#child.stderr!, this.#stderr);
    this.result = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code) => {
        this.#ended = true;
        for (const watch of this.#watchers) watch("");
        resolve({ status: code ?? -1, stdout: join(this.#stdout), stderr: join(this.#stderr) });
      });
    });
    this.result.catch(() => {});
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** What it has printed up to now, both streams. */
  output(): string {
    return join([...this.#stdout, ...this.#stderr]);
  }

  /** Calls `watch` with each line to come; with an empty one at the end. */
  onLine(watch: (line: string) => void): void {
    this.#watchers.add(watch);
  }

  /** The first line, past or to come, that matches. @throws Error when it ends or time runs out */
  async waitForLine(pattern: RegExp, timeout: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const look = (line: string) => {
      if (pattern.test(line)) resolve(line);
      else if (this.#ended) reject(new Error(this.#without(pattern, "ended")));
    };
    const past = [...this.#stdout, ...this.#stderr].find((line) => pattern.test(line));
    if (past !== undefined) return past;
    this.#watchers.add(look);
    if (this.#ended) look("");
    const timer = setTimeout(
      () => reject(new Error(this.#without(pattern, `ran ${timeout} ms`))),
      timeout,
    );
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  #without(pattern: RegExp, how: string): string {
    return `${this.argv.join(" ")} ${how} without a line like ${pattern}:\n${this.output()}`;
  }

  /** Signals the program itself, not the wrapper around it, which ends by itself after it. */
  kill(signal: NodeJS.Signals): void {
    if (this.#ended || this.#child.pid === undefined) return;
    // The wrapper stops with what it has started, but does not go on with it. nsenter(1)
    if (signal === "SIGCONT") this.#child.kill(signal);
    for (const pid of childrenOf(this.#child.pid)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It ended a moment ago.
      }
    }
  }

  /** SIGTERM, and SIGKILL when that does not help in time. */
  async stop(patience = STOP_PATIENCE): Promise<ProcessResult> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), patience);
    try {
      return await this.result;
    } finally {
      clearTimeout(timer);
    }
  }

  #collect(stream: NodeJS.ReadableStream, lines: string[]): void {
    let rest = "";
    const take = (line: string) => {
      if (lines.length < MAX_LINES) lines.push(line);
      for (const watch of this.#watchers) watch(line);
    };
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      parts.forEach(take);
    });
    stream.on("end", () => {
      if (rest !== "") take(rest);
    });
  }
}

/** Children of process `pid`, by the numbers of our own PID namespace. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter((word) => word !== "").map(Number);
  } catch {
    return [];
  }
}

function join(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
