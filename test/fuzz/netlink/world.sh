# Links, addresses, routes, rules and packet filters of many kinds, in the network namespace of who
# runs this: see record.ts.
set -e
ip link set lo up
ip link add eth0 type veth peer name eth1
ip link add br0 type bridge
ip link set eth1 master br0
ip tuntap add dev teredo mode tun multi_queue
for link in eth0 eth1 br0 teredo; do ip link set $link up; done
ip address add 198.51.100.1/24 dev eth0
ip address add 2001:db8::2/64 dev eth0 nodad
ip route add 2001:db8:5::/48 via 2001:db8::9 metric 7 mtu 1400
ip route add 2001:db8:6::/48 nexthop via 2001:db8::9 nexthop via 2001:db8::8
ip -6 route add unreachable 2001:db8:7::/48
ip route add 2001::/32 dev teredo proto boot metric 10
ip -6 rule add from 2001:db8:1::/48 table 7
ip -6 rule add suppress_prefixlength 0 table main priority 9
nft -f - <<'RULES'
table inet filter {
  set allowed { type ipv6_addr; flags interval; elements = { 2001:db8::/32, 2001::/32 } }
  map verdicts { type inet_service : verdict; elements = { 3545 : accept, 25 : drop } }
  limit slow { rate 5/second }
  chain own { tcp dport 22 accept; return; }
  chain input {
    type filter hook input priority 0; policy drop;
    ct state established,related accept
    iifname "lo" accept
    udp dport { 3544, 3545 } accept
    udp sport 1-1023 counter drop
    ip saddr 10.0.0.0/8 drop
    udp dport vmap @verdicts
    jump own
    limit name "slow" reject
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ip6 saddr @allowed accept
    ip6 nexthdr udp ip6 length 41-1280 meta mark set 0x7 counter
    icmpv6 type { echo-request, packet-too-big } limit rate 10/second accept
    ip6 saddr & ffff:: == 2001:: oifname != "teredo" log prefix "x" drop
    fib saddr . iif oif missing drop
    meta l4proto tcp tcp flags syn tcp option maxseg size set 1200
    ip6 daddr != 2001:db8::/32 goto own
  }
}
table ip nat {
  chain post { type nat hook postrouting priority 100; oifname "eth0" masquerade; }
  chain pre { type nat hook prerouting priority -100; tcp dport 80 redirect to :8080; }
}
table netdev early { chain in { type filter hook ingress device "eth0" priority 0; ip ttl 1 drop; }; }
RULES
