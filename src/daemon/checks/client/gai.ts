import {
  formatIpv6Prefix,
  inPrefix,
  type Ipv6Prefix,
  parseIpv6,
  parseIpv6Prefix,
} from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import { type CheckResult, ok, warn } from "../result.ts";

/** By which the C library orders addresses: getaddrinfo(3), gai.conf(5). */
export const GAI_CONF = "/etc/gai.conf";

const NATIVE = parseIpv6("2a00::1")!;

interface Label extends Ipv6Prefix {
  readonly label: number;
}

/**
 * Whether names with both kinds of address still give IPv4 first, and Teredo addresses first where the
 * host has no other IPv6. By the library's own labels they do, as far as it knows the service prefix; a
 * label in the file replaces all of them.
 *
 * @param text of the file; undefined: there is none
 * @param prefix upper 32 bits of the service prefix
 */
export function checkAddressLabels(text: string | undefined, prefix: number): CheckResult[] {
  if (text === undefined) return [];
  const service = servicePrefixOf(prefix);
  const name = formatIpv6Prefix(service);
  const labels = text.split("\n").flatMap(labelOf);
  const teredo = labelFor(service.bytes.with(15, 1), labels);
  const native = labelFor(NATIVE, labels);
  const isOfLibrary = labels.length === 0;
  if (isOfLibrary && prefix === SERVICE_PREFIX) {
    return [ok("gai_conf", `${GAI_CONF} leaves the labels as they are`)];
  }
  if (teredo !== undefined && teredo !== native) {
    return [ok("gai_conf", `${GAI_CONF} tells Teredo from other IPv6`)];
  }
  return [
    warn(
      "gai_conf",
      `${
        isOfLibrary ? "the C library" : GAI_CONF
      } has labels, and none for ${name}: names with an IPv6 ` +
        "address lead into the tunnel, though IPv4 would be quicker",
      isOfLibrary
        ? `write the labels that gai.conf(5) lists in ${GAI_CONF}, and \`label ${name} 7\``
        : `write \`label ${name} 7\` in ${GAI_CONF}, as the library has 2001::/32 without labels`,
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
