import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Inputs, one a line in hexadecimal: those that are kept with the project, and those a run found. */

const ROOT = join(import.meta.dirname!, "../../..");
/** What a run leaves. */
export const FOUND = join(ROOT, "dist/fuzz");

export const keptFile = (name: string): string => join(ROOT, `test/fuzz/corpus/${name}.txt`);
/** What has failed once, each with a comment: it is kept whatever else is chosen. */
export const findingsFile = (name: string): string => join(ROOT, `test/fuzz/findings/${name}.txt`);
export const foundFile = (name: string): string => join(FOUND, `${name}.txt`);

/** What is tried of a target first of all. */
export function keptInputs(name: string): Uint8Array[] {
  return [...readInputs(findingsFile(name)), ...readInputs(keptFile(name))];
}

/** Lines that begin with `#` are comments; a file that is not there has no line. */
export function readInputs(file: string): Uint8Array[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").split("\n").filter((line) => !line.startsWith("#"))
    .map((line) => line.trim()).filter((line) => line !== "").map(fromHex);
}

/** @throws Error for what is no hexadecimal number of whole bytes */
export function fromHex(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new Error(`not hexadecimal: ${text.slice(0, 40)}`);
  return new Uint8Array(Buffer.from(text, "hex"));
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export function writeInputs(file: string, inputs: readonly Uint8Array[]): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, inputs.map((it) => `${toHex(it)}\n`).join(""));
}

export function addInput(file: string, input: Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, `${toHex(input)}\n`);
}
