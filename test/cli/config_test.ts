import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { onMachine } from "./namespace.ts";
import { command, teredo } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "teredo-config-"));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const GOOD = file("good.ini", "[relay]\n");
const BAD = file("bad.ini", "relay]\nserved = self\n");
const MIREDO = file("miredo.conf", "Foo 1\nRelayType sponge\nBar 2\nBindPort 99999\n");
const ODD = file("odd\nname.ini", "[relay]\nbind_port = 1\nx = 1\n");

interface Case {
  readonly args: readonly string[];
  readonly input?: string | Uint8Array;
  readonly status: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

const NOT_A_SECTION = ":1: `relay]`: not a section; write [relay], alone in its line\n";
const EMPTY = "stdin: no section and no setting in it; write `[relay]`, which alone gives the " +
  "defaults\n";

const cases: readonly Case[] = [
  { args: ["check", GOOD], status: 0, stdout: `${GOOD}: ok, native syntax, for relay\n` },
  {
    args: ["check", GOOD, BAD, GOOD],
    status: 78,
    stdout: `${GOOD}: ok, native syntax, for relay\n`.repeat(2),
    stderr: BAD + NOT_A_SECTION,
  },
  {
    args: ["check", "-", GOOD],
    input: "[server]\nbind_address = 192.0.2.1\n",
    status: 0,
    stdout: `stdin: ok, native syntax, for server\n${GOOD}: ok, native syntax, for relay\n`,
  },
  { args: ["check", "-"], input: "relay]\n", status: 78, stderr: `stdin${NOT_A_SECTION}` },
  { args: ["check", "-"], input: "", status: 78, stderr: EMPTY },
  {
    args: ["check", MIREDO],
    status: 78,
    stderr: `notice: ${MIREDO}:1: Foo: unknown directive, ignored; delete it
${MIREDO}:2: RelayType: \`sponge\` is not a choice; write relay, restricted, cone
notice: ${MIREDO}:3: Bar: unknown directive, ignored; delete it
${MIREDO}:4: BindPort: \`99999\` is out of range; write a number from 0 to 65535
`,
  },
  {
    args: ["check", "--role", "server", GOOD],
    status: 78,
    stderr:
      `${GOOD}: for the relay only; run \`teredo relay\`, or write \`[server]\` with what the ` +
      "server needs\n",
  },
  {
    args: ["check", ODD],
    status: 78,
    stderr: `${ODD.replace("\n", "\ufffd")}:3: x: unknown key; [relay] knows `,
  },
  { args: ["check", folder], status: 78, stderr: `${folder}: not a regular file; name a file\n` },
  {
    args: ["show", "-"],
    input: "[relay]\nbind_port = 7\n",
    status: 0,
    stdout: "[relay]\ntype = relay  ",
  },
  {
    args: ["convert", "-"],
    input: "BindPort 7\nRelayType relay\n",
    status: 0,
    stdout: "# Converted from stdin\n\n[relay]\nbind_port = 7\ntype = relay\n",
  },
  {
    args: ["convert", "-"],
    input: "[relay]\n",
    status: 78,
    stderr: "teredo: stdin: in the native syntax already; use it as it is\n",
  },
  {
    args: ["convert", "-"],
    input: "",
    status: 78,
    stderr: "teredo: stdin: no setting in it; there is nothing to convert\n",
  },
  {
    args: ["convert", "-"],
    input: "\0\x01\n",
    status: 78,
    stderr: "teredo: stdin:1: control character 0x00; delete it\n",
  },
  { args: ["convert"], status: 2, stderr: "teredo: Expected argument for FILE\n" },
];

for (const { args, input, status, stdout = "", stderr = "" } of cases) {
  const shown = args.join(" ").replaceAll(`${folder}/`, "").replaceAll("\n", "\\n");
  test(`teredo config ${shown} <<< ${JSON.stringify(input)?.slice(0, 40)}`, () => {
    const done = teredo(["config", ...args], {}, input);
    assert.equal(done.status, status, done.stderr);
    assert.equal(done.stdout.slice(0, stdout.length || undefined), stdout);
    assert.equal(done.stderr.slice(0, stderr.length || undefined), stderr);
  });
}

test("teredo config check --json holds one object a file", () => {
  const { status, stdout } = teredo(["config", "check", "--json", GOOD, BAD]);
  assert.equal(status, 78);
  const { ok, files } = JSON.parse(stdout);
  assert.equal(ok, false);
  assert.deepEqual(files.map((one: { ok: boolean }) => one.ok), [true, false]);
  assert.deepEqual(Object.keys(files[1]), ["file", "syntax", "roles", "errors", "notices", "ok"]);
  assert.deepEqual(files[1].errors, [BAD + NOT_A_SECTION.trimEnd()]);
});

test("teredo config check and show look where the daemons look", () => {
  const { lines } = onMachine(`mount -t tmpfs tmpfs /usr/local/etc 2> /dev/null
mount -t tmpfs tmpfs /etc
teredo config check 2>&1
echo "exit status $?"
printf 'ServerBindAddress 192.0.2.1\\n' > /etc/miredo-server.conf
teredo config check
printf '[relay]\\n' > /usr/local/etc/teredo.ini
teredo config check --role relay
teredo config show --role relay | head -n 1
teredo config check 2>&1`);
  assert.match(lines[0]!, /^teredo: no configuration file: looked at \/etc\/teredo\/teredo.ini, /);
  assert.deepEqual(lines.slice(1), [
    "exit status 78",
    "/etc/miredo-server.conf: ok, miredo syntax, for server",
    "/usr/local/etc/teredo.ini: ok, native syntax, for relay",
    "[relay]",
    "/usr/local/etc/teredo.ini: ok, native syntax, for relay",
  ]);
});

test("teredo config check - waits for no terminal, and reads no folder and nothing endless", () => {
  const [path, argv] = command(["config", "check", "-"]);
  const words = [path, ...argv].map((word) => `'${word}'`).join(" ");
  const { lines } = onMachine(`script -qec "${words}" /dev/null
${words} < / 2>&1
${words} < /dev/zero 2>&1
${words} < /dev/null 2>&1
head -c 1048577 /dev/zero | tr '\\0' '#' | ${words} 2>&1
head -c 1048576 /dev/zero | tr '\\0' '#' | ${words} 2>&1`);
  assert.match(lines[0]!, /teredo: standard input is a terminal; write /);
  assert.deepEqual(lines.slice(1), [
    "teredo: standard input cannot be read (a directory); name a file",
    "stdin: longer than 1048576 bytes; is it a configuration?",
    EMPTY.trimEnd(),
    "stdin: longer than 1048576 bytes; is it a configuration?",
    EMPTY.trimEnd(),
  ]);
});

test("a server that is not root reads the secrets that systemd hands over", () => {
  const { lines } = onMachine(`chmod 755 $work
printf '[server]\\nbind_address = 192.0.2.1\\nsecrets_file = secrets\\n' > $work/s.ini
printf 'alice text:0123456789abcdef\\n' > $work/secrets
chmod 600 $work/secrets
mkdir /run/credentials
install -m 400 -o nobody $work/secrets /run/credentials/secrets
mkdir /run/none
asked() { setpriv --reuid nobody --clear-groups "$@" $program config check $work/s.ini 2>&1; }
chmod 711 /run
asked env CREDENTIALS_DIRECTORY=/run/credentials
asked env CREDENTIALS_DIRECTORY=/run/none
asked env -u CREDENTIALS_DIRECTORY
teredo config check $work/s.ini`);
  assert.deepEqual(lines, [
    "$work/s.ini: ok, native syntax, for server",
    "$work/s.ini:3: secrets_file: /run/none/secrets: no such credential; write " +
    "`LoadCredential=secrets:PATH` in the unit",
    "$work/s.ini:3: secrets_file: $work/secrets: not allowed to read it; check owner and mode, or under systemd have it handed " +
    "over: `LoadCredential=secrets:PATH` in the unit, `secrets_file = secrets` here",
    "$work/s.ini: ok, native syntax, for server",
  ]);
});
