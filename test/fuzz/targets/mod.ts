import type { Target } from "../engine/target.ts";

/** What there is to fuzz, in the order in which it is done; a target's sources load when it is. */
export const TARGETS: Readonly<Record<string, () => Promise<{ readonly target: Target }>>> = {
  datagram: () => import("./datagram.ts"),
  relay: () => import("./relay.ts"),
  server: () => import("./server.ts"),
  client: () => import("./client.ts"),
  host_rules: () => import("./host_rules.ts"),
  segments: () => import("./segments.ts"),
  relay_programs: () => import("./relay_programs.ts"),
  server_program: () => import("./server_program.ts"),
  config: () => import("./config.ts"),
  command_line: () => import("./command_line.ts"),
  http: () => import("./http.ts"),
  handover: () => import("./handover.ts"),
  netlink: () => import("./netlink.ts"),
  recording: () => import("./recording.ts"),
  helpers: () => import("./helpers.ts"),
};

/** Folders and files whose branches lead a target's search, from the project's root. */
export const COVERS: Readonly<Record<keyof typeof TARGETS, readonly string[]>> = {
  datagram: ["src/protocol/wire/", "src/datapath/recorder/headers.ts"],
  relay: ["src/protocol/"],
  server: ["src/protocol/"],
  client: ["src/protocol/"],
  host_rules: ["src/protocol/client/", "src/protocol/relay/", "src/datapath/loop/host_rules.ts"],
  segments: ["src/segments/", "src/protocol/wire/checksum.ts"],
  relay_programs: ["src/protocol/relay/", "src/protocol/peers/states.ts"],
  server_program: ["src/protocol/server/"],
  config: ["src/config/"],
  command_line: ["src/cli/", "src/config/"],
  http: ["src/status/", "src/daemon/history/pages.ts", "src/daemon/recordings/pages.ts"],
  handover: ["src/daemon/handover/", "src/daemon/history/", "src/protocol/peers/"],
  netlink: ["src/datapath/linux/netlink/", "src/daemon/host/linux/firewall/"],
  recording: ["src/datapath/recorder/", "src/daemon/recordings/", "src/daemon/fates/words.ts"],
  helpers: [
    "src/daemon/client/errands/words.ts",
    "src/daemon/client/apart/words.ts",
    "src/daemon/client/state_file.ts",
    "src/daemon/upkeep/words.ts",
  ],
};
