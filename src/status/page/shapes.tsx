/** @jsxImportSource hono/jsx */
/** A state by its shape: colour adds to it and stands for nothing alone. */
export type ShapeName = "ok" | "fail" | "warn" | "note" | "pause" | "dead";

const OUTLINES: Readonly<Record<ShapeName, string>> = {
  ok: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Z",
  note: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Z",
  warn: "M8 .6 15.4 8 8 15.4.6 8Z",
  fail: "M8 1 15.6 14.6H.4Z",
  pause: "M2 2h12v12H2Z",
  dead: "M5 1h6l4 4v6l-4 4H5l-4-4V5Z",
};

const SIGNS: Readonly<Record<ShapeName, string>> = {
  ok: "M4.6 8.3 7 10.7l4.4-5",
  note: "M8 7.4v4M8 4.6v.2",
  warn: "M8 4.4v4.4M8 11.2v.2",
  fail: "M8 5.6v4.2M8 12.2v.2",
  pause: "M6.2 5v6M9.8 5v6",
  dead: "M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2",
};

export function Shape({ name }: { readonly name: ShapeName }) {
  return (
    <svg class={`shape ${name}`} viewBox="0 0 16 16" aria-hidden="true">
      <path class="outline" d={OUTLINES[name]} />
      <path class="sign" d={SIGNS[name]} />
    </svg>
  );
}
