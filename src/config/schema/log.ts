import type { LogConfig } from "../config.ts";
import { choice } from "../kinds/mod.ts";
import { debugPeer } from "../kinds/network.ts";
import { facility } from "../kinds/system.ts";
import type { Table } from "../setting.ts";

export const LOG: Table<LogConfig> = {
  level: {
    kind: choice(["error", "warn", "info", "debug"]),
    default: "info",
    reload: "yes",
    doc: `The least important messages that are still written.`,
  },
  format: {
    kind: choice(["logfmt", "json"]),
    default: "logfmt",
    reload: "yes",
    doc: `How a message is written. \`logfmt\`: \`key=value\` pairs. \`json\`: one object a line.`,
  },
  target: {
    kind: choice(["stderr", "syslog"]),
    default: "stderr",
    reload: "yes",
    doc: `Where messages go. Under systemd, stderr is the journal. In Miredo's syntax the directive
\`SyslogFacility\` chooses \`syslog\`.`,
  },
  facility: {
    kind: facility,
    default: "daemon",
    miredo: "SyslogFacility",
    reload: "yes",
    doc: `Facility of messages sent to syslog.`,
  },
  debugPeer: {
    kind: debugPeer,
    default: undefined,
    defaultText: "nobody",
    reload: "yes",
    doc: `With \`level = debug\`: tell what becomes of each packet from or to this peer, one line a
packet. A Teredo address stands for the datagrams of its mapping as well; an IPv4 address, with or
without a port, is a client as its NAT shows it, or a server; any other IPv6 address or prefix is at
the IPv6 side. At most 100 lines a second. \`teredo log debug --peer PEER\` does the same
until \`teredo log off\`.`,
  },
};
