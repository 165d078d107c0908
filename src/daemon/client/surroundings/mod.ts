import type { Context } from "../../context.ts";
import type { Surroundings } from "./contract.ts";
import { hostSurroundings } from "./host.ts";
import { outerSurroundings } from "./outer.ts";

export type { Surroundings };

export function surroundingsOf(context: Context): Surroundings {
  const { apart } = context.options;
  return apart === undefined ? hostSurroundings(context) : outerSurroundings(context, apart);
}
