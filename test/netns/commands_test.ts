import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import test from "node:test";
import { onMachine } from "#test/cli/namespace.ts";
import { blocksOf } from "#test/docs/markdown.ts";

/**
 * Every command of the documents, as it stands there: it runs, with the real program, on a machine of
 * its own, or is one of these.
 */
const NOT_HERE: readonly (readonly [begins: string, why: string])[] = [
  ["systemctl", "a namespace has no service manager"],
  ["journalctl", "nor its journal"],
  ["apt ", "test/package/on_debian installs, upgrades and removes the package"],
  ["editor", "wants somebody who writes"],
  ["teredo peers client", "no client runs beside the relay"],
  ["service", "of a BSD"],
  ["sysrc", "of a BSD"],
  ["ifconfig", "of a BSD"],
  ["route", "of a BSD"],
  ["netstat", "of a BSD"],
  ["pkg", "of a BSD"],
  ["rcctl", "of a BSD"],
  ["mount -u", "of a BSD"],
  ["echo teredo_relay=YES", "of a BSD"],
  ["git checkout", "wants a tag: who builds a release again has one"],
  [
    "(cd dist/release",
    "wants a release and its sums: test/release/reproducible_test.ts compares two",
  ],
  ["apt", "wants a package: scripts/release_check installs, upgrades and purges it"],
  ["tar", "wants an archive of a release: test/release/archives_test.ts unpacks them"],
  ["cd", "the same"],
  ["install", "the same"],
  ["sha256sum", "the same"],
  ["scripts/", "makes, tests or measures all of this"],
  ["sh scripts/bsd-report", "test/netns/bsd_report_test.ts runs it"],
  ["export PATH", "for those who work on this"],
  ["bun", "for those who work on this"],
  ["node", "for those who work on this"],
  ["deno", "wants the sources in another place: test/netns/deno_test.ts"],
  ["teredo top", "somebody watches it until they press q: test/cli/top_test.ts"],
  ["teredo client", "wants a server that is another host"],
  ["teredo check client", "wants the names of servers: test/daemon/checks/client_test.ts"],
  ["teredo status client", "the same"],
  ["teredo netcheck", "wants a server and a NAT: test/netns/netcheck_test.ts"],
  ["teredo probe", "a client cannot be its server's own host: test/netns/probe_nat_test.ts"],
];

const PATIENCE = 600_000;

/** They ask a daemon that runs. */
const ASKS =
  /^teredo (status|peers|why|record|drain|undrain|reload|log)\b|^curl\b|^ip .* teredo$|\/net\/teredo\//;

const DOCUMENTS = ["README.md", "CONTRIBUTING.md", ...globSync("docs/*.md").sort()];

interface Command {
  readonly document: string;
  readonly text: string;
}

/** A line each, but for those that go on behind a backslash. */
const commandsOf = (document: string): Command[] =>
  blocksOf(document, "sh").flatMap((block) =>
    block.replaceAll(/\\\n\s*/g, "").split("\n").map((line) =>
      line.replace(/(^|\s+)# .*/, "").trim()
    )
      .filter((text) => text !== "").map((text) => ({ document, text }))
  );

const commands = DOCUMENTS.flatMap(commandsOf);
const isHere = ({ text }: Command) => !NOT_HERE.some(([begins]) => text.startsWith(begins));

test("documents have commands that bash understands", () => {
  assert.ok(commands.length > 40);
  const script = commands.map(({ text }) => text).join("\n");
  const { status, stderr } = spawnSync("bash", ["-n"], { input: script, encoding: "utf8" });
  assert.equal(status, 0, stderr);
});

test("what is said not to run here stands in a document", () => {
  for (const [begins] of NOT_HERE) {
    assert.ok(commands.some(({ text }) => text.startsWith(begins)), begins);
  }
});

/** A host fit for both roles, whose files are its own; `teredo` in the PATH, and beside one. */
const MACHINE = `
repository=$PWD
mount -t tmpfs tmpfs $work && mkdir $work/{bin,layers,here} || exit 99
for folder in etc usr; do
  mkdir $work/layers/$folder $work/layers/$folder.work
  mount -t overlay overlay /$folder -o lowerdir=/$folder,upperdir=$work/layers/$folder,workdir=$work/layers/$folder.work || exit 99
done
mount -t sysfs sysfs /sys
ip route add default dev eth0
ip -6 addr add 2001:db8::7/64 dev eth0 nodad
ip -6 route add default dev eth0
mkdir -p /etc/teredo /etc/miredo /usr/local/share/zsh/site-functions /etc/fish/completions
mkdir -p /usr/share/bash-completion/completions
printf 'RelayType relay\\nInterfaceName teredo\\n' > /etc/miredo/miredo.conf
printf '[relay]\\n[server]\\nbind_address = 198.51.100.1\\n[status]\\nrecord = yes\\n' > $work/teredo.ini
# A daemon serves, and is told to end.
cat > $work/bin/teredo <<END
#!/bin/bash
case \\$1 in
  relay | server)
    : > $work/started.log # not what the one before it said
    $program "\\$@" 2>> $work/started.log &
    until grep -q msg=Ready $work/started.log; do kill -0 \\$! || break; sleep 0.05; done
    kill -TERM \\$!
    wait \\$! || { cat $work/started.log; exit 1; }
    ;;
  *) exec $program "\\$@" ;;
esac
END
chmod +x $work/bin/teredo
ln -s $work/bin/teredo $work/here/teredo
cd $work/here
PATH=$work/bin:$PATH
unset -f teredo
try() {
  cp $work/teredo.ini /etc/teredo/teredo.ini
  bash -e -o pipefail -c "$1" > $work/said 2>&1 && echo "ok $1" && return
  echo "FAILED ($?) $1"
  sed 's/^/    /' $work/said
}
`;

test("every command of the documents does what it is there for", { timeout: PATIENCE }, () => {
  const here = [...new Set(commands.filter(isHere).map(({ text }) => text))];
  const tried = (some: readonly string[]) => some.map((text) => `try ${quoted(text)}\n`).join("");
  const { stdout, stderr } = onMachine(
    `
    ${MACHINE}
    ${tried(here.filter((text) => !ASKS.test(text)))}
    cp $work/teredo.ini /etc/teredo/teredo.ini
    cd $repository
    daemon relay relay
    until_says relay msg=Ready
    daemon server server
    until_says server msg=Ready
    cd $work/here
    ${tried(here.filter((text) => ASKS.test(text)))}
  `,
    PATIENCE,
  );
  const lines = stdout.split("\n");
  assert.ok(!/^FAILED/m.test(stdout), `${stdout}\n${stderr}`);
  assert.equal(
    lines.filter((line) => line.startsWith("ok ")).length,
    here.length,
    `${stdout}\n${stderr}`,
  );
});

/** As one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
