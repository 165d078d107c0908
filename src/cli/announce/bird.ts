import type { AnnouncePlan } from "./plan.ts";

/** The whole bird.conf of BIRD 2. */
export function birdConfig(plan: AnnouncePlan): string {
  const { prefix, metric, protocol, as, neighbor, neighborAs, routerId } = plan;
  const change = (...values: { readonly isPlaceholder: boolean }[]) =>
    values.some(({ isPlaceholder }) => isPlaceholder) ? "    # CHANGE" : "";
  return `# BIRD 2: announces ${prefix} by BGP while the Teredo relay of this machine is ready.
#
# This is a whole bird.conf. Into one that is there take over the table, the two filters and the protocols
# teredo_ready and teredo_bgp. BIRD has one protocol kernel for a routing table of the kernel: where there is
# one already, give that \`learn\` and let it import what teredo_learned accepts.

log syslog all;
${
    routerId === undefined
      ? "# One of this machine's IPv4 addresses, unless it is given:\n# router id 192.0.2.1;"
      : `router id ${routerId};`
  }

# Interfaces, without which no route counts.
protocol device {
}

ipv6 table teredo;

# The relay keeps a second route of its prefix while it is ready, by which nothing but this is told. It
# withdraws it at once, and brings it back when it has been ready for a while: here nothing is damped.
filter teredo_learned {
  if net = ${prefix} && krt_metric = ${metric} && krt_source = ${protocol} then accept;
  reject;
}

protocol kernel teredo_ready {
  learn;
  scan time 10;  # changes are heard of at once; this is for what was missed
  ipv6 {
    table teredo;
    import filter teredo_learned;
    export none;  # nothing is written to the kernel
  };
}

# Nothing else is ever announced.
filter teredo_announced {
  if net = ${prefix} && proto = "teredo_ready" then accept;
  reject;
}

# A router that is gone is noticed within a second where the neighbour has BFD as well. RFC 5880
protocol bfd teredo_bfd {
  interface "*" {
    min rx interval 300 ms;
    min tx interval 300 ms;
    multiplier 3;
  };
}

protocol bgp teredo_bgp {
  local as ${as.value};${change(as)}
  neighbor ${neighbor.value} as ${neighborAs.value};${change(neighbor, neighborAs)}
  # password "...";  # TCP MD5, if the neighbour has one
  hold time 9;
  bfd on;
  ipv6 {
    table teredo;
    import none;
    export filter teredo_announced;
    next hop self;
  };
}

# To check it:       bird -p -c /etc/bird/bird.conf
# To take it over:   birdc configure
# What is announced: birdc show route export teredo_bgp
`;
}
