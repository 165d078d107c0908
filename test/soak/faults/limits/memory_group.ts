import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import process from "node:process";

/** A control group of its own for memory, of either version. cgroups(7) */
export class MemoryGroup {
  /** What a shell writes to this file is that shell: 0. */
  readonly members: string;
  readonly #folder: string;
  readonly #isV1: boolean;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#isV1 = existsSync("/sys/fs/cgroup/memory");
    const root = this.#isV1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
    this.#folder = `${root}/teredo-faults-${process.pid}`;
    mkdirSync(this.#folder, { recursive: true });
    this.members = `${this.#folder}/cgroup.procs`;
    const file = this.#isV1 ? "memory.limit_in_bytes" : "memory.max";
    writeFileSync(`${this.#folder}/${file}`, `${limit}`);
  }

  /** How often the kernel has killed one of its members. */
  get kills(): number {
    const file = this.#isV1 ? "memory.oom_control" : "memory.events";
    const text = readFileSync(`${this.#folder}/${file}`, "utf8");
    return Number(/^oom_kill (\d+)/m.exec(text)?.[1] ?? 0);
  }

  /** Once it has no members. */
  close(): void {
    rmdirSync(this.#folder);
  }
}
