import type { ServerConfig } from "../config.ts";
import { boolean, choice, integer, ipv4 } from "../kinds/mod.ts";
import { secretFile } from "../kinds/system.ts";
import {
  ALGORITHM,
  type Flat,
  MTU,
  PREFIX,
  PROCESS,
  REFUSE_RESERVED,
  SOCKET_BUFFER,
  type Table,
  WORKERS,
} from "../setting.ts";

export const SERVER: Table<Flat<Omit<ServerConfig, "secrets">>> = {
  bindAddress: {
    kind: ipv4,
    default: undefined,
    defaultText: "none: a server needs it",
    miredo: "ServerBindAddress",
    reload: "restart",
    doc: `Primary IPv4 address: UDP port 3544 is served on it, and it is part of every client's
Teredo address. A public address of this machine; behind 1:1 NAT the private one, with
\`advertised_address\` beside it.`,
  },
  bindAddress2: {
    kind: ipv4,
    default: undefined,
    defaultText: "`bind_address` + 1",
    miredo: "ServerBindAddress2",
    reload: "restart",
    doc: `Secondary IPv4 address, from which clients learn whether their NAT is a cone. Windows
clients take it to be the primary address plus one.`,
  },
  advertisedAddress: {
    kind: ipv4,
    default: undefined,
    defaultText: "`bind_address`",
    miredo: "AdvertisedAddress",
    miredoExtension: true,
    reload: "yes",
    doc: `Primary address as clients see it, for a server whose public addresses are mapped 1:1 to
private ones, as cloud providers do it. Give both advertised addresses or neither.`,
  },
  advertisedAddress2: {
    kind: ipv4,
    default: undefined,
    defaultText: "`bind_address2`",
    miredo: "AdvertisedAddress2",
    miredoExtension: true,
    reload: "yes",
    doc: `Secondary address as clients see it.`,
  },
  allowNonConsecutive: {
    kind: boolean,
    default: false,
    reload: "yes",
    doc: `Accept a secondary address that is not the primary plus one (as clients see them). Windows
clients assume that it is, and then take their NAT for worse than it is.`,
  },
  prefix: {
    ...PREFIX,
    reload: "restart",
    doc: `The Teredo service prefix that is advertised, always 32 bits long. Anything but 2001::/32
is for closed test networks.`,
  },
  interfaceMtu: {
    ...MTU,
    reload: "yes",
    doc: `MTU that router advertisements tell clients. RFC 4380 section 5.2.1 has 1280.`,
  },
  refuseReserved: REFUSE_RESERVED,
  requireAuthentication: {
    kind: boolean,
    default: false,
    reload: "yes",
    doc: `Answer only router solicitations with a valid authentication value (secure qualification,
RFC 4380 section 5.2.2). Needs \`secrets_file\`. Clients in the field know no secret: this is for
closed networks.`,
  },
  authenticationAlgorithm: {
    ...ALGORITHM,
    doc: `Hash of the HMAC that makes authentication values; RFC 4380 names SHA-1.`,
  },
  secretsFile: {
    kind: secretFile("secrets"),
    default: undefined,
    reload: "yes",
    doc: `File of client identifiers and their keys, one client a line: \`NAME hex:00112233...\` or
\`NAME text:passphrase\`, and \`revoked\` behind it for a client that shall be told to get a new key.
\`#\` starts a comment. Not readable by others: \`chmod 640\`.

Keys have to be random, 16 bytes or more, as of \`openssl rand -hex 16\`: who sees a solicitation that
is signed by a word finds the word (RFC 4380 section 7.2.1). \`text:\` is for keys that are text already.

A name without \`/\` is a credential that systemd hands over: \`secrets_file = secrets\` with
\`LoadCredential=secrets:/etc/teredo/secrets\` in the unit lets a server without privileges read what
only root may. Where no service manager hands over credentials, the file of that name beside this one
is read.`,
  },
  solicitationRate: {
    kind: integer(0, 1_000_000, "a second"),
    default: 100,
    reload: "yes",
    doc: `Router solicitations answered a second for one IPv4 address; many clients can share one
behind a carrier's NAT. 0: no limit.`,
  },
  solicitationBurst: {
    kind: integer(1, 1_000_000),
    default: 200,
    reload: "yes",
    doc: `Router solicitations answered at once for one IPv4 address.`,
  },
  forwardRate: {
    kind: integer(0, 1_000_000, "a second"),
    default: 1_000,
    reload: "yes",
    doc: `Bubbles and ICMPv6 messages forwarded a second, and at once, to one IPv4 address, which
whoever sends them chooses; many clients can share one behind a carrier's NAT. 0: no limit.`,
  },
  icmpMaxLength: {
    kind: integer(8, 1240, "bytes"),
    default: 88,
    reload: "yes",
    doc: `Longest ICMPv6 message that is forwarded, its header included, and the most bytes of
trailers. 88 is enough for clients' pings and keeps servers from being used as relays.`,
  },
  socketBuffer: SOCKET_BUFFER,
  fastPath: {
    kind: choice(["auto", "on", "off"]),
    default: "auto",
    reload: "restart",
    doc:
      `Whether a program in the kernel answers the router solicitations that all clients send, where
they come in: Linux 6.6 and later, on an Ethernet interface that has both addresses of the server. Whatever
is in any way unusual goes by the server as ever.

This host's own IPv4 filters see neither such solicitations nor their answers, nor does connection
tracking: the answer goes back to the station that the solicitation came from, by the same interface.
\`auto\`: where no chain of a filter that they would pass has a rule, and nothing is recorded
(\`record\`). \`on\`: whatever the chains do. \`off\`: never. With \`require_authentication\` never
either. The log and \`teredo status\` say what was chosen, and why; see [fast-path.md](fast-path.md).`,
  },
  workers: WORKERS,
  ...PROCESS,
};
