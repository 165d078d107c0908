import type { Syntax } from "../kinds/mod.ts";
import { SECTIONS } from "../settings.ts";
import { spellingOf, splitDirective } from "./directives.ts";

const ELF = [0x7f, 0x45, 0x4c, 0x46];
const GZIP = [0x1f, 0x8b];

/** What a file is that holds no text a configuration could be: `problem; what to do`. */
export function whyNoText(bytes: Uint8Array): string | undefined {
  const startsWith = (magic: readonly number[]) => magic.every((byte, i) => bytes[i] === byte);
  if (startsWith(GZIP)) return "compressed; unpack it first";
  if (startsWith(ELF)) return "a program, not a configuration; name another file";
  if (startsWith([0xff, 0xfe]) || startsWith([0xfe, 0xff]) || alternatesWithZeros(bytes)) {
    return "UTF-16; save it as UTF-8";
  }
  return undefined;
}

/** Latin letters in UTF-16, whichever byte comes first. */
function alternatesWithZeros(bytes: Uint8Array): boolean {
  const zeros = [...bytes.subarray(0, 4)].map((byte) => byte === 0).join();
  return zeros === "true,false,true,false" || zeros === "false,true,false,true";
}

/**
 * Which syntax the writer meant. A file that is taken for the wrong one is refused by its reader:
 * none takes a line that is of the other.
 *
 * @param texts lines that are neither blank nor comments
 */
export function syntaxOf(texts: readonly string[]): Syntax {
  if (texts.length === 0 || texts.some(isKnownSection)) return "native";
  const native = texts.filter((text) => isSection(text) || isAssignment(text)).length;
  const miredo = texts.filter((text) => !isAssignment(text) && isKnownDirective(text)).length;
  return native > miredo ? "native" : "miredo";
}

function isKnownSection(text: string): boolean {
  const name = /^\s*\[\s*([^\]]*?)\s*\]/.exec(text)?.[1];
  return name !== undefined && SECTIONS.some((section) => section === name.toLowerCase());
}

/** A section's line, also one that lacks a bracket. */
export function isSection(text: string): boolean {
  return /^\s*\[/.test(text) || /^\s*[^\s=[\]#;]+\s*\]\s*([#;].*)?$/.test(text);
}

function isAssignment(text: string): boolean {
  return /^\s*[^\s=]+\s*=/.test(text);
}

function isKnownDirective(text: string): boolean {
  const name = splitDirective(text)?.name;
  return name !== undefined && spellingOf(name) !== undefined;
}

/**
 * Whether a line that is no directive of Miredo's is written in another syntax: `key = value`,
 * `[section`, `section]`, `key:` as in YAML and JSON, brackets and tags.
 */
export function isForeign(text: string): boolean {
  return isSection(text) || isAssignment(text) || /^\s*([{}<]|\S+:(\s|$))/.test(text);
}
