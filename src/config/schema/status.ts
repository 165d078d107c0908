import type { StatusConfig } from "../config.ts";
import { boolean, integer, words } from "../kinds/mod.ts";
import { hostNames, ipAddress } from "../kinds/network.ts";
import { path, pathOrNo, secretFile } from "../kinds/system.ts";
import type { Table } from "../setting.ts";

export const STATUS: Table<Omit<StatusConfig, "token">> = {
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
    doc: `Address to listen on. On loopback the pages answer without credentials. On any other
address they need \`token_file\`, or \`allow_anonymous\`. See [access.md](access.md).`,
  },
  port: {
    kind: integer(0, 65535),
    default: undefined,
    defaultText: "9545 for the relay, 9544 for the server, 9546 for the client",
    reload: "restart",
    doc: `TCP port to listen on. 0: the kernel picks one. Leave it unset in a file that daemons
share.`,
  },
  tokenFile: {
    kind: secretFile("token"),
    default: undefined,
    reload: "yes",
    doc:
      `File that holds the token which opens the pages to who comes from elsewhere than this host,
or by way of a proxy: one line of 22 characters or more, as \`openssl rand -hex 32\` makes it. Programs
send it as \`Authorization: Bearer TOKEN\`, people type it at \`/login\`. Not readable by others:
\`chmod 640\`.

A name without \`/\` is a credential that systemd hands over, as with \`secrets_file\`.`,
  },
  allowAnonymous: {
    kind: boolean,
    default: false,
    reload: "yes",
    doc: `Let everybody who reaches \`address\` read the pages, addresses of clients among them. For
networks where something else chooses who does.`,
  },
  public: {
    kind: words("pages", ["health", "metrics"]),
    default: undefined,
    defaultText: "none",
    reload: "yes",
    doc: `Pages that need no token wherever they are asked from: \`health\` is \`/healthz\` and
\`/readyz\`, \`metrics\` is \`/metrics\`. Neither tells anything of a single client.`,
  },
  hosts: {
    kind: hostNames,
    default: undefined,
    defaultText: "none on loopback, any elsewhere",
    reload: "yes",
    doc: `Names by which the pages may be asked, besides addresses and \`localhost\`: that of a
reverse proxy in front of them which passes \`Host\` on. It keeps web pages from having a browser read
them by names of their own.`,
  },
  record: {
    kind: boolean,
    default: false,
    reload: "restart",
    doc:
      `Keep the headers of the last packets, in memory, for \`teredo record\` and the pages: 4,096 for
each worker, no payload. What led to trouble is set aside. It costs 2 to 6 % of a packet's processor
time. See [recording.md](recording.md).`,
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
      "`control` in `$RUNTIME_DIRECTORY`, or in /run/teredo-relay, /run/teredo-server or /run/teredo-client; on a BSD in /var/run",
    reload: "restart",
    doc: `Path of the Unix socket by which \`teredo\` commands change a daemon that runs. It is for
root, for who runs the daemon, and for its group, which is that of \`user\`. \`no\`: none. Commands
find it by this setting: give two daemons of one kind two paths. See [security.md](security.md).`,
  },
  trace: {
    kind: boolean,
    default: false,
    reload: "yes",
    doc: `Let whoever may read the pages look on at what becomes of one peer's packets, by
\`GET /trace?peer=PEER\`: who talks with whom, and when, but nothing of what they say. One at a
time, for a minute or 500 packets.`,
  },
};
