import type { StatusConfig } from "../config.ts";
import { boolean, integer } from "../kinds/mod.ts";
import { ipAddress } from "../kinds/network.ts";
import { path, pathOrNo } from "../kinds/system.ts";
import type { Table } from "../setting.ts";

export const STATUS: Table<StatusConfig> = {
  enabled: {
    kind: boolean,
    default: true,
    reload: "restart",
    doc: `Serve health, metrics and status over HTTP.`,
  },
  address: {
    kind: ipAddress,
    default: "127.0.0.1",
    reload: "restart",
    doc: `Address to listen on. There is no password: let only those in who may know your clients'
addresses.`,
  },
  port: {
    kind: integer(0, 65535),
    default: undefined,
    defaultText: "9545 for the relay, 9544 for the server",
    reload: "restart",
    doc: `TCP port to listen on. 0: the kernel picks one. Leave it unset in a file that relay and
server share.`,
  },
  socket: {
    kind: path,
    default: undefined,
    reload: "restart",
    doc: `Path of a Unix socket to listen on as well, for its owner and its group, which is that of
\`user\`. See [security.md](security.md) for the folder it may be in.`,
  },
  control: {
    kind: pathOrNo,
    default: undefined,
    defaultText:
      "`control` in `$RUNTIME_DIRECTORY`, or in /run/teredo-relay or /run/teredo-server; on a BSD in /var/run",
    reload: "restart",
    doc: `Path of the Unix socket by which \`teredo\` commands change a daemon that runs. It is for
root, for who runs the daemon, and for its group, which is that of \`user\`. \`no\`: none. Commands
find it by this setting: give two daemons of one kind two paths. See [security.md](security.md).`,
  },
};
