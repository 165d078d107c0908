import { buildCommand } from "@stricli/core";
import type { Role } from "#src/config/config.ts";
import type { Context } from "../context.ts";
import type { StatusFlags } from "../run/status.ts";
import type { TopFlags } from "../run/top.ts";
import { JSON_FLAG, placeFlags, switchFlag, timeParser, valueFlag } from "../shared_flags.ts";
import { ONE_ROLE } from "./control.ts";

const PLACE = placeFlags("daemon");

const interval = (brief: string) => valueFlag(timeParser(100, 3_600_000), "TIME", brief);

const ONCE = switchFlag("Print one frame, all of it, and end: for scripts");

export const statusCommand = buildCommand<StatusFlags, [Role?], Context>({
  loader: () => import("../run/status.ts"),
  parameters: {
    flags: {
      ...PLACE,
      json: JSON_FLAG,
      watch: switchFlag("Live, as `teredo top`; with --json a line every second, until Ctrl-C"),
      interval: interval("Watch, again after this time: 500ms, 2s, 1min"),
      once: ONCE,
    },
    aliases: { c: "config" },
    positional: ONE_ROLE,
  },
  docs: {
    brief: "Show a running daemon; the exit status tells whether it is ready",
    fullDescription: "Shows a running daemon. The exit status is 0 when it is ready, 1 when that " +
      "cannot be told,\n3 when it does not run, 4 when it is not ready, 5 while it drains.",
  },
});

export const topCommand = buildCommand<TopFlags, [Role?], Context>({
  loader: () => import("../run/top.ts"),
  parameters: {
    flags: {
      ...PLACE,
      interval: interval("Look again after this time: 500ms, 2s, 1min; default 1s"),
      once: ONCE,
    },
    aliases: { c: "config" },
    positional: ONE_ROLE,
  },
  docs: {
    brief: "Watch a running daemon live: what it carries, drops and lacks",
    fullDescription:
      "Watches a running daemon in the terminal: what it carries now and in the last " +
      "minutes, its\npeers, drops by reason, checks that fail with what mends them, the last changes. " +
      "q or Ctrl-C\nends it with the exit status of `teredo status`. A terminal that cannot be " +
      "written to in place\n(TERM=dumb), a file and a pipe get frame below frame.",
  },
});
