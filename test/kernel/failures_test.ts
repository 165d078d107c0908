import assert from "node:assert/strict";
import test from "node:test";
import { EIO, ENOMEM, EPERM } from "#ffi/posix.ts";
import { dieAtEachCall, failEachCall, failEachCallToTheEnd, type Failure } from "./failures.ts";
import { PaperLinuxBackend } from "./linux/backend.ts";
import { LATE, relaySteps } from "./relay_steps.ts";
import { relay, server } from "./roles.ts";
import { LATE_SOLICITATION, serverSteps } from "./server_steps.ts";

/** One call in turn fails, or is never made, on the Linux of paper. For the others see `bsd/`. */

const make = () => new PaperLinuxBackend();
const native = { isForwarded: false };
const ROLES = [
  { name: "a relay", open: relay(), steps: [...relaySteps(), LATE] },
  {
    name: "a relay at any address with offloads",
    open: relay({ anyAddress: true, offloads: true }),
    steps: [...relaySteps({ anyAddress: true }), LATE],
  },
  { name: "a server", open: server(), steps: [...serverSteps(native), LATE_SOLICITATION] },
] as const;

/** Done without: offloads, larger buffers, what only guards against surprises. */
const SPARED = [
  /^setsockopt\(udp2?, (SO_RCVBUFFORCE|SO_SNDBUFFORCE|UDP_GRO|UDP_SEGMENT),/,
  /^ioctl\(tun, (TUNSETVNETHDRSZ|TUNSETOFFLOAD),/,
  /^setsockopt\(netlink, (SO_RCVTIMEO|NETLINK_EXT_ACK),/,
  /^setsockopt\(icmp, ICMP6_FILTER,/,
];
/** What is said of the calls that are not named by themselves. */
const IN_WORDS = { open: /^\/dev\/net\/tun /, ioctl: /TUN.* teredo/ } as const;

function assertTold({ line, message }: Failure, symbol: string): void {
  const isSpared = SPARED.some((it) => it.test(line));
  assert.equal(message === undefined, isSpared, `${line}: ${message}`);
  if (message === undefined) return;
  const call = /^\w+/.exec(line)![0];
  const said = IN_WORDS[call as keyof typeof IN_WORDS] ?? new RegExp(`^${call}\\(`);
  const inWords = symbol === "EPERM" && /^no permission to .* teredo; start as root/.test(message);
  assert.ok(inWords || (said.test(message) && message.includes(symbol)), `${line}: ${message}`);
}

for (const { name, open, steps } of ROLES) {
  for (const [symbol, errno] of [["EIO", EIO], ["ENOMEM", ENOMEM], ["EPERM", EPERM]] as const) {
    test(`${name} whose start fails at any call with ${symbol} says at which, and leaves nothing`, () => {
      const failures = failEachCall(make, open, errno);
      assert.ok(failures.length >= 16, `${failures.length} calls`);
      for (const failure of failures) assertTold(failure, symbol);
    });
  }

  test(`${name} leaves nothing whichever call fails after its start`, () => {
    assert.ok(failEachCallToTheEnd(make, open, EIO) >= 9);
  });

  test(`${name} opens nothing that a command it runs would have, or that it could block on`, () => {
    const backend = make();
    const opened = open(backend, () => assert.fail("it serves"));
    const files = [...backend.paper.open.values()];
    assert.ok(files.length >= 5 && files.every((it) => it.closeOnExec));
    // Only netlink is waited for, which answers at once.
    assert.ok(files.every((it) => it.nonBlocking || it.kind === "netlink"));
    opened.close();
  });

  test(`${name} that dies at any call of its start leaves nothing that keeps the next from living`, () => {
    dieAtEachCall(make, open, steps);
  });
}
