/**
 * Makes a built executable deaf to what its runtime takes from the environment:
 *
 *     bun scripts/seal.ts FILE
 *
 * The runtime obeys such variables before any code of ours runs: one of them turns the whole program
 * into Bun, another preloads a file, another writes files. So the executable starts in a few
 * instructions of ours, which spoil the names of all of them (`BUN_BE_BUN` becomes `_UN_BE_BUN`), and
 * then go where it would have started. They take the place of a function that only add-ons call.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import process from "node:process";

/**
 * First four letters of what the runtime reads, beyond what every program does. `MIMA` and `mima` are
 * of its allocator; `Mall`, `WebK`, `WTF_`, `Java` and `JSC_` of its JavaScript engine.
 */
export const PREFIXES: readonly string[] = [
  "BUN_",
  "NODE",
  "DENO",
  "JSC_",
  "Java",
  "WTF_",
  "WebK",
  "Mall",
  "MIMA",
  "mima",
  "SIMD",
  "UV_T",
];

/** Exported for add-ons, which a compiled program has none of, and longer than our instructions. */
const REPLACED = "uv_close";

type Kernel = "Linux" | "FreeBSD";

interface Machine {
  /** Finds envp: what lies behind argc, argv and a zero. */
  readonly envp: Readonly<Record<Kernel, string>>;
  /** Behind it comes the jump to where the program began, then the table of prefixes. */
  readonly code: string;
  /** Of the jump over `distance` bytes, counted from its own first byte. */
  jump(distance: number): Uint8Array;
}

/**
 * By e_machine. Linux has argc, argv and envp at the stack pointer, as System V's ABI has it. FreeBSD
 * tells their address in a register, and has what is to be called at the end in the one or two behind
 * it: see what the programs begin with.
 */
const MACHINES: ReadonlyMap<number, Machine> = new Map([
  [62, { // x86-64; rdx, rdi, rsi and rsp stay as they are
    envp: {
      Linux: `
      48 8b 04 24             mov   rax, [rsp]            ; argc
      48 8d 4c c4 10          lea   rcx, [rsp+rax*8+16]   ; envp`,
      FreeBSD: `
      48 8b 07                mov   rax, [rdi]            ; argc
      48 8d 4c c7 10          lea   rcx, [rdi+rax*8+16]   ; envp`,
    },
    code: `
      48 8b 01          next: mov   rax, [rcx]
      48 85 c0                test  rax, rax
      74 24                   jz    done
      48 83 c1 08             add   rcx, 8
      44 8b 10                mov   r10d, [rax]           ; four letters
      4c 8d 05 1b 00 00 00    lea   r8, [rip+table]
      45 8b 08          scan: mov   r9d, [r8]
      45 85 c9                test  r9d, r9d
      74 e2                   jz    next
      49 83 c0 04             add   r8, 4
      45 39 d1                cmp   r9d, r10d
      75 ef                   jne   scan
      c6 00 5f                mov   byte [rax], '_'
      eb d4                   jmp   next                  ; done:`,
    jump: (distance) => bytesOf(0xe9, distance - 5),
  }],
  [183, { // aarch64; x0 to x8 and sp stay as they are
    envp: {
      Linux: `
      e9 03 40 f9             ldr   x9, [sp]              ; argc
      ea 6f 29 8b             add   x10, sp, x9, lsl 3`,
      FreeBSD: `
      09 00 40 f9             ldr   x9, [x0]              ; argc
      0a 0c 09 8b             add   x10, x0, x9, lsl 3`,
    },
    code: `
      4a 41 00 91             add   x10, x10, 16          ; envp
      4b 85 40 f8       next: ldr   x11, [x10], 8
      4b 01 00 b4             cbz   x11, done
      6c 01 40 b9             ldr   w12, [x11]            ; four letters
      2d 01 00 10             adr   x13, table
      ae 45 40 b8       scan: ldr   w14, [x13], 4
      6e ff ff 34             cbz   w14, next
      df 01 0c 6b             cmp   w14, w12
      a1 ff ff 54             b.ne  scan
      ef 0b 80 52             mov   w15, '_'
      6f 01 00 39             strb  w15, [x11]
      f6 ff ff 17             b     next                  ; done:`,
    jump: (distance) => words(0x14000000 | ((distance >> 2) & 0x3ffffff)),
  }],
]);

/**
 * What a program starts in.
 *
 * @param machine e_machine
 * @param from address of its first byte
 * @param to where it goes on
 */
export function startOf(machine: number, kernel: Kernel, from: number, to: number): Uint8Array {
  const known = MACHINES.get(machine);
  if (known === undefined) throw new Error(`machine ${machine} is not known`);
  const code = concat(hex(known.envp[kernel]), hex(known.code));
  return concat(code, known.jump(to - from - code.length), words(...PREFIXES.map(letters), 0));
}

