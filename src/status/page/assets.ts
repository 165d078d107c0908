import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import { UNITS_MODULE } from "../units.ts";
import chart from "./client/chart.js" with { type: "text" };
import charts from "./client/charts.js" with { type: "text" };
import live from "./client/live.js" with { type: "text" };
import marks from "./client/marks.js" with { type: "text" };
import overview from "./client/overview.js" with { type: "text" };
import peer from "./client/peer.js" with { type: "text" };
import rows from "./client/rows.js" with { type: "text" };
import swap from "./client/swap.js" with { type: "text" };
import times from "./client/times.js" with { type: "text" };
import trace from "./client/trace.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import chartsStyle from "./style/charts.css" with { type: "text" };
import frameStyle from "./style/frame.css" with { type: "text" };
import loginStyle from "./style/login.css" with { type: "text" };
import stateStyle from "./style/state.css" with { type: "text" };
import tablesStyle from "./style/tables.css" with { type: "text" };

export interface Asset {
  readonly type: string;
  readonly text: string;
}

const script = (text: string): Asset => ({ type: "text/javascript; charset=utf-8", text });

const STYLE = [uplotStyle, frameStyle, stateStyle, chartsStyle, tablesStyle, loginStyle].join("\n");

/** What pages load besides, by its name below `/assets/`: part of the program, not of its disk. */
export const ASSETS: Readonly<Record<string, Asset>> = {
  "icon.svg": { type: "image/svg+xml", text: icon },
  "style.css": { type: "text/css; charset=utf-8", text: STYLE },
  "chart.js": script(chart),
  "charts.js": script(charts),
  "live.js": script(live),
  "marks.js": script(marks),
  "overview.js": script(overview),
  "peer.js": script(peer),
  "rows.js": script(rows),
  "swap.js": script(swap),
  "times.js": script(times),
  "trace.js": script(trace),
  "units.js": script(UNITS_MODULE),
  "uplot.js": script(`${uplot}\nexport default uPlot;\n`),
};
