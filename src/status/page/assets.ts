import icon from "./icon.svg" with { type: "text" };
import style from "./style.css" with { type: "text" };

export interface Asset {
  readonly type: string;
  readonly text: string;
}

/** What pages load besides, by its name below `/assets/`: part of the program, not of its disk. */
export const ASSETS: Readonly<Record<string, Asset>> = {
  "icon.svg": { type: "image/svg+xml", text: icon },
  "style.css": { type: "text/css; charset=utf-8", text: style },
};
