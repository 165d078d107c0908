import assert from "node:assert/strict";
import test from "node:test";
import { problemsOf } from "#test/status/schema_validator.ts";
import { onMachine } from "./namespace.ts";

/** `teredo netcheck` where there is no way to any server, and nobody who knows a name. */
const OPTIONS = { timeout: 600_000 };
const CONFIGURED = String.raw`
printf '[client]\nservers = 192.0.2.1\ncheck_host = nobody.test\n' > $work/client.ini
`;
const NOT_FOUND =
  "nobody.test has no IPv6 address, or cannot be looked up; name another host to ping, " +
  "or let this host reach its name servers";

interface Told {
  readonly udp: string;
  readonly servers: readonly unknown[];
  readonly problems: readonly string[];
}

/** Of the one document that was printed, which must be as the schema has it. */
function told(stdout: string): Told {
  const document = JSON.parse(stdout);
  assert.deepEqual(problemsOf(document, "netcheck"), [], stdout);
  return document;
}

test(
  "netcheck --json goes on without the configuration's check_host, and says so",
  OPTIONS,
  () => {
    const script = `${CONFIGURED}teredo netcheck -c $work/client.ini --time=0 --json`;
    const { status, stdout, stderr } = onMachine(script);
    const { udp, servers, problems } = told(stdout);
    assert.deepEqual([status, udp, servers.length], [1, "no_route", 1]);
    assert.deepEqual(problems, [`check_host ${NOT_FOUND}`]);
    assert.equal(stderr, `check_host ${NOT_FOUND}\n`);
  },
);

test("netcheck says on its page that check_host is not found", OPTIONS, () => {
  const script = `${CONFIGURED}teredo netcheck -c $work/client.ini --time=0`;
  const { status, stdout, stderr } = onMachine(script);
  assert.deepEqual([status, stderr], [1, ""]);
  assert.match(stdout, /^Teredo does not work here: /);
  assert.ok(stdout.includes(`\nNot asked\n  check_host ${NOT_FOUND}\n`), stdout);
});

test("netcheck asks nobody without the host that --ping names", OPTIONS, () => {
  const ask = `${CONFIGURED}teredo netcheck -c $work/client.ini --time=0 --ping nobody.test`;
  const page = onMachine(ask);
  assert.deepEqual([page.status, page.stdout, page.stderr], [1, "", `${NOT_FOUND}\n`]);
  const { udp, servers, problems } = told(onMachine(`${ask} --json`).stdout);
  assert.deepEqual([udp, servers, problems], ["unknown", [], [NOT_FOUND]]);
});

test("netcheck --json says that no server's name is found", OPTIONS, () => {
  const { status, stdout, stderr } = onMachine("teredo netcheck nobody.test --json");
  const { udp, servers, problems } = told(stdout);
  assert.deepEqual([status, udp, servers], [1, "unknown", []]);
  assert.match(problems.join("\n"), /^Server nobody\.test has no IPv4 address/);
  assert.equal(stderr, `${problems.join("\n")}\n`);
});
