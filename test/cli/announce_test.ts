import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { SPEAKERS } from "#src/cli/announce/mod.ts";
import { teredo } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "teredo-announce-"));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const PLAIN = file("plain.ini", "[relay]\n");
const ANNOUNCE = file("announce.ini", "[relay]\nannounce = yes\n");
const OTHER = file(
  "other.ini",
  "[relay]\nannounce = yes\nprefix = 2001:db8::/32\nannounce_metric = 7\nannounce_protocol = 77\n" +
    "bind_address = 198.51.100.50\n[status]\naddress = ::1\nport = 7777\n",
);
const DARK = file("dark.ini", "[relay]\nannounce = yes\n[status]\nenabled = no\n");
const LOCKED = file(
  "locked.ini",
  "[relay]\nannounce = yes\n[status]\naddress = 192.0.2.1\ntoken_file = token\n",
);
const OPEN = file(
  "open.ini",
  "[relay]\nannounce = yes\n[status]\naddress = 192.0.2.1\ntoken_file = token\npublic = health\n",
);
writeFileSync(join(folder, "token"), "0123456789abcdefghijkl\n", { mode: 0o640 });
const ALL_FLAGS =
  "--as 4200000000 --neighbor 2001:DB8:0::9 --neighbor-as 64500 --address 2001:db8::2"
    .split(" ");

/** The programs' own judgement of a file of theirs. */
const JUDGES: Readonly<Record<keyof typeof SPEAKERS, (path: string) => readonly string[]>> = {
  bird: (path) => ["bird", "-p", "-c", path],
  frr: (path) => ["vtysh", "-C", "-f", path],
  openbgpd: (path) => ["bgpd", "-n", "-f", path],
  exabgp: (path) => ["exabgp", "--test", path],
};

/** On a machine that has an IPv4 address, of which BIRD makes its router id. */
function judge(name: keyof typeof SPEAKERS, text: string): void {
  const [program, ...args] = JUDGES[name](file(`${name}.conf`, text));
  const script = 'ip link set lo up; ip address add 192.0.2.1/32 dev lo; exec "$@"';
  const done = spawnSync("unshare", ["-n", "sh", "-c", script, "sh", program!, ...args], {
    encoding: "utf8",
  });
  assert.equal(done.status, 0, `${done.stdout}${done.stderr}`);
}

for (const name of Object.keys(SPEAKERS) as (keyof typeof SPEAKERS)[]) {
  test(`announce ${name}: its own program takes what is printed, with placeholders and without`, () => {
    for (const more of [[], ALL_FLAGS, ["--router-id", "192.0.2.7"]]) {
      const { status, stdout, stderr } = teredo(["announce", name, "-c", ANNOUNCE, ...more]);
      assert.equal(status, 0);
      judge(name, stdout);
      assert.equal(/--as, --neighbor/.test(stderr), more !== ALL_FLAGS, stderr);
      const missing = stdout.split("\n").filter((line) => line.includes("CHANGE")).length > 0;
      assert.equal(missing, stderr !== "", stderr);
    }
  });

  test(`announce ${name}: what is printed is of the relay's configuration`, () => {
    const flags = ["--as", "64501", "--neighbor", "2001:db8::9", "--neighbor-as", "64500"];
    const { stdout } = teredo(["announce", name, "-c", OTHER, ...flags]);
    const settings = stdout.split("\n").filter((line) => !/^\s*[#!]/.test(line)).join("\n");
    assert.match(settings, /2001:db8::\/32/);
    assert.doesNotMatch(settings, /2001::\/32/);
    for (const word of ["64501", "64500", "2001:db8::9", "198.51.100.50"]) {
      assert.match(settings, new RegExp(`\\b${word.replaceAll(".", "\\.")}\\b`));
    }
    if (name === "bird") assert.match(settings, /krt_metric = 7 && krt_source = 77/);
    if (name === "frr") assert.match(settings, /match metric 7\n/);
    if (name === "exabgp") assert.match(settings, /http:\/\/\[::1\]:7777\/readyz/);
    judge(name, stdout);
  });

  test(`announce ${name} says so when the relay is not told to keep that route`, () => {
    const { status, stderr } = teredo(["announce", name, "-c", PLAIN, ...ALL_FLAGS]);
    assert.equal(status, 0);
    const says = stderr.includes("nothing is announced before `announce = yes` stands in [relay]");
    assert.equal(says, SPEAKERS[name].learnsRoute, stderr);
  });
}

test("announce openbgpd --hook is a program for sh", () => {
  const { status, stdout, stderr } = teredo(["announce", "openbgpd", "--hook", "-c", OTHER]);
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /^#!\/bin\/sh\n/);
  assert.match(stdout, /^url=http:\/\/\[::1\]:7777\/readyz$/m);
  for (const shell of ["sh", "bash"]) {
    const done = spawnSync(shell, ["-n"], { input: stdout, encoding: "utf8" });
    assert.deepEqual([done.status, done.stderr], [0, ""]);
  }
});

test("announce exabgp has the relay asked where its readiness needs no token", () => {
  const { status, stdout } = teredo(["announce", "exabgp", "-c", OPEN, ...ALL_FLAGS]);
  assert.equal(status, 0);
  assert.match(stdout, /http:\/\/192\.0\.2\.1:9545\/readyz/);
});

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ["announce", /DAEMON/],
  ["announce quagga", /quagga is none of bird, frr, openbgpd, exabgp/],
  ["announce toString", /toString is none of/],
  ["announce bird frr", /frr/],
  ["announce bird --as 0", /0 is not a number from 1 to 4294967294/],
  ["announce bird --as 4294967295", /is not a number from 1/],
  ["announce bird --as 64512;", /is not a number from 1/],
  ["announce bird --neighbor 192.0.2.1", /192\.0\.2\.1 is not an IPv6 address/],
  ["announce bird --neighbor fe80::1", /fe80::1 is link-local/],
  ["announce bird --neighbor ::1;}", /is not an IPv6 address/],
  ["announce bird --router-id 1.2.3", /1\.2\.3 is not an IPv4 address/],
  ["announce bird --hook", /BIRD 2 needs no --hook/],
  [`announce openbgpd -c ${DARK}`, /by its status pages, .* set `enabled = yes` and `port` in /],
  [`announce exabgp -c ${DARK}`, /by its status pages, .* set `enabled = yes` and `port` in /],
  [`announce exabgp -c ${LOCKED}`, /by its status pages, .* set `public = health` in \[status\]/],
];

for (const [line, expected] of REFUSED) {
  test(`teredo ${line.replace(folder, "")}: exit status 2`, () => {
    const config = line.includes("-c") ? [] : ["-c", ANNOUNCE];
    const { status, stdout, stderr } = teredo([...line.split(" "), ...config]);
    assert.equal(status, 2, stdout);
    assert.equal(stdout, "");
    assert.match(stderr, expected);
  });
}

test("announce: a wrong configuration is exit status 78", () => {
  const wrong = file("wrong.ini", "[relay]\nannounce = yes\nannounce_metric = 11\n");
  const { status, stderr } = teredo(["announce", "bird", "-c", wrong]);
  assert.equal(status, 78);
  assert.match(stderr, /announce_metric: 11 hides behind route_metric 10/);
});
