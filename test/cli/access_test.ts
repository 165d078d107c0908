import assert from "node:assert/strict";
import test from "node:test";
import { blocksOf } from "#test/docs/markdown.ts";
import { expectLines, onMachine } from "./namespace.ts";

const TOKEN = "0123456789abcdefghijklmnopqrstuv";
const OTHER = TOKEN.toUpperCase();

/**
 * `status KEYS`: the `[status]` section of a server's file. `code ARGS...`: the status of an answer to
 * curl. `bearer TOKEN ARGS...`: the same, with a token. `run`: a server that serves.
 */
const TOOLS = String.raw`
token() { (umask 027; echo "$1" > $work/token); }
token ${TOKEN}
status() { printf '[server]\nbind_address = 198.51.100.1\n[status]\n%b\n' "$1" > $work/teredo.ini; }
code() { curl -s -o /dev/null -w '%{http_code}\n' "$@"; }
bearer() { local token=$1; shift; code -H "Authorization: Bearer $token" "$@"; }
run() {
  daemon server server -c $work/teredo.ini
  until_says server msg=Ready
}
`;
const AWAY = "http://198.51.100.1:9544";
const HERE = "http://127.0.0.1:9544";

test("a daemon whose pages would be open to all does not start", () => {
  expectLines(
    `${TOOLS}
status 'address = 198.51.100.1'
teredo server -c $work/teredo.ini 2>&1; echo "exit status $?"
teredo config check $work/teredo.ini 2>&1; echo "exit status $?"
status 'address = 198.51.100.1\\ntoken_file = token'
chmod 644 $work/token
teredo server -c $work/teredo.ini 2>&1; echo "exit status $?"`,
    [
      /^teredo: \$work\/teredo\.ini:4: address: anyone who reaches 198\.51\.100\.1 could read status and peers; set token_file, or allow_anonymous = yes, or listen on 127\.0\.0\.1$/,
      "exit status 78",
      /^\$work\/teredo\.ini:4: address: anyone who reaches /,
      "exit status 78",
      "teredo: $work/token: anyone can read this file of secrets; chmod 640 it",
      "exit status 78",
    ],
  );
});

test("a token opens the pages from elsewhere, and another one after a reload", () => {
  expectLines(
    `${TOOLS}
status 'address = 0.0.0.0\\ntoken_file = token'
run
code ${HERE}/status
code ${AWAY}/status
bearer ${TOKEN} ${AWAY}/status
teredo status --url 198.51.100.1:9544 --token-file $work/token | head -n 1
teredo status --url 198.51.100.1:9544 2>&1
teredo status -c $work/teredo.ini | head -n 1
token ${OTHER}
teredo reload server -c $work/teredo.ini
bearer ${TOKEN} ${AWAY}/status
bearer ${OTHER} ${AWAY}/status
for i in $(seq 20); do bearer wrong ${AWAY}/status; done | sort -u
bearer ${OTHER} ${AWAY}/status
grep -c 'msg="Wrong token" source=198.51.100.1$' $work/server.log
grep -c ${TOKEN.slice(0, 20)} $work/server.log
kill $pid; ended`,
    [
      "200",
      "401",
      "200",
      /^teredo server \S+ {2}ready$/,
      "teredo: http://198.51.100.1:9544 asks for a token; give what `token_file` in its [status] " +
      "names by --token-file FILE",
      /^teredo server \S+ {2}ready$/,
      "  status.token_file: token -> token (new content)",
      "server: reloaded, 1 setting changed",
      "401",
      "200",
      "401",
      "429",
      "200",
      "5",
      "0",
      "exit status 0",
    ],
  );
});

test("what a daemon may not read, its service manager hands over", () => {
  expectLines(
    `${TOOLS}
mkdir -m 700 $work/credentials
mv $work/token $work/credentials/token
status 'address = 0.0.0.0\\ntoken_file = token'
export CREDENTIALS_DIRECTORY=$work/credentials
run
bearer ${TOKEN} ${AWAY}/status
kill $pid; ended`,
    ["200", "exit status 0"],
  );
});

