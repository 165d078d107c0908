import { ENTRIES, type Entry } from "#src/config/settings.ts";
import type { Prng } from "#test/sim/prng.ts";

/** The grammar of configurations: settings, and values that mean something to one kind or another. */

const VALUES = [
  ..."0 1 7 -1 1280 1500 65535 65536 4294967296 0x10 010 1e3 yes no true off auto".split(" "),
  ..."198.51.100.1 198.51.100.2 203.0.113.1 10.0.0.1 127.0.0.1 0.0.0.0 224.0.0.1 1.2 ::1".split(
    " ",
  ),
  ..."2001::/32 2001:db8::/32 2001:: fd00::/8 2001:db8::/129 ::/0 fe80::1 9s 2m 500ms 1h 1d".split(
    " ",
  ),
  ..."nobody root 64k 1m 2g /run/a /etc/passwd relative secrets token teredo lo local3".split(" "),
  ..."health metrics example.org example.org,192.0.2.1 none all error debug json syslog".split(" "),
  ...['"a b"', '"', '""', "#", ";", "a # b", "a#b", "", " ", "$HOME", "%d", "\u00e9", "\u2028"],
];

export function anyValue({ kind }: Entry, random: Prng): string {
  const { words = [] } = kind;
  if (words.length > 0 && random.below(3) === 0) return random.pick(words);
  if (random.below(3) === 0) return `${random.pick(VALUES)},${random.pick(VALUES)}`;
  const bound = /\d+/g;
  const bounds = kind.range.match(bound) ?? [];
  return bounds.length > 0 && random.below(3) === 0 ? random.pick(bounds) : random.pick(VALUES);
}

const SECTIONS = [
  "[relay]",
  "[server]",
  "[status]",
  "[log]",
  "[client]",
  "[relay",
  "[]",
  "[ relay ]",
];
const DIRECTIVES = [
  ..."RelayType InterfaceName BindAddress BindPort Prefix InterfaceMTU SyslogFacility".split(" "),
  ..."ServerBindAddress ServerBindAddress2 AdvertisedAddress ServerAddress Foo bindport".split(" "),
];

/** A line that a configuration may have. */
export function anyLine(random: Prng): string {
  const entry = random.pick(ENTRIES);
  switch (random.below(8)) {
    case 0:
      return random.pick(SECTIONS);
    case 1:
      return `# ${random.pick(VALUES)}`;
    case 2:
    case 3:
      return `${entry.miredo ?? random.pick(DIRECTIVES)} ${anyValue(entry, random)}`;
    case 4:
      return `${entry.key}=${anyValue(entry, random)} ${random.pick(["", "# why", ";", '"'])}`;
    default:
      return `${entry.key} = ${anyValue(entry, random)}`;
  }
}
