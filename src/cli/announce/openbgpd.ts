import { FALL, INTERVAL, PATIENCE, RISE } from "./health.ts";
import type { AnnouncePlan, Asked } from "./plan.ts";

const HOOK = "/usr/local/sbin/teredo-announce";

/** The whole bgpd.conf of OpenBGPD, for {@link openbgpdHook}. */
export function openbgpdConfig(plan: AnnouncePlan): string {
  const { prefix, as, neighbor, neighborAs, routerId } = plan;
  const change = (value: Asked<unknown>) => value.isPlaceholder ? "    # CHANGE" : "";
  return `# OpenBGPD: announces ${prefix} by BGP while the Teredo relay of this machine is ready.
#
# This is a whole bgpd.conf. It announces nothing by itself: a program asks the relay and adds the network, or
# takes it away. It is printed by
#
#     teredo announce openbgpd --hook > ${HOOK}
#
# and runs beside bgpd for as long as that does.

AS ${as.value}${change(as)}
${
    routerId === undefined
      ? "# One of this machine's IPv4 addresses, unless it is given:\n# router-id 192.0.2.1"
      : `router-id ${routerId}`
  }
holdtime 9
fib-update no    # nothing is written to the kernel

neighbor ${neighbor.value} {${change(neighbor)}
  remote-as ${neighborAs.value}${change(neighborAs)}
  # tcp md5sig password "..."    # if the neighbour has one
  announce IPv6 unicast
}

# Nothing is learned, and nothing else is ever announced.
deny from any
deny to any
allow to ${neighbor.value} prefix ${prefix}

# To check it:       bgpd -n -f /etc/bgpd.conf
# To take it over:   bgpctl reload
# What is announced: bgpctl show rib out neighbor ${neighbor.value}
`;
}

/** A program for sh(1) that has OpenBGPD announce the prefix while the relay is ready. */
export function openbgpdHook({ prefix, readyUrl }: AnnouncePlan): string {
  return `#!/bin/sh
#
# Has OpenBGPD announce ${prefix} while the Teredo relay is ready: after ${RISE} good answers in a row,
# until ${FALL} in a row are bad. Run it as root, beside bgpd and restarted as that is.

url=${readyUrl}
rise=${RISE}
fall=${FALL}

is_ready() {
  if command -v curl >/dev/null; then curl -sf -m ${PATIENCE} -o /dev/null "$url"
  elif command -v fetch >/dev/null; then fetch -q -T ${PATIENCE} -o /dev/null "$url"
  else ftp -V -M -w ${PATIENCE} -o /dev/null "$url"
  fi >/dev/null 2>&1
}

withdraw() {
  bgpctl network delete ${prefix} >/dev/null
  announced=no
}

announce() {
  bgpctl network add ${prefix} >/dev/null && announced=yes
}

trap 'withdraw; exit 0' HUP INT TERM
withdraw
good=0
bad=0
while :; do
  if is_ready; then good=$((good + 1)) bad=0; else bad=$((bad + 1)) good=0; fi
  if [ $announced = no ] && [ $good -ge $rise ]; then announce; fi
  if [ $announced = yes ] && [ $bad -ge $fall ]; then withdraw; fi
  sleep ${INTERVAL}
done
`;
}
