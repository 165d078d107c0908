import { buildCommand } from "@stricli/core";
import type { Role } from "#src/config/config.ts";
import { proposeFiles } from "../completion.ts";
import type { Context } from "../context.ts";
import type { RecordFlags } from "../run/record.ts";
import { parseFile, placeFlags, timeParser, valueFlag } from "../shared_flags.ts";
import { ONE_ROLE } from "./control.ts";

const A_DAY = 86_400_000;

export const recordCommand = buildCommand<RecordFlags, [Role?], Context>({
  loader: () => import("../run/record.ts"),
  parameters: {
    flags: {
      last: valueFlag(
        timeParser(1_000, A_DAY),
        "TIME",
        "Of so long, as far as there is: 10s, 5min; default 60s",
      ),
      write: {
        ...valueFlag(
          parseFile,
          "FILE",
          "File to write, or `-` for standard output; default: one named after role and time",
        ),
        proposeCompletions: proposeFiles,
      },
      ...placeFlags("daemon"),
    },
    aliases: { c: "config", w: "write" },
    positional: ONE_ROLE,
  },
  docs: {
    brief: "Write the headers of a daemon's last packets to a file for Wireshark",
    fullDescription: "Writes what a running daemon has recorded of its last packets as pcapng, " +
      "which Wireshark and\ntshark open: both sides, why a packet was dropped as its comment, and no " +
      "payload.",
  },
});
