/** Numbers that a piece of code is made with, by name. */
export type Values = Readonly<Record<string, number>>;

/** Bytes of an instruction that depend on {@link Values}. */
export type Part = (values: Values) => readonly number[];

/**
 * One instruction, as an assembler has it (a label is on its own, `name:`; `{name}` stands for a value),
 * and its bytes, in hexadecimal or as a {@link Part}. `test/runtime/code_test.ts` has both compared.
 */
export type Line = readonly [text: string, ...bytes: (string | Part)[]];

/** @returns what the processor runs */
export function encode(lines: readonly Line[], values: Values): Uint8Array {
  return Uint8Array.from(
    lines.flatMap(([, ...parts]) =>
      parts.flatMap((part) => typeof part === "string" ? hex(part) : part(values))
    ),
  );
}

function hex(text: string): number[] {
  return text.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
}

/** The `bytes` lowest bytes of a number below 2^53, the lowest first. */
export function littleEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
}
