/** `--json` of the commands whose output programs read. */
export const JSON_FLAG = {
  kind: "boolean",
  optional: true,
  withNegated: false,
  brief: "Print JSON",
} as const;

/** A flag that is there or not. */
export const switchFlag = (brief: string) =>
  ({ kind: "boolean", optional: true, withNegated: false, brief }) as const;

/** A flag with a value that may be left out. */
export const valueFlag = <T>(parse: (text: string) => T, placeholder: string, brief: string) =>
  ({ kind: "parsed", optional: true, parse, placeholder, brief }) as const;
