/**
 * Numbers as people read them, to three digits or so. `Intl` would say them otherwise in each browser,
 * and looks for its tables where a variable of the environment says.
 *
 * Pages give this very function to the browser, as text: it names nothing outside of itself.
 */
function makeUnits() {
  /** With a fraction only where it matters: `3.1`, `41`. */
  const decimal = (value: number): string =>
    String(value < 10 ? Math.round(10 * value) / 10 : Math.round(value));

  /** `1,234,567` */
  const count = (value: number): string => decimal(value).replace(/\B(?=(\d{3})+$)/g, ",");

  /** @param names of the unit, of a thousand of it, and so on */
  const scaled = (value: number, names: readonly string[]): string => {
    let at = 0;
    for (; value >= 999.5 && at < names.length - 1; at++) value /= 1000;
    return `${at === 0 ? Math.round(value) : decimal(value)} ${names[at]}`;
  };

  /** `41 Mbit/s`. @param rate bits a second */
  const bits = (rate: number): string => scaled(rate, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]);

  /** `48 MB` */
  const bytes = (value: number): string => scaled(value, ["B", "kB", "MB", "GB"]);

  /** `1,234/s` */
  const rate = (value: number): string => `${count(value)}/s`;

  /** `23 ms`, `0.4 ms` */
  const millis = (value: number): string => `${count(value)} ms`;

  /** `41 %`. @param value 1 is all of one */
  const share = (value: number): string => `${count(100 * value)} %`;

  /** One unit or two: `3 d 4 h`, `25 min`, `5 min 7 s`, `5 s` */
  const duration = (seconds: number): string => {
    const whole = Math.max(0, Math.floor(seconds));
    const units = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]] as const;
    const at = units.findIndex(([size]) => whole >= size);
    if (at < 0) return "0 s";
    const [[size, name], less] = [units[at]!, units[at + 1]];
    const isShort = less === undefined || (less[0] === 1 && whole >= 600);
    const left = isShort ? 0 : Math.floor(whole % size / less[0]);
    return `${Math.floor(whole / size)} ${name}${left === 0 ? "" : ` ${left} ${less![1]}`}`;
  };

  return { decimal, count, bits, bytes, rate, millis, share, duration };
}

export const UNITS: ReturnType<typeof makeUnits> = makeUnits();

export const { decimal, count, bits, bytes, rate, millis, share, duration } = UNITS;

/** A module that exports `UNITS`. */
export const UNITS_MODULE = `export const UNITS = (${makeUnits})();\n`;
