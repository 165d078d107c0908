/** Numbers as people read them. */

/** `41 Mbit/s`. @param rate bits a second */
export function bits(rate: number): string {
  if (rate < 1e3) return `${Math.round(rate)} bit/s`;
  if (rate < 1e6) return `${decimal(rate / 1e3)} kbit/s`;
  return rate < 1e9 ? `${decimal(rate / 1e6)} Mbit/s` : `${decimal(rate / 1e9)} Gbit/s`;
}

/** With a fraction only where it matters: `3.1`, `41`. */
export function decimal(value: number): string {
  return value < 10 ? String(Math.round(10 * value) / 10) : String(Math.round(value));
}
