/** What the server makes in place of a file: see assets.ts. */
declare module "*/units.js" {
  export const UNITS: typeof import("../../units.ts").UNITS;
}
declare module "*/uplot.js" {
  export { default } from "uplot";
}
