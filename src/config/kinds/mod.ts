import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { printable } from "../printable.ts";
import { inetAton } from "./inet_aton.ts";

/** The two syntaxes; Miredo's allows in a value what its own readers allow. */
export type Syntax = "native" | "miredo";

export type Parsed<T> =
  | { readonly value: T; readonly warning?: string }
  /** `problem; what to do`, to stand behind `file:line: key: `. */
  | { readonly problem: string };

/** A type of value: how it is read, written and described. */
export interface Kind<T> {
  /** For documents, e.g. `duration`. */
  readonly name: string;
  /** What stands for a value on a command line, e.g. `TIME`. */
  readonly placeholder: string;
  /** Words to choose from, all of them or beside other values; for completion. */
  readonly words?: readonly string[];
  /** For documents: what is accepted, e.g. `1280 to 65535`. */
  readonly range: string;
  /** For documents, e.g. `bytes`. */
  readonly unit?: string;
  parse(text: string, syntax: Syntax): Parsed<T>;
  /** Text that {@link parse} reads back as the same value. */
  format(value: T): string;
}

/** `text` between backticks, cut and cleaned of what could confuse a terminal. */
export function quote(text: string): string {
  const clean = printable(text);
  return clean.length > 60 ? `\`${clean.slice(0, 60)}\u2026\`` : `\`${clean}\``;
}

/**
 * One of a few words. Miredo compares them without regard to case.
 *
 * @param aliases other words, and what they stand for
 * @param refused words that others take, and why we do not: `problem; what to do`
 */
export function choice<const T extends string>(
  values: readonly T[],
  aliases: Readonly<Record<string, T>> = {},
  refused: Readonly<Record<string, string>> = {},
): Kind<T> {
  const reasons = new Map(Object.entries(refused));
  const words = new Map<string, T>([
    ...values.map((v) => [v, v] as const),
    ...Object.entries(aliases),
  ]);
  return {
    name: "choice",
    placeholder: "WORD",
    words: [...words.keys()],
    range: [...words.keys()].map((w) => `\`${w}\``).join(", "),
    parse(text, syntax) {
      const word = syntax === "miredo" ? text.toLowerCase() : text;
      const value = words.get(word);
      if (value !== undefined) return { value };
      const reason = reasons.get(word);
      if (reason !== undefined) return { problem: `${quote(text)} ${reason}` };
      return { problem: `${quote(text)} is not a choice; write ${[...words.keys()].join(", ")}` };
    },
    format: (value) => value,
  };
}

/** Some of a few words, parted by commas or blanks, in the order they stand here. */
export function words<const T extends string>(
  name: string,
  values: readonly T[],
): Kind<readonly T[] | undefined> {
  return {
    name,
    placeholder: "WORDS",
    words: values,
    range: `one or more of ${values.map((it) => `\`${it}\``).join(", ")}`,
    parse(text) {
      const given = listIn(text);
      const wrong = given.find((it) => !values.some((value) => value === it));
      if (wrong === undefined && given.length > 0) {
        return { value: values.filter((it) => given.includes(it)) };
      }
      return {
        problem: `${quote(wrong ?? text)} is not a choice; write one or more of ${
          values.join(", ")
        }`,
      };
    },
    format: (value) => value?.join(", ") ?? "",
  };
}

/** Words parted by commas or blanks. */
export function listIn(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

const YES = new Set(["yes", "true", "on"]);
const NO = new Set(["no", "false", "off"]);

export const boolean: Kind<boolean> = {
  name: "boolean",
  placeholder: "yes|no",
  words: ["yes", "no"],
  range: "`yes` or `no` (also `true`, `false`, `on`, `off`)",
  parse(text) {
    if (YES.has(text.toLowerCase())) return { value: true };
    if (NO.has(text.toLowerCase())) return { value: false };
    return { problem: `${quote(text)} is neither yes nor no; write \`yes\` or \`no\`` };
  },
  format: (value) => value ? "yes" : "no",
};

/** A number, or the word that leaves the choice to the program. */
export function orAuto(kind: Kind<number>): Kind<number | "auto"> {
  return {
    ...kind,
    words: ["auto"],
    range: `\`auto\`, or ${kind.range}`,
    parse(text, syntax) {
      if (text === "auto") return { value: "auto" };
      const parsed = kind.parse(text, syntax);
      return "problem" in parsed ? { problem: `${parsed.problem}, or auto` } : parsed;
    },
    format: (value) => value === "auto" ? value : kind.format(value),
  };
}