test("allow_anonymous lets everybody in, and log and check say so", () => {
  expectLines(
    `${TOOLS}
status 'address = 198.51.100.1\\nallow_anonymous = yes'
run
code ${AWAY}/status
grep -o 'level=warn msg=Configuration .*key=allow_anonymous problem="[^;]*' $work/server.log
teredo check server -c $work/teredo.ini | grep -o '^warn configuration: .*allow_anonymous: [^;]*'
kill $pid; ended`,
    [
      "200",
      'level=warn msg=Configuration file=$work/teredo.ini line=5 key=allow_anonymous problem="anyone ' +
      "who reaches 198.51.100.1 can read status and peers",
      "warn configuration: $work/teredo.ini:5: allow_anonymous: anyone who reaches 198.51.100.1 can " +
      "read status and peers",
      "exit status 0",
    ],
  );
});

test("a reload opens nothing that a restart would refuse", () => {
  expectLines(
    `${TOOLS}
status 'address = 198.51.100.1\\ntoken_file = token'
run
status 'address = 127.0.0.1'
teredo reload server -c $work/teredo.ini
code ${AWAY}/status
bearer ${TOKEN} ${AWAY}/status
status 'address = 198.51.100.1\\nallow_anonymous = yes\\ntoken_file = token'
teredo reload server -c $work/teredo.ini 2>&1; echo "exit status $?"
status 'address = 198.51.100.1\\nallow_anonymous = yes'
teredo reload server -c $work/teredo.ini 2>&1
code ${AWAY}/status
kill $pid; ended`,
    [
      "  status.address: 198.51.100.1 -> 127.0.0.1  (needs a restart)",
      "  status.token_file: token -> not set  (needs a restart)",
      "server: reloaded, nothing changed",
      "401",
      "200",
      /allow_anonymous: lets in who has no token, and token_file asks for one; delete one of both$/,
      "exit status 78",
      /^notice: .*allow_anonymous: anyone who reaches 198\.51\.100\.1 can read /,
      "  status.token_file: token -> not set",
      "  status.allow_anonymous: no -> yes",
      "server: reloaded, 2 settings changed",
      "200",
      "exit status 0",
    ],
  );
});

test("teredo check knows a daemon whose pages want a token", () => {
  expectLines(
    `${TOOLS}
status 'address = 198.51.100.1\\ntoken_file = token'
run
teredo check server -c $work/teredo.ini | grep -E ' (running|status): '
kill $pid; ended`,
    [
      /^ok {3}running: teredo server \S+ runs as process \d+/,
      "ok   status: the running server answers at TCP 198.51.100.1:9544",
      "exit status 0",
    ],
  );
});

/** A web server of docs/access.md, with a certificate of its own. */
const CERTIFICATE = `
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=relay.example \\
  -keyout $work/key -out $work/certificate 2> /dev/null
`;

const nginx = (upstream: string) => {
  const [block] = blocksOf("docs/access.md", "nginx");
  const server = block!.replace("http://127.0.0.1:9545", upstream).replace(
    /\/etc\/ssl\/\S+\.pem/,
    "$work/certificate",
  )
    .replace(/\/etc\/ssl\/\S+\.key/, "$work/key");
  return `
mkdir $work/nginx
sed "s|[$]work|$work|g" > $work/nginx.conf <<'END'
daemon off; user root; worker_processes 1; pid $work/nginx/pid; error_log stderr;
events {}
http { access_log off; ${server} }
END
for name in body proxy fastcgi uwsgi scgi; do mkdir -p $work/nginx/$name; done
nginx -c $work/nginx.conf -p $work/nginx 2> $work/web.log &
`;
};

const caddy = () => {
  const [block] = blocksOf("docs/access.md", "caddyfile");
  const site = block!.replace("{\n", "{\n  tls $work/certificate $work/key\n").replace(
    ":9545",
    ":9544",
  );
  return `
sed "s|[$]work|$work|g" > $work/Caddyfile <<'END'
{
  admin off
  auto_https disable_redirects
}
${site}
END
HOME=$work caddy run --adapter caddyfile --config $work/Caddyfile 2> $work/web.log &
`;
};