/** Little-endian ELF64. elf(5) */
class Elf {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#view.getUint32(0) !== 0x7f454c46 || this.#view.getUint16(4) !== 0x0201) {
      throw new Error("no little-endian ELF64 executable");
    }
  }

  get machine(): number {
    return this.#view.getUint16(18, true);
  }

  get kernel(): Kernel {
    return this.#bytes[EI_OSABI] === ELFOSABI_FREEBSD ? "FreeBSD" : "Linux";
  }

  get entry(): number {
    return this.#u64(24);
  }

  /** Address and length of an exported function. */
  function(name: string): { address: number; length: number } {
    const symbols = this.#sections().find((it) => it.type === SHT_DYNSYM);
    const names = this.#sections()[symbols?.link ?? -1];
    if (symbols === undefined || names === undefined) throw new Error("no dynamic symbols");
    for (let at = symbols.at; at < symbols.at + symbols.length; at += SIZEOF_SYM) {
      if (this.#text(names.at + this.#u32(at)) !== name) continue;
      return { address: this.#u64(at + 8), length: this.#u64(at + 16) };
    }
    throw new Error(`no function ${name}`);
  }

  /** Where in the file the bytes of an address are, if they are executable. */
  at(address: number): number {
    const first = this.#u64(32);
    const count = this.#view.getUint16(56, true);
    for (let at = first; at < first + count * SIZEOF_PHDR; at += SIZEOF_PHDR) {
      const executable = this.#u32(at) === PT_LOAD && (this.#u32(at + 4) & PF_X) !== 0;
      const offset = address - this.#u64(at + 16);
      if (executable && offset >= 0 && offset < this.#u64(at + 32)) {
        return this.#u64(at + 8) + offset;
      }
    }
    throw new Error(`address ${address} is not executable`);
  }

  #sections(): { type: number; at: number; length: number; link: number }[] {
    const first = this.#u64(40);
    const count = this.#view.getUint16(60, true);
    return Array.from({ length: count }, (_, i) => {
      const at = first + i * SIZEOF_SHDR;
      return {
        type: this.#u32(at + 4),
        at: this.#u64(at + 24),
        length: this.#u64(at + 32),
        link: this.#u32(at + 40),
      };
    });
  }

  #text(at: number): string {
    return new TextDecoder().decode(this.#bytes.subarray(at, this.#bytes.indexOf(0, at)));
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #u64(at: number): number {
    return Number(this.#view.getBigUint64(at, true));
  }
}

const EI_OSABI = 7;
const ELFOSABI_FREEBSD = 9;
const SHT_DYNSYM = 11;
const SIZEOF_SHDR = 64;
const SIZEOF_SYM = 24;
const PT_LOAD = 1;
const PF_X = 1;
const SIZEOF_PHDR = 56;
const ENTRY_AT = 24;

/** What to write into an executable, and where. @throws Error when it is not as we know it */
export function sealing(bytes: Uint8Array): (readonly [at: number, bytes: Uint8Array])[] {
  const elf = new Elf(bytes);
  const { address, length } = elf.function(REPLACED);
  if (elf.entry === address) throw new Error("sealed already");
  const start = startOf(elf.machine, elf.kernel, address, elf.entry);
  if (start.length > length) throw new Error(`${REPLACED} has no more than ${length} bytes`);
  const entry = new Uint8Array(8);
  new DataView(entry.buffer).setBigUint64(0, BigInt(address), true);
  return [[elf.at(address), start], [ENTRY_AT, entry]];
}

/** The pairs of digits that each line begins with. */
function hex(listing: string): Uint8Array {
  const pairs = listing.trim().split("\n").map((line) => /^\s*((?:[0-9a-f]{2} )+)/.exec(line)![1]!);
  return Uint8Array.from(pairs.join("").trim().split(" "), (pair) => parseInt(pair, 16));
}

function letters(prefix: string): number {
  if (!/^[A-Za-z_]{4}$/.test(prefix)) throw new Error(`${prefix} has not four letters`);
  return new DataView(new TextEncoder().encode(prefix).buffer).getUint32(0, true);
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function bytesOf(opcode: number, operand: number): Uint8Array {
  return concat(Uint8Array.of(opcode), words(operand));
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

if (import.meta.main) {
  const [path] = process.argv.slice(2);
  if (path === undefined) throw new Error("usage: bun scripts/seal.ts FILE");
  const changes = sealing(readFileSync(path));
  const fd = openSync(path, "r+");
  for (const [at, bytes] of changes) writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}
