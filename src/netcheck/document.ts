import type { AddressRules } from "#src/probe/contract.ts";
import { explain, formatEndpoint } from "#src/probe/outcome.ts";
import type { Millis } from "#src/protocol/time.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { NativeSeen, Observations, ServerSeen, View } from "./contract.ts";
import type { LifetimeVerdict, Verdict } from "./verdict.ts";

/**
 * A verdict as `--json` prints it: `netcheck` of docs/status.schema.json. Undefined is left out.
 *
 * @param problems why somebody was not asked
 */
export function toDocument(
  seen: Observations,
  verdict: Verdict,
  problems: readonly string[] = [],
): object {
  const { local, stun, hops } = seen;
  return {
    reachable: verdict.reachable,
    udp: verdict.udp,
    local: local && formatEndpoint(local),
    mapped: verdict.mapped && formatEndpoint(verdict.mapped),
    nat: verdict.nat,
    mapping: verdict.mapping,
    compared: verdict.compared,
    pooling: verdict.pooling,
    filtering: verdict.filtering,
    port_preservation: verdict.preservation,
    port_assignment: verdict.assignment,
    hairpin: verdict.hairpin,
    lifetime: verdict.lifetime && lifetimeOf(verdict.lifetime),
    nested: verdict.nested,
    hops: hops?.map((hop) => hop === undefined ? null : formatIpv4(hop)),
    servers: seen.servers.map((server) => serverOf(server, seen.rules)),
    stun: stun && {
      server: stun.name,
      mapped: stun.first && formatEndpoint(stun.first.mapped),
      rtt_seconds: rttOf(stun.first),
      changes: stun.canChange,
    },
    peers: verdict.reaches,
    strays: seen.strays.map(({ from, reason, times }) => ({
      from: formatEndpoint(from),
      reason,
      times,
    })),
    problems,
  };
}

function lifetimeOf({ atLeast, below }: LifetimeVerdict): object {
  return {
    at_least_seconds: toTenths(atLeast),
    below_seconds: below === undefined ? undefined : toTenths(below),
  };
}

function serverOf(server: ServerSeen, rules: AddressRules): object {
  const { name, primary, secondary, primaryView, secondaryView, home, failure, native } = server;
  const target = native && formatIpv6(native.target);
  const outcome = target === undefined ? {} : { target };
  return {
    name,
    address: formatIpv4(primary),
    secondary: formatIpv4(secondary),
    qualified: home !== undefined,
    teredo_address: home && formatIpv6(home.address),
    mtu_bytes: home?.mtu,
    mapped: primaryView && formatEndpoint(primaryView.mapped),
    rtt_seconds: rttOf(primaryView),
    secondary_mapped: secondaryView && formatEndpoint(secondaryView.mapped),
    secondary_rtt_seconds: rttOf(secondaryView),
    strangers_come_in: server.strangerCameIn,
    refusal: server.refusal,
    native: native && nativeOf(native),
    failure: failure && {
      step: failure.replaceAll("-", "_"),
      ...explain(failure, { server: formatIpv4(primary), ...outcome }, rules),
    },
  };
}

function nativeOf({ target, answer }: NativeSeen): object {
  return {
    target: formatIpv6(target),
    answered: answer !== undefined,
    rtt_seconds: rttOf(answer),
    relay: answer && formatEndpoint(answer.relay),
  };
}

function rttOf(view: Pick<View, "rtt"> | undefined): number | undefined {
  return view && Math.round(view.rtt * 1_000) / 1e6;
}

function toTenths(time: Millis): number {
  return Math.round(time / 100) / 10;
}
