const two = (value: number) => String(value).padStart(2, "0");

/** `06:12:34`, local time. */
export function clockOf(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
}

/** `2026-11-29`, local time. */
export function dateOf(time: Date): string {
  return [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(two).join("-");
}
