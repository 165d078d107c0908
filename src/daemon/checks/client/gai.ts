import { inPrefix, type Ipv6Prefix, parseIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { type CheckResult, ok, warn } from "../result.ts";

/** By which the C library orders addresses: getaddrinfo(3), gai.conf(5). */
export const GAI_CONF = "/etc/gai.conf";

const TEREDO = parseIpv6("2001::1")!;
const NATIVE = parseIpv6("2a00::1")!;

interface Label extends Ipv6Prefix {
  readonly label: number;
}

/**
 * Whether names with both kinds of address still give IPv4 first, and Teredo addresses first where the
 * host has no other IPv6. By the library's own labels they do; a label in the file replaces all of them.
 *
 * @param text of the file; undefined: there is none
 */
export function checkAddressLabels(text: string | undefined): CheckResult[] {
  if (text === undefined) return [];
  const labels = text.split("\n").flatMap(labelOf);
  const [teredo, native] = [TEREDO, NATIVE].map((address) => labelFor(address, labels));
  if (labels.length === 0) return [ok("gai_conf", `${GAI_CONF} leaves the labels as they are`)];
  if (teredo !== undefined && teredo !== native) {
    return [ok("gai_conf", `${GAI_CONF} tells Teredo from other IPv6`)];
  }
  return [
    warn(
      "gai_conf",
      `${GAI_CONF} has labels, and none for 2001::/32: names with an IPv6 address lead into the ` +
        "tunnel, though IPv4 would be quicker",
      `write \`label 2001::/32 7\` in ${GAI_CONF}, as the library has it without labels`,
    ),
  ];
}

function labelOf(line: string): Label[] {
  const [word, prefix = "", value = ""] = line.replace(/#.*$/, "").trim().split(/\s+/);
  if (word !== "label" || !/^\d{1,9}$/.test(value)) return [];
  const parsed = parseIpv6Prefix(prefix);
  return parsed === undefined ? [] : [{ ...parsed, label: Number(value) }];
}

/** Of the longest prefix that holds the address. */
function labelFor(address: Uint8Array, labels: readonly Label[]): number | undefined {
  const holding = labels.filter((it) => inPrefix(address, 0, it));
  return holding.sort((a, b) => b.length - a.length)[0]?.label;
}
