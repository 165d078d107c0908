import { AF_INET, EINVAL, EXDEV, IFF_LOOPBACK, IFF_UP } from "#ffi/linux/mod.ts";
import { addresses, type Link, links } from "#src/datapath/linux/netlink/routing.ts";
import { wayOf } from "#src/datapath/linux/netlink/look_up.ts";
import type { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { readU32, writeU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { Finding } from "../../checks/result.ts";

/** Of an address that stands for itself: its packets come in by whatever interface. */
const HOST_BITS = 32;

/** How datagrams from one stranger to an address fare. */
interface Path {
  /** The interface that the address lies on; undefined: it stands for itself. */
  readonly lies: Link | undefined;
  /** The one that answers would leave by; undefined: none. */
  readonly leaves: Link | undefined;
  /** Those of the two by which the kernel would refuse the datagrams, for their source. */
  readonly refused: readonly Link[];
}

/**
 * What reverse-path filters do to datagrams of strangers, by the kernel's own look-up of a packet
 * that comes in.
 *
 * @returns undefined when the address is not on this host
 */
export function linuxReturnPath(
  netlink: Netlink,
  address: number,
  strangers: readonly number[],
): Finding | undefined {
  const own = addresses(netlink).find((it) =>
    it.family === AF_INET && readU32(it.bytes, 0) === address
  );
  if (own === undefined) return undefined;
  const up = links(netlink).filter(({ flags }) => (flags & IFF_UP) !== 0);
  const stands = own.prefixLength === HOST_BITS;
  const lies = up.find(({ index, flags }) =>
    index === own.index && (flags & IFF_LOOPBACK) === 0 && !stands
  );
  const paths = strangers.map((stranger) => pathOf(netlink, up, lies, address, stranger));
  return findingOf(formatIpv4(address), paths);
}

function pathOf(
  netlink: Netlink,
  up: readonly Link[],
  lies: Link | undefined,
  address: number,
  stranger: number,
): Path {
  const [to, from] = [bytesOf(address), bytesOf(stranger)];
  const answers = wayOf(netlink, { destination: from, source: to });
  const leaves = typeof answers === "number"
    ? undefined
    : up.find(({ index }) => index === answers.index);
  const both = new Set([lies, leaves].filter((it) => it !== undefined));
  const refused = [...both].filter(({ index }) => {
    const errno = wayOf(netlink, { destination: to, source: from, comesBy: index });
    return errno === EXDEV || errno === EINVAL; // EINVAL: Linux before 3.10
  });
  return { lies, leaves, refused };
}

function findingOf(text: string, paths: readonly Path[]): Finding {
  const deaf = paths.find(({ refused }) => refused.length > 0);
  if (deaf !== undefined) return deafness(text, deaf);
  const astray = paths.find(({ lies, leaves }) =>
    lies !== undefined && leaves !== undefined && lies !== leaves
  );
  if (astray !== undefined) return detour(text, astray.lies!.name, astray.leaves!.name);
  return { verdict: "ok", detail: `${text} hears strangers on the interface it answers by` };
}

function deafness(text: string, { leaves, refused }: Path): Finding {
  const names = refused.map(({ name }) => name);
  const why = leaves === undefined
    ? "there is no way for answers"
    : `answers leave by ${leaves.name}`;
  return {
    verdict: "warn",
    detail: `reverse-path filtering drops strangers' datagrams to ${text} that come in by ` +
      `${names.join(" or ")}, because ${why}`,
    mend: leaves === undefined
      ? `ip route add default via ROUTER dev ${names[0]}`
      : `sysctl -w net.ipv4.conf.${names[0]!.replaceAll(".", "/")}.rp_filter=2`,
  };
}

/** Nothing here is in the way, but the network that the answers come to may be. BCP 38 */
function detour(text: string, lies: string, leaves: string): Finding {
  return {
    verdict: "warn",
    detail: `${text} lies on ${lies}, and its answers leave by ${leaves}, whose network may drop ` +
      "them for their source",
    mend:
      `ip route add default via ROUTER dev ${lies} table 3544 && ip rule add from ${text} table 3544`,
  };
}

function bytesOf(address: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, address);
  return bytes;
}
