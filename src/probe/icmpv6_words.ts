/** Codes by type, as the RFC that assigns them calls them. RFC 4443 §3, RFC 6550 §11.1, RFC 7112 §5 */
const WORDS: ReadonlyMap<number, readonly [name: string, codes: readonly string[]]> = new Map([
  [1, [
    "destination unreachable",
    [
      "no route to destination",
      "communication with destination administratively prohibited",
      "beyond scope of source address",
      "address unreachable",
      "port unreachable",
      "source address failed ingress or egress policy",
      "reject route to destination",
      "error in source routing header",
    ],
  ]],
  [2, ["packet too big", []]],
  [3, [
    "time exceeded",
    ["hop limit exceeded in transit", "fragment reassembly time exceeded"],
  ]],
  [4, [
    "parameter problem",
    [
      "erroneous header field encountered",
      "unrecognized next header type encountered",
      "unrecognized IPv6 option encountered",
      "incomplete header chain in the first fragment",
    ],
  ]],
]);

/** An ICMPv6 error for people: words, and the numbers where there are none. */
export function icmpv6Words(type: number, code: number): string {
  const known = WORDS.get(type);
  if (known === undefined) return `ICMPv6 error of type ${type}, code ${code}`;
  const [name, codes] = known;
  if (codes.length === 0) return name;
  return `${name}: ${codes[code] ?? `code ${code}`}`;
}
