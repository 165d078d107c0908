import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { onMachine } from "#test/cli/namespace.ts";
import { runArguments } from "#test/cli/run.ts";
import { METRIC_HELP } from "#src/status/metric_help.ts";

const ASK = [process.execPath, ...runArguments.file("test/netns/ask_prometheus.ts")].join(" ");
const DASHBOARD = readFileSync("docs/examples/grafana/teredo.json", "utf8");

test("docs/examples/grafana/teredo.json shows every metric", () => {
  for (const name of Object.keys(METRIC_HELP)) {
    assert.match(DASHBOARD, new RegExp(`"expr": .*\\b${name}\\b`), name);
  }
});

test(
  "Prometheus finds something for every panel, and evaluates every alert",
  { timeout: 600_000 },
  () => {
    const { lines, stderr, status } = onMachine(`
    ip route add default dev eth0
    ip -6 addr add 2001:db8::7/64 dev eth0 nodad
    ip -6 route add default dev eth0
    daemon relay relay -c $work/teredo.ini --announce yes
    daemon server server -c $work/teredo.ini 198.51.100.1
    unshare --net sh -c 'echo here; exec sleep 600' > $work/there &
    there=$!
    until grep -q here $work/there; do sleep 0.05; done
    ip link set eth1 netns $there
    on_its_own="nsenter --target $there --net"
    $on_its_own sh -c 'ip addr add 198.51.100.9/24 dev eth1; ip link set eth1 up; ip link set lo up'
    $on_its_own ip route add default via 198.51.100.1
    printf '%s\\n' '[client]' 'servers = 198.51.100.1' '[status]' 'address = 198.51.100.9' \\
      'allow_anonymous = yes' > $work/client.ini
    program="$on_its_own $program" daemon client client -c $work/client.ini
    until_says client 'msg=Ready'
    $on_its_own ping -6 -n -q -c 3 -i 0.2 2001:db8::7 > $work/ping || cat $work/ping
    cat > $work/prometheus.yml <<'END'
global: { scrape_interval: 500ms, evaluation_interval: 500ms, scrape_timeout: 500ms }
rule_files: ['$PWD/docs/examples/prometheus/teredo.rules.yml']
scrape_configs:
  - job_name: anything
    static_configs: [{ targets: ['127.0.0.1:9544', '127.0.0.1:9545', '198.51.100.9:9546'] }]
END
    sed -i "s|\\$PWD|$PWD|" $work/prometheus.yml
    prometheus --config.file=$work/prometheus.yml --storage.tsdb.path=$work/data \\
      --web.listen-address=127.0.0.1:9090 --log.level=warn 2> $work/prometheus.log &
    ${ASK} || cat $work/prometheus.log
  `);
    assert.equal(status, 0, `${lines.join("\n")}\n${stderr}`);
    const panels = DASHBOARD.match(/"expr": /g)!.length;
    assert.ok(lines.length > panels, stderr);
    assert.deepEqual(lines.filter((line) => !line.startsWith("ok ")), [], stderr);
  },
);
