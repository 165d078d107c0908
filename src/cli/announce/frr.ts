import type { AnnouncePlan, Asked } from "./plan.ts";

/** The whole frr.conf of FRR, whose daemons zebra, bgpd and bfdd are to run. */
export function frrConfig(plan: AnnouncePlan): string {
  const { prefix, metric, as, neighbor, neighborAs, routerId } = plan;
  const change = (...values: Asked<unknown>[]) =>
    values.some(({ isPlaceholder }) => isPlaceholder) ? " ! CHANGE in the next line\n" : "";
  const peer = neighbor.value;
  return `! FRR: announces ${prefix} by BGP while the Teredo relay of this machine is ready.
!
! This is a whole frr.conf; in /etc/frr/daemons bgpd and bfdd are to be \`yes\`. Into a configuration that is
! there take over the lists, the route maps, and what \`router bgp\` has below.
!
log syslog informational
!
! The relay keeps a second route of its prefix while it is ready, by which nothing but this is told. It
! withdraws it at once, and brings it back when it has been ready for a while: here nothing is damped. zebra
! takes the route of the lowest metric, which is that one, or else one that does not match.
ipv6 prefix-list TEREDO seq 5 permit ${prefix}
!
route-map TEREDO-READY permit 10
 match ipv6 address prefix-list TEREDO
 match metric ${metric}
 set metric 0
exit
!
! Nothing else is ever announced, and nothing is learned.
route-map TEREDO-ANNOUNCED permit 10
 match ipv6 address prefix-list TEREDO
exit
!
route-map TEREDO-NOTHING deny 10
exit
!
${change(as).slice(1)}router bgp ${as.value}
${
    routerId === undefined
      ? " ! One of this machine's IPv4 addresses, unless it is given:\n ! bgp router-id 192.0.2.1"
      : ` bgp router-id ${routerId}`
  }
 no bgp default ipv4-unicast
${change(neighbor, neighborAs)} neighbor ${peer} remote-as ${neighborAs.value}
 ! neighbor ${peer} password ...
 neighbor ${peer} timers 3 9
 ! A router that is gone is noticed within a second where the neighbour has BFD as well. RFC 5880
 neighbor ${peer} bfd
 !
 address-family ipv6 unicast
  redistribute kernel route-map TEREDO-READY
  neighbor ${peer} activate
  neighbor ${peer} route-map TEREDO-NOTHING in
  neighbor ${peer} route-map TEREDO-ANNOUNCED out
 exit-address-family
exit
!
! To check it:       vtysh -C -f /etc/frr/frr.conf
! To take it over:   systemctl reload frr
! What is announced: vtysh -c 'show bgp ipv6 unicast neighbors ${peer} advertised-routes'
`;
}
