const BLOCKS = [..."▁▂▃▄▅▆▇█"];
/** From little ink to much. */
const ASCII = [..."_.:-=+*#"];

/**
 * One character a value, the higher the more: the lowest is for 0 alone, the highest for the greatest of
 * them. NaN, what is not known, is a blank.
 */
export function sparkline(values: ArrayLike<number>, blocks: boolean): string {
  const levels = blocks ? BLOCKS : ASCII;
  const all = Array.from(values);
  const most = all.reduce((a, b) => b > a ? b : a, 0);
  const top = levels.length - 1;
  return all.map((value) => {
    if (Number.isNaN(value)) return " ";
    if (value <= 0) return levels[0];
    return value === most ? levels[top] : levels[Math.max(1, Math.ceil(top * (value / most)))];
  }).join("");
}
