import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { NatKind, ProbeEvent } from "./contract.ts";
import { icmpv6Words } from "./icmpv6_words.ts";
import { formatEndpoint } from "./outcome.ts";

const NAT: Record<NatKind, string> = {
  "none": "none: this host has a public address",
  "firewall": "none, but a firewall keeps strangers' packets out",
  "none-or-firewall": "none: this host has a public address. Whether a firewall keeps strangers' " +
    "packets out is not known: the server's secondary address did not answer",
  "cone": "cone (endpoint-independent mapping; anyone may send to it)",
  "restricted": "restricted or port-restricted (endpoint-independent mapping)",
  "symmetric": "symmetric (each destination sees another mapping): not every peer can be reached",
  "unknown": "there is one, of a kind that is not known: the server's secondary address did not " +
    "answer",
};

/** One line for people, or none when the event says them nothing. */
export function narrate(event: ProbeEvent): string | undefined {
  switch (event.kind) {
    case "solicited": {
      const again = event.attempt > 1 ? `, attempt ${event.attempt}` : "";
      const cone = event.cone ? " with cone bit" : "";
      return `router solicitation${cone} to ${formatIpv4(event.to)}${again}`;
    }
    case "advertised":
      return `router advertisement from ${formatIpv4(event.from)}: we are seen as ` +
        `${formatEndpoint(event.mapped)} (${milliseconds(event.rtt)})`;
    case "silent":
      return event.step === "cone"
        ? "no answer from the secondary address: no stranger's packet comes in"
        : "no answer from the secondary address, though it was asked itself";
    case "qualified":
      return `Teredo address ${formatIpv6(event.address)}, MTU ${event.mtu}\n` +
        `NAT: ${NAT[event.nat]}`;
    case "ping": {
      const again = event.attempt > 1 ? `, attempt ${event.attempt}` : "";
      return `echo request ${event.ping} by way of the ${event.via}${again}`;
    }
    case "bubble":
      return `relay ${formatEndpoint(event.origin)} called for us through the server: ` +
        (event.answered ? "bubble sent to it" : "not answered, by the limits of RFC 4380 5.2.6");
    case "challenge":
      return `relay ${formatEndpoint(event.from)} asks who we are: ` +
        (event.answered ? "bubble sent to it" : "not answered, by the limits of RFC 4380 5.2.6");
    case "reply":
      return `echo reply ${event.ping} from relay ${formatEndpoint(event.relay)} in ` +
        milliseconds(event.rtt);
    case "lost":
      return `no answer to echo request ${event.ping}`;
    case "unreachable":
      return `${formatIpv6(event.from)} says: ${icmpv6Words(event.type, event.code)}`;
    case "ignored":
      return `ignored a datagram from ${formatEndpoint(event.from)}: ${event.reason}`;
    case "unsent":
      return `nothing could be sent to ${formatEndpoint(event.to)}: ${event.reason}`;
    case "failed":
    case "finished":
      return undefined;
  }
}

function milliseconds(duration: number): string {
  return `${duration.toFixed(1)} ms`;
}
