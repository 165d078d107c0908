import type { FieldName, Level } from "./record.ts";

export interface MessageHelp {
  readonly levels: readonly Level[];
  readonly fields: readonly FieldName[];
  /** What has happened. */
  readonly meaning: string;
  /** What to do; undefined: nothing. */
  readonly mend: string | undefined;
}

/** @param fields their names, with blanks between */
export const message = (
  levels: Level | readonly Level[],
  fields: string,
  meaning: string,
  mend?: string,
) =>
  ({
    levels: [levels].flat(),
    fields: fields.split(" ").filter((name) => name !== "") as FieldName[],
    meaning,
    mend,
  }) satisfies MessageHelp;
