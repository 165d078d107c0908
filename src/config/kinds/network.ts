import { formatIp, parseIp } from "#src/protocol/wire/ip.ts";
import {
  formatIpv6,
  formatIpv6Prefix,
  type Ipv6Prefix,
  isLinkLocal,
  isMulticast,
  parseIpv6,
  parseIpv6Prefix,
} from "#src/protocol/wire/ipv6.ts";
import {
  formatPeerPattern,
  parsePeerPattern,
  type PeerPattern,
} from "#src/protocol/peers/pattern.ts";
import { readU32, writeU32 } from "#src/protocol/wire/bytes.ts";
import { integer, type Kind, listIn, type Parsed, quote } from "./mod.ts";

const MIN_MTU = 1280;
/** What one UDP datagram over IPv4 carries: 65,535 bytes less the headers of both. RFC 791 §3.1 */
const MAX_MTU = 65_507;

/** MTU of IPv6 inside UDP. Miredo takes what its 16 bits hold; in its syntax too much is cut. */
export const mtu: Kind<number> = {
  ...integer(MIN_MTU, MAX_MTU, "bytes"),
  parse(text, syntax) {
    if (syntax === "native") return integer(MIN_MTU, MAX_MTU).parse(text, syntax);
    const read = integer(0, 0xffff).parse(text, syntax);
    if ("problem" in read || read.value <= MAX_MTU) {
      return integer(MIN_MTU, MAX_MTU).parse(text, syntax);
    }
    const warning = `${quote(text)} is more than UDP carries, ${MAX_MTU} is used; write ${MAX_MTU}`;
    return { value: MAX_MTU, warning };
  },
};

/**
 * Upper 32 bits of an IPv6 prefix, as `2001:0::` or `2001::/32`.
 *
 * Miredo drops bits past the 32nd without a word; in its syntax they are named and dropped.
 */
export const prefix32: Kind<number> = {
  name: "IPv6 prefix",
  placeholder: "PREFIX",
  range: "`A:B::` or `A:B::/32`, unicast",
  parse(text, syntax) {
    const bytes = parseIpv6(text.replace(/\/32$/, ""));
    if (bytes === undefined) {
      return { problem: `${quote(text)} is not an IPv6 prefix of 32 bits; write e.g. 2001::/32` };
    }
    if (isMulticast(bytes, 0) || isLinkLocal(bytes, 0) || bytes[0] === 0) {
      return { problem: `${quote(text)} cannot hold unicast addresses; write e.g. 2001::/32` };
    }
    const value = readU32(bytes, 0);
    if (bytes.every((byte, i) => i < 4 || byte === 0)) return { value };
    const meant = prefix32.format(value);
    if (syntax === "native") {
      return { problem: `${quote(text)} has bits set past the 32nd; write ${meant}` };
    }
    return { value, warning: `${quote(text)} has bits past the 32nd, ignored; write ${meant}` };
  },
  format(value) {
    const bytes = new Uint8Array(16);
    writeU32(bytes, 0, value);
    return `${formatIpv6(bytes)}/32`;
  },
};

type Served = "any" | "self" | readonly Ipv6Prefix[];
/** Served prefixes that there may be; see docs/limits.md. */
export const MAX_SERVED = 256;

/** `any`, `self`, or prefixes parted by commas or blanks. */
export const served: Kind<Served> = {
  name: "prefixes",
  placeholder: "PREFIXES",
  words: ["any", "self"],
  range: "`any`, `self`, or up to 256 prefixes like `2001:db8::/32, 2001:db8:1::/48`",
  parse(text) {
    if (text === "any" || text === "self") return { value: text };
    const words = listIn(text);
    if (words.length === 0 || words.length > MAX_SERVED) {
      return { problem: `${words.length} prefixes; write 1 to ${MAX_SERVED}, \`any\` or \`self\`` };
    }
    return servedPrefixes(words);
  },
  format: (value) =>
    typeof value === "string" ? value : value.map((prefix) => formatIpv6Prefix(prefix)).join(", "),
};

function servedPrefixes(words: readonly string[]): Parsed<readonly Ipv6Prefix[]> {
  const value: Ipv6Prefix[] = [];
  for (const word of words) {
    const prefix = parseIpv6Prefix(word);
    if (prefix === undefined) {
      return {
        problem: `${quote(word)} is not an IPv6 prefix without host bits; ` +
          "write e.g. 2001:db8::/32, `any` or `self`",
      };
    }
    value.push(prefix);
  }
  return { value };
}

/** Where an HTTP server listens: an IPv4 or IPv6 address, in the one way to write it. */
export const ipAddress: Kind<string> = {
  name: "IP address",
  placeholder: "ADDRESS",
  range: "an IPv4 or IPv6 address",
  parse(text) {
    const bytes = parseIp(text);
    if (bytes !== undefined) return { value: formatIp(bytes) };
    return { problem: `${quote(text)} is not an IP address; write e.g. 127.0.0.1 or ::1` };
  },
  format: (value) => value,
};

/** Names that there may be; see docs/limits.md. */
const MAX_HOSTS = 32;
/** Of DNS, without its last point. RFC 1123 §2.1 */
export const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** Names by which an HTTP server is asked, parted by commas or blanks, in lower case. */
export const hostNames: Kind<readonly string[] | undefined> = {
  name: "host names",
  placeholder: "NAMES",
  range: `up to ${MAX_HOSTS} names like \`relay.example\``,
  parse(text) {
    const value = listIn(text.toLowerCase());
    const wrong = value.find((it) => !HOST_NAME.test(it));
    if (wrong !== undefined) {
      return { problem: `${quote(wrong)} is not a host name; write e.g. relay.example, no port` };
    }
    if (value.length >= 1 && value.length <= MAX_HOSTS) return { value };
    return { problem: `${value.length} names; write 1 to ${MAX_HOSTS}` };
  },
  format: (value) => value?.join(", ") ?? "",
};

/** Whose packets are looked at. */
export const debugPeer: Kind<PeerPattern> = {
  name: "peer",
  placeholder: "PEER",
  range: "`A.B.C.D`, `A.B.C.D:PORT`, an IPv6 address, or a prefix like `2001:db8::/32`",
  parse(text) {
    const value = parsePeerPattern(text);
    if (value !== undefined) return { value };
    return {
      problem: `${quote(text)} is no address, nor a prefix without host bits; ` +
        "write e.g. 192.0.2.1:40000 or 2001:db8::1",
    };
  },
  format: formatPeerPattern,
};

/** IFNAMSIZ of `<linux/if.h>` and `<net/if.h>`, with its closing zero. */
const INTERFACE_NAME_SIZE = 16;

/** What a hook may be told: no character that means something to a shell. */
export const HOOK_INTERFACE_NAME = /^[\w.@+~#%=,-]{1,15}$/;

/** A name the kernel takes; `%d` in it becomes a free number. */
export const interfaceName: Kind<string> = {
  name: "interface name",
  placeholder: "NAME",
  range: "1 to 15 characters, no blank, `/` or `:`",
  parse(text) {
    if (text.length >= INTERFACE_NAME_SIZE) {
      return {
        problem: `${quote(text)} has ${text.length} characters; write at most ${
          INTERFACE_NAME_SIZE - 1
        }`,
      };
    }
    const fits = /^[!-~]+$/.test(text) && !/[/:]/.test(text) && text !== "." && text !== "..";
    if (!fits || !/^[^%]*(%d)?[^%]*$/.test(text)) {
      return { problem: `${quote(text)} cannot name an interface; write e.g. \`teredo\`` };
    }
    return { value: text };
  },
  format: (value) => value,
};