const proxies: readonly (readonly [name: string, start: string])[] = [
  ["nginx", nginx(HERE)],
  ["nginx, by the socket,", nginx("http://unix:/run/status.sock:")],
  ["Caddy", caddy()],
];

for (const [name, start] of proxies) {
  test(`${name} as docs/access.md has it serves the pages below another site, to who has the token`, () => {
    const SITE = "https://relay.example/teredo";
    const { lines, stdout, stderr } = onMachine(`${TOOLS}${CERTIFICATE}
status 'hosts = relay.example\\ntoken_file = token\\nsocket = /run/status.sock'
run
${start}
web=$!
curl() { command curl -sk --resolve relay.example:443:198.51.100.1 "$@"; }
for i in $(seq 4000); do curl -o /dev/null ${SITE}/ && break; kill -0 $web || break; sleep 0.05; done
code -L ${SITE}
code ${SITE}/status
bearer ${TOKEN} ${SITE}/status
curl -H 'Authorization: Bearer ${TOKEN}' -H 'Host: rebound.example' ${SITE}/status | grep -c '"role"'
echo PAGE
curl -H 'Accept: text/html' ${SITE}/status
echo
echo LOGIN
curl -o /dev/null -D - -c $work/jar -d next=status -d token=${TOKEN} ${SITE}/login | tr -d '\\r' |
  grep -iE '^(HTTP|location|set-cookie)'
echo JAR
sed -n 's/^#HttpOnly_//p' $work/jar | cut -f 1-4,6
echo WITH
code -b $work/jar ${SITE}/status
code -b $work/jar ${SITE}/assets/style.css
kill $web $pid; ended`);
    const shown = `${stdout}\n${stderr}`;
    const part = (from: string, to: string) =>
      lines.slice(lines.indexOf(from) + 1, lines.indexOf(to));
    assert.deepEqual(lines.slice(0, 4), ["401", "401", "200", "0"], shown);
    const page = part("PAGE", "LOGIN").join("\n");
    const base = `${SITE}/status`;
    const links = [...page.matchAll(/(?:href|action|src)="([^"]*)"/g)].map(([, url]) => url!);
    assert.ok(links.length > 1, page);
    for (const link of links) assert.ok(new URL(link, base).href.startsWith(`${SITE}/`), link);
    const login = part("LOGIN", "JAR").join("\n");
    assert.match(login, /^HTTP\/\S+ 303/, shown);
    assert.match(login, /^location: \.\/status$/im, shown);
    assert.match(login, /; Secure; HttpOnly; SameSite=Strict$/m, shown);
    assert.match(
      part("JAR", "WITH").join(),
      /^relay\.example\tFALSE\t\/teredo\/?\tTRUE\tteredo_server$/,
    );
    const answers = lines.slice(lines.indexOf("WITH") + 1);
    assert.deepEqual(answers, ["200", "200", "exit status 0"], shown);
  });
}

test("Prometheus as docs/access.md has it reads the metrics with its token", () => {
  const [block] = blocksOf("docs/access.md", "yaml");
  const config = block!.replace("192.0.2.1:9545", "198.51.100.1:9544")
    .replace(/credentials_file: .*/, "credentials_file: $work/token");
  expectLines(
    `${TOOLS}
status 'address = 198.51.100.1\\ntoken_file = token'
run
{ printf 'global: { scrape_interval: 5s, scrape_timeout: 5s }\\n'; cat; } <<'END' |
${config}
END
  sed "s|[$]work|$work|" > $work/prometheus.yml
prometheus --config.file=$work/prometheus.yml --storage.tsdb.path=$work/data \\
  --web.listen-address=127.0.0.1:9090 --log.level=warn 2> $work/prometheus.log &
prometheus=$!
up() { curl -s 'http://127.0.0.1:9090/api/v1/query?query=teredo_ready' | grep -o '"job":"teredo"'; }
for i in $(seq 3000); do up && break; kill -0 $prometheus || { cat $work/prometheus.log; break; }; sleep 0.1; done
kill $prometheus $pid; ended`,
    ['"job":"teredo"', "exit status 0"],
  );
});
