import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, formatIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import type { AddressRules, Endpoint, Failure, NatKind, ProbeEvent } from "./contract.ts";

/** In JSON words have underscores. */
type Word<T extends string> = T extends `${infer A}-${infer B}` ? `${A}_${Word<B>}` : T;
export type NatWord = Word<NatKind>;
export type FailureWord = Word<Failure>;

const wordOf = <T extends string>(text: T) => text.replaceAll("-", "_") as Word<T>;

/** What a probe found out, as `--json` prints it: `probed` of docs/status.schema.json. */
export interface ProbeOutcome {
  readonly server: string;
  readonly secondary: string;
  readonly local: string;
  reachable: boolean;
  address?: string;
  mapped?: string;
  nat?: NatWord;
  mtu_bytes?: number;
  target?: string;
  relay?: string;
  readonly pings: PingOutcome[];
  pings_lost: number;
  failure?: { readonly step: FailureWord; readonly problem: string; readonly mend: string };
}

export interface PingOutcome {
  readonly ping: number;
  /** 1 unless the first request, or its answer, was lost. */
  readonly attempts: number;
  readonly via: "server" | "relay";
  readonly relay: string;
  readonly rtt_seconds: number;
}

/** Adds what `event` says to `outcome`. @param rules by which it was asked */
export function record(outcome: ProbeOutcome, event: ProbeEvent, rules: AddressRules): void {
  switch (event.kind) {
    case "qualified":
      outcome.address = formatIpv6(event.address);
      outcome.mapped = formatEndpoint(event.mapped);
      outcome.nat = wordOf(event.nat);
      outcome.mtu_bytes = event.mtu;
      outcome.reachable = outcome.target === undefined;
      return;
    case "reply":
      outcome.reachable = true;
      outcome.relay = formatEndpoint(event.relay);
      outcome.pings.push({
        ping: event.ping,
        attempts: event.attempts,
        via: event.via,
        relay: outcome.relay,
        rtt_seconds: Math.round(event.rtt * 1000) / 1e6,
      });
      return;
    case "lost":
      outcome.pings_lost++;
      return;
    case "failed":
      outcome.reachable = false;
      outcome.failure = {
        step: wordOf(event.failure),
        ...explain(event.failure, outcome, rules),
      };
      return;
  }
}

/** What went wrong, and what to do about it. */
export function explain(
  failure: Failure,
  { server, target }: Pick<ProbeOutcome, "server" | "target">,
  { prefix, refuseReserved }: AddressRules,
): { problem: string; mend: string } {
  switch (failure) {
    case "server-silent":
      return {
        problem: `server ${server} did not answer three router solicitations`,
        mend:
          `check that a Teredo server runs there and that UDP to its port 3544 is not blocked ` +
          `on the way`,
      };
    case "key-refused":
      return {
        problem: `server ${server} answered that it wants another key`,
        mend:
          `it requires secure qualification: \`teredo netcheck\` shows the key in \`secret_file\` of ` +
          `the client's configuration, a probe has none`,
      };
    case "mapping-not-global":
      return {
        problem: `server ${server} sees this host under an address that is not global`,
        mend: refuseReserved
          ? "a server inside the NAT sees it so: use one on the Internet; or leave out " +
            "`refuse_reserved`, which refuses 100.64.0.0/10 and the like"
          : "the server stands inside the NAT: use one on the Internet",
      };
    case "no-relay":
      return {
        problem: `no relay called for us after four echo requests to ${target}`,
        mend: `check that ${target} answers a ping, that it has a route to ` +
          `${
            formatIpv6Prefix(servicePrefixOf(prefix))
          } by way of a relay, and that server ${server} forwards ICMPv6`,
      };
    case "relay-silent":
      return {
        problem: `a relay called for us, and nothing came after our answer`,
        mend: `check that UDP from and to the relay's port is not blocked between here and there`,
      };
    case "unreachable":
      return {
        problem: `${target} is unreachable: a router on the way said so`,
        mend: `check the address, and that its network has a route to it`,
      };
  }
}

export function formatEndpoint(endpoint: Endpoint): string {
  return `${formatIpv4(endpoint.address)}:${endpoint.port}`;
}
