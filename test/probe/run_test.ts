import assert from "node:assert/strict";
import test from "node:test";
import { type ProbeRunOptions, runProbe } from "#src/probe/run.ts";

/** Runs without a network: only what is refused before anything is sent. */
async function refused(options: ProbeRunOptions): Promise<string> {
  let [stdout, stderr] = ["", ""];
  const status = await runProbe(options, {
    stdout: { write: (text) => stdout += text },
    stderr: { write: (text) => stderr += text },
    writeJson: () => assert.fail("nothing was found"),
  });
  assert.equal(status, 1);
  assert.equal(stdout, "");
  return stderr;
}

const cases: { name: string; options: ProbeRunOptions; problem: RegExp }[] = [
  {
    name: "a private server",
    options: { server: "192.168.1.1" },
    problem: /^Server 192\.168\.1\.1 is not a public address/,
  },
  {
    name: "a secondary that is no address",
    options: { server: "192.0.2.1", secondary: "server2" },
    problem: /^server2 is not an IPv4 address/,
  },
  {
    name: "a target that is no address",
    options: { server: "192.0.2.1", ping: "2001:db8::g" },
    problem: /^2001:db8::g is not an IPv6 address/,
  },
  {
    name: "a target that is a Teredo client",
    options: { server: "192.0.2.1", ping: "2001:0:4136:e378::1" },
    problem: /is a Teredo address: give a host with native IPv6/,
  },
  {
    name: "a target that is a group",
    options: { server: "192.0.2.1", ping: "ff0e::1" },
    problem: /not an address of the IPv6 Internet/,
  },
  {
    name: "a target on the link",
    options: { server: "192.0.2.1", ping: "fe80::1" },
    problem: /not an address of the IPv6 Internet/,
  },
];

for (const { name, options, problem } of cases) {
  test(`runProbe() refuses ${name}`, async () => {
    assert.match(await refused(options), problem);
  });
}
