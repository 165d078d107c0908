/** @jsxImportSource hono/jsx */
import { UNITS } from "../units.ts";

export interface TimeProps {
  /** RFC 3339 */
  readonly at: string;
  /** `clock`: when; `for`: how long ago. A script makes the one local, and keeps the other true. */
  readonly form?: "clock" | "for";
  /** Unix time of the page. */
  readonly now: number;
}

/** A moment as people say it. */
export function Time({ at, form = "clock", now }: TimeProps) {
  const time = Date.parse(at) / 1000;
  return (
    <time datetime={at} data-form={form} title={at}>
      {form === "clock" ? clockOf(time, now) : UNITS.duration(now - time)}
    </time>
  );
}

/** `14:03:22 UTC`, with its day before it unless that is the page's. */
export function clockOf(time: number, now: number): string {
  const [day, clock] = isoOf(time).split("T") as [string, string];
  return `${isoOf(now).startsWith(day) ? "" : `${day} `}${clock.slice(0, 8)} UTC`;
}

export const isoOf = (time: number): string => new Date(1000 * time).toISOString();