/** A whole number, `min` to `max`. In Miredo's syntax C's notations hold: 0x10 is 16, 010 is 8. */
export function integer(min: number, max: number, unit?: string): Kind<number> {
  return {
    name: "integer",
    placeholder: "N",
    range: `${min} to ${max}`,
    ...(unit === undefined ? {} : { unit }),
    parse(text, syntax) {
      const read = syntax === "miredo" ? readCInteger(text) : readInteger(text);
      if ("problem" in read || (read.value >= min && read.value <= max)) return read;
      return { problem: `${quote(text)} is out of range; write a number from ${min} to ${max}` };
    },
    format: String,
  };
}

function readInteger(text: string): Parsed<number> {
  if (/^(0|[1-9][0-9]{0,14})$/.test(text)) return { value: Number(text) };
  const again = /^0+[1-9]/.test(text) ? "without leading zeros" : "in decimal digits";
  return { problem: `${quote(text)} is not a whole number; write it ${again}` };
}

function readCInteger(text: string): Parsed<number> {
  const match = /^\+?(0x[0-9a-f]{1,12}|0[0-7]{0,16}|[1-9][0-9]{0,14})$/i.exec(text);
  if (match === null) {
    return { problem: `${quote(text)} is not a whole number; write it in decimal digits` };
  }
  const digits = match[1]!;
  if (!/^0[0-7]+$/.test(digits)) return { value: Number(digits) };
  const value = parseInt(digits, 8);
  return { value, warning: `${quote(text)} is octal and means ${value}; write ${value}` };
}

const DURATION_UNITS = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 } as const;

/**
 * A time in milliseconds, written with its unit; 0 needs none.
 *
 * @param bare milliseconds that a number without a unit counts; undefined: it has to have one
 */
export function duration(min: number, max: number, bare?: number): Kind<number> {
  const aliases = { m: DURATION_UNITS.min, ...(bare === undefined ? {} : { "": bare }) };
  return scaled("duration", DURATION_UNITS, aliases, "ms", "500ms, 2s, 5min or 1h", min, max);
}

const SIZE_UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** A number of bytes; a bare number is bytes. */
export function size(min: number, max: number): Kind<number> {
  return scaled("size", SIZE_UNITS, { "": 1 }, "", "10240, 10KiB or 16MiB", min, max);
}

function scaled(
  name: string,
  units: Readonly<Record<string, number>>,
  aliases: Readonly<Record<string, number>>,
  smallest: string,
  example: string,
  min: number,
  max: number,
): Kind<number> {
  const scales = new Map<string, number>(Object.entries({ ...units, ...aliases }));
  const format = (value: number): string => {
    if (value === 0) return "0";
    for (const [unit, scale] of Object.entries(units).reverse()) {
      if (scale > 1 && value % scale === 0) return `${value / scale}${unit}`;
    }
    return `${value}${smallest}`;
  };
  return {
    name,
    placeholder: name === "size" ? "SIZE" : "TIME",
    range: `${format(min)} to ${format(max)}`,
    parse(text) {
      const match = /^(0|[1-9][0-9]{0,11}) ?([A-Za-z]*)$/.exec(text);
      const scale = match?.[0] === "0" ? 1 : scales.get(match?.[2] ?? "none");
      if (match === null || scale === undefined) {
        return { problem: `${quote(text)} is not a ${name}; write e.g. ${example}` };
      }
      const value = Number(match[1]) * scale;
      if (value >= min && value <= max) return { value };
      return {
        problem: `${quote(text)} is out of range; write ${format(min)} to ${format(max)}`,
      };
    },
    format,
  };
}

/** An IPv4 address, strictly dotted decimal. */
export const ipv4: Kind<number> = {
  name: "IPv4 address",
  placeholder: "A.B.C.D",
  range: "`A.B.C.D`",
  parse(text) {
    const value = parseIpv4(text);
    return value === undefined ? { problem: notIpv4(text) } : { value };
  },
  format: formatIpv4,
};

function notIpv4(text: string): string {
  const meant = inetAton(text);
  if (meant !== undefined) {
    return `${quote(text)} is short for an IPv4 address; write ${formatIpv4(meant)} in full`;
  }
  if (/[a-z]/i.test(text) && !text.includes(":")) {
    return `${quote(text)} is a host name, and names are not looked up, since what they mean can ` +
      "change from start to start; write the IPv4 address A.B.C.D";
  }
  return `${quote(text)} is not an IPv4 address; write A.B.C.D`;
}
