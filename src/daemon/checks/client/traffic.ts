import type { ClientConfig } from "#src/config/config.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { Host } from "../../host/contract.ts";
import type { Selector, Traffic } from "../../host/traffic.ts";
import { udp4 } from "../samples.ts";
import { type Endpoint, outerOf, SOME_PORT, STRANGERS, THEIR_PORTS } from "../traffic.ts";

/** Whom a client asks, or who asks it. */
interface Others {
  readonly addresses: readonly number[];
  readonly port: number;
  /** Completes "UDP datagrams to ...", and "answers of ...". */
  readonly outward: string;
  readonly inward: string;
  /** What singles out what is sent to them, where our own port is not known. */
  readonly accept: Selector;
}

/**
 * What a client cannot be without: that it asks servers and peers, and that their answers come in. What
 * comes unasked, as from a server's other address, it can do without: RFC 4380 §5.2.1 takes that for
 * a NAT that restricts.
 *
 * @param endpoint port 0: the kernel is to choose it
 */
export function clientTraffic(
  host: Host,
  client: ClientConfig,
  endpoint: Endpoint = { address: client.bindAddress, port: client.bindPort },
): Traffic[] {
  const named = client.servers.map((it) => parseIpv4(it.host)).filter((it) => it !== undefined);
  const servers: Others = {
    addresses: named.length > 0 ? named : STRANGERS,
    port: TEREDO_PORT,
    outward: `port ${TEREDO_PORT} of servers`,
    inward: `servers (UDP from port ${TEREDO_PORT})`,
    accept: { toPort: TEREDO_PORT },
  };
  const peers: Others = {
    addresses: STRANGERS,
    port: THEIR_PORTS[1],
    outward: "peers",
    inward: "peers (UDP from any port)",
    accept: { udp: true },
  };
  return [servers, peers].flatMap((others) => exchange(host, endpoint, others));
}

/** Questions, and the answers to them, which connection tracking knows as such. */
function exchange(host: Host, { address, port }: Endpoint, others: Others): Traffic[] {
  const { own, outer, wan } = outerOf(host, address);
  const ours = { address: own, port: port || SOME_PORT };
  const at = address === 0 ? "" : formatIpv4(address);
  const name = port === 0 ? at : at === "" ? `port ${port}` : `${at}:${port}`;
  return [
    {
      subject: `UDP datagrams ${name === "" ? "" : `from ${name} `}to ${others.outward}`,
      needed: true,
      path: "output",
      version: 4,
      ...(wan === undefined ? {} : { out: wan }),
      packets: others.addresses.map((to) =>
        udp4(
          `to ${formatIpv4(to)}`,
          { from: ours.address, fromPort: ours.port, to, toPort: others.port },
          "source",
        )
      ),
      accept: port === 0 ? others.accept : { fromPort: port },
    },
    {
      subject: `answers of ${others.inward}${name === "" ? "" : ` to ${name}`}`,
      needed: true,
      path: "input",
      version: 4,
      ...(outer === undefined ? {} : { in: outer }),
      packets: others.addresses.map((from) => ({
        ...udp4(
          `from ${formatIpv4(from)}`,
          { from, fromPort: others.port, to: ours.address, toPort: ours.port },
          "destination",
        ),
        tracked: "established" as const,
      })),
      accept: port === 0 ? { udp: true, answers: true } : { toPort: port },
    },
  ];
}
