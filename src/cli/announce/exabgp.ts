import { FALL, INTERVAL, PATIENCE, RISE } from "./health.ts";
import type { AnnouncePlan, Asked } from "./plan.ts";

/** The whole exabgp.conf of ExaBGP 4. */
export function exabgpConfig(plan: AnnouncePlan): string {
  const { prefix, readyUrl, as, neighbor, neighborAs, address, routerId } = plan;
  const change = (value: Asked<unknown>) => value.isPlaceholder ? "    # CHANGE" : "";
  const check = `curl -sf -m ${PATIENCE} -o /dev/null ${readyUrl}`;
  return `# ExaBGP 4: announces ${prefix} by BGP while the Teredo relay of this machine is ready.
#
# It announces what its health check tells, and nothing else; it learns nothing. The check asks the relay: after
# ${RISE} good answers in a row the prefix is announced, after ${FALL} bad ones it is withdrawn.

process teredo {
  run /usr/bin/env PATH=/usr/bin:/usr/local/bin python3 -m exabgp healthcheck --silent --name teredo --cmd "${check}" --interval ${INTERVAL} --fast-interval ${INTERVAL} --timeout ${
    PATIENCE + 1
  } --rise ${RISE} --fall ${FALL} --ip ${prefix} --no-ip-setup --withdraw-on-down;
  encoder text;
}

neighbor ${neighbor.value} {${change(neighbor)}
  router-id ${routerId ?? "192.0.2.1"};${routerId === undefined ? "    # CHANGE" : ""}
  local-address ${address.value};${change(address)}
  local-as ${as.value};${change(as)}
  peer-as ${neighborAs.value};${change(neighborAs)}
  # md5-password "...";    # if the neighbour has one
  hold-time 9;
  family {
    ipv6 unicast;
  }
  api {
    processes [ teredo ];
  }
}

# To check it:       exabgp --test /etc/exabgp/exabgp.conf
# To take it over:   kill -USR1 $(pidof -x exabgp)
# What is announced: exabgpcli show adj-rib out
`;
}
