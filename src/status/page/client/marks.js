/** @typedef {{ readonly time: number, readonly kind: string, readonly text: string }} Mark */

/**
 * @typedef {{ readonly colour: string, readonly path: Path2D }} Look
 *
 * How each kind is marked, as the page's legend says.
 *
 * @returns {(kind: string) => Look}
 */
function readLooks() {
  /** @type {Map<string, Look>} */
  const looks = new Map();
  /** @type {Look} */
  let other = { colour: "--quiet", path: new Path2D() };
  const items =
    /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".marks-legend li"));
  for (const { dataset: { kinds = "", colour = "", path } } of items) {
    other = { colour, path: new Path2D(path) };
    for (const kind of kinds.split(" ")) looks.set(kind, other);
  }
  return (kind) => looks.get(kind) ?? other;
}

const lookOf = readLooks();

/**
 * Draws what happened into a chart.
 *
 * @param {import("uplot")} plot
 * @param {readonly Mark[]} marks
 * @param {(name: string) => string} colourOf
 */
export function drawMarks({ ctx, bbox, scales, valToPos }, marks, colourOf) {
  const { min, max } = scales["x"] ?? {};
  const scale = devicePixelRatio;
  for (const { time, kind } of marks) {
    if (time < (min ?? Infinity) || time > (max ?? -Infinity)) continue;
    const { colour, path } = lookOf(kind);
    const x = Math.round(valToPos(time, "x", true));
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colourOf(colour);
    ctx.lineWidth = scale;
    ctx.setLineDash([3 * scale, 3 * scale]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.translate(x, bbox.top);
    ctx.scale(scale, scale);
    ctx.fill(path);
    ctx.restore();
  }
}
