import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { PREFIXES, sealing, startOf } from "../../scripts/seal.ts";

/**
 * The instructions that a sealed program starts in, run alone: between registers that are set as its
 * kernel sets them, and a look at what they have left.
 */

/** What holds the block of argc, argv and envp, and what must come through. */
const PROGRAM = `
#ifdef __x86_64__
__asm__(".globl _start\\n_start: mov %rsp, %r12\\n"
#ifdef FREEBSD
  "mov %rsp, %rdi\\n sub $4096, %rsp\\n"
#else
  "mov $0x11, %edi\\n"
#endif
  "mov $0x22, %esi\\n mov $0x33, %edx\\n mov %rsp, %r13\\n"
  ".incbin \\"start.bin\\"\\n"
  "mov %rsp, %rcx\\n mov %r12, %r8\\n mov %r13, %r9\\n and $-16, %rsp\\n call check\\n");
static long call(long n, long a, long b, long c) {
  long r;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return r;
}
enum { WRITE = 1, EXIT = 60 };
#else
__asm__(".globl _start\\n_start: mov x19, sp\\n"
#ifdef FREEBSD
  "mov x0, sp\\n sub sp, sp, #4096\\n"
#else
  "mov x0, #0x11\\n"
#endif
  "mov x1, #0x22\\n mov x2, #0x33\\n mov x20, sp\\n"
  ".incbin \\"start.bin\\"\\n"
  "mov x3, sp\\n mov x4, x19\\n mov x5, x20\\n bl check\\n");
static long call(long n, long a, long b, long c) {
  register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
enum { WRITE = 64, EXIT = 93 };
#endif
static void print(const char *text) {
  long length = 0;
  while (text[length] != 0) length++;
  call(WRITE, 1, (long) text, length);
  call(WRITE, 1, (long) "\\n", 1);
}
void check(long first, long second, long third, long sp, long *block, long wanted_sp) {
#ifdef FREEBSD
  long wanted = (long) block;
#else
  long wanted = 0x11;
#endif
  if (first != wanted || second != 0x22 || third != 0x33 || sp != wanted_sp) call(EXIT, 7, 0, 0);
  char **it = (char **) block + 1;
  for (; *it != 0; it++) print(*it);
  for (it++; *it != 0; it++) print(*it);
  call(EXIT, 0, 0, 0);
}
`;

const MACHINES = [
  { name: "x86-64", machine: 62, compiler: "gcc", runner: [] },
  {
    name: "aarch64",
    machine: 183,
    compiler: "aarch64-linux-gnu-gcc",
    runner: ["qemu-aarch64-static"],
  },
] as const;

/** Of the jump and the table: where the start goes on is right behind it. */
function startBefore(machine: number, kernel: "Linux" | "FreeBSD"): Uint8Array {
  const { length } = startOf(machine, kernel, 0, 0);
  return startOf(machine, kernel, 0, length);
}

function run(folder: string, command: string, args: readonly string[], env = {}) {
  const options = { cwd: folder, encoding: "utf8", env } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  assert.equal(status, 0, `${command}: ${stderr} ${error}`);
  return stdout;
}

/** Variables, and what they are behind the start. */
const KEPT = ["PATH=/bin", "A=", "BUN=1", "bUN_X=1", "XBUN_=1", "LD_PRELOAD=none"];
const ENVIRONMENT = [...PREFIXES.map((prefix) => `${prefix}X=1`), "BUN_BE_BUN=1", ...KEPT];
const spoiled = (line: string) => KEPT.includes(line) ? line : `_${line.slice(1)}`;

for (const { name, machine, compiler, runner } of MACHINES) {
  for (const kernel of ["Linux", "FreeBSD"] as const) {
    test(`a sealed start for ${kernel} on ${name} spoils what the runtime reads, and nothing else`, () => {
      const folder = mkdtempSync(join(tmpdir(), "teredo-seal-"));
      try {
        writeFileSync(join(folder, "start.c"), PROGRAM);
        writeFileSync(join(folder, "start.bin"), startBefore(machine, kernel));
        const path = { PATH: process.env["PATH"] };
        const flags = ["-O1", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector"];
        const define = kernel === "FreeBSD" ? ["-DFREEBSD"] : [];
        run(folder, compiler, [...flags, ...define, "-o", "start", "start.c"], path);
        const set = ["-i", ...ENVIRONMENT];
        const stdout = run(folder, "/usr/bin/env", [...set, ...emulated(runner), "./start", "one"]);
        const lines = stdout.trimEnd().split("\n");
        assert.deepEqual(lines.slice(0, 2), ["./start", "one"]);
        assert.deepEqual(lines.slice(2).sort(), ENVIRONMENT.map(spoiled).sort());
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
}

/** With a function that is long enough, and no program at all. */
const LIBRARY = `
void uv_close(void) { __asm__(".zero 400"); }
void _start(void) {}
`;
const EI_OSABI = 7;
const ENTRY_AT = 24;

for (const { name, machine, compiler } of MACHINES) {
  test(`sealing() of a program for ${name} heeds whose it is, and is done once`, () => {
    const folder = mkdtempSync(join(tmpdir(), "teredo-seal-"));
    try {
      writeFileSync(join(folder, "library.c"), LIBRARY);
      const flags = ["-shared", "-nostdlib", "-ffreestanding", "-Wl,-e,_start"];
      const path = { PATH: process.env["PATH"] };
      run(folder, compiler, [...flags, "-o", "library", "library.c"], path);
      for (const [kernel, abi] of [["Linux", 0], ["Linux", 3], ["FreeBSD", 9]] as const) {
        const bytes = new Uint8Array(readFileSync(join(folder, "library")));
        const view = new DataView(bytes.buffer);
        bytes[EI_OSABI] = abi;
        const before = Number(view.getBigUint64(ENTRY_AT, true));
        for (const [at, change] of sealing(bytes)) bytes.set(change, at);
        const after = Number(view.getBigUint64(ENTRY_AT, true));
        const start = startOf(machine, kernel, after, before);
        // Of so small a library addresses are places in the file.
        assert.deepEqual(bytes.subarray(after, after + start.length), start);
        assert.throws(() => sealing(bytes), /sealed already/);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

/** `env -i` leaves no PATH to look by but ours. */
const emulated = (runner: readonly string[]) => runner.map((it) => `/usr/bin/${it}`);
