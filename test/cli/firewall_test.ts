import assert from "node:assert/strict";
import test from "node:test";
import { onMachine } from "./namespace.ts";

const OPTIONS = { timeout: 600_000 };

/** Rules as of a careful administrator who did not think of Teredo. */
const RULES = `
nft add table inet filter
nft 'add chain inet filter input { type filter hook input priority 0; policy drop; }'
nft add rule inet filter input iif lo accept
nft add rule inet filter input tcp dport 22 accept
`;

const READY = `
ready() {
  exec 3<>/dev/tcp/127.0.0.1/$port
  printf 'GET /readyz HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n' >&3
  cat <&3 > $work/body
  head -n 1 $work/body | cut -d ' ' -f 2
}
until_ready() {
  local i
  for i in $(seq 3000); do [ "$(ready)" = "$1" ] && break; sleep 0.1; done
  echo "readyz $(ready)"
}
`;

test("teredo check names the rule that drops and the command that mends it (C5)", OPTIONS, () => {
  const { lines, stderr } = onMachine(`
    ip route add default dev eth0
    ${RULES}
    teredo check server --bind-address 198.51.100.1 | grep firewall
    mend=$(teredo check server --bind-address 198.51.100.1 | sed -n 's/.* firewall: .*; mend: //p' | head -n 1)
    $mend
    teredo check server --bind-address 198.51.100.1 | grep firewall
  `);
  assert.match(
    lines[0] ?? stderr,
    /^FAIL firewall: UDP datagrams to 198\.51\.100\.1:3544, UDP datagrams to 198\.51\.100\.2:3544 are dropped by the policy of chain input of table inet filter; mend: nft add rule inet filter input udp dport 3544 accept$/,
  );
  assert.deepEqual(lines.slice(1), [
    "ok   firewall: nftables let everything needed pass",
  ]);
});

test("teredo check says that it cannot look at filters without the right to", OPTIONS, () => {
  const { stdout } = onMachine(`
    ${RULES}
    setpriv --bounding-set=-net_admin --inh-caps=-net_admin \\
      $program check server --bind-address 198.51.100.1 | grep firewall
  `);
  assert.match(stdout, /^note firewall: cannot look at nftables: that takes CAP_NET_ADMIN$/m);
  assert.doesNotMatch(stdout, /^(ok|FAIL|warn) +firewall/m);
});

test(
  "a server is not ready while a filter drops its datagrams, and says how to mend it (C5)",
  OPTIONS,
  () => {
    const { lines } = onMachine(`
    port=9544
    ${READY}
    ip route add default dev eth0
    daemon server server --bind-address 198.51.100.1
    until_says server Ready
    until_ready 200
    ${RULES}
    until_ready 503
    grep -o 'policy of chain input of table inet filter' $work/body | head -n 1
    grep -o 'nft add rule inet filter input udp dport 3544 accept' $work/body | head -n 1
    nft add rule inet filter input udp dport 3544 accept
    until_ready 200
    kill $pid
    ended
  `);
    assert.deepEqual(lines, [
      "readyz 200",
      "readyz 503",
      "policy of chain input of table inet filter",
      "nft add rule inet filter input udp dport 3544 accept",
      "readyz 200",
      "exit status 0",
    ]);
  },
);

test("a relay is not ready while iptables-legacy drops what it forwards (C5)", OPTIONS, () => {
  const { lines } = onMachine(`
    port=9545
    ${READY}
    ip route add default dev eth0
    ip -6 address add 2001:db8:1::1/64 dev eth0 nodad
    ip -6 route add default via 2001:db8:1::2 dev eth0
    daemon relay relay -c $work/teredo.ini
    until_says relay Ready
    until_ready 200
    ip6tables-legacy -P FORWARD DROP
    until_ready 503
    mend=$(grep -o 'ip6tables-legacy -A FORWARD -[io] teredo -j ACCEPT' $work/body | sort -u)
    echo "$mend"
    echo "$mend" | while read -r command; do $command; done
    until_ready 200
    kill $pid
    ended
  `);
  assert.deepEqual(lines, [
    "readyz 200",
    "readyz 503",
    "ip6tables-legacy -A FORWARD -i teredo -j ACCEPT",
    "ip6tables-legacy -A FORWARD -o teredo -j ACCEPT",
    "readyz 200",
    "exit status 0",
  ]);
});
