import assert from "node:assert/strict";
import test from "node:test";
import { SyscallError } from "#ffi/errors.ts";
import { EIO, EPERM } from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";
import type { BsdBackend } from "./backend.ts";
import { backendOf, type HostName, HOSTS, type PerHost, tunnelsOf } from "./hosts.ts";
import type { MachineOptions } from "./machine.ts";
import { callsToOpen, failEachCall, type Failure } from "../failures.ts";
import { Life, type OpenLife } from "../life.ts";
import { relay, server } from "../roles.ts";
import { Death } from "../transcript.ts";

/** One call or command in turn fails, or is never made, on the BSDs of paper. */

/** Bound to any address, a relay makes one call more. */
const ROLES: readonly {
  readonly name: string;
  readonly open: OpenLife;
  /** What only this role does without. */
  readonly spared: readonly RegExp[];
}[] = [
  { name: "a relay", open: relay({ anyAddress: true }), spared: [] },
  // Whatever its interface is called, nobody looks for it.
  { name: "a server", open: server(), spared: [/^ioctl\(raw, SIOCSIFNAME,/] },
];
const ERRORS = [["EIO", EIO], ["EPERM", EPERM]] as const;
/** Hundreds of starts, on a machine that has other things to do. */
const LONG = { timeout: 600_000 };
const serveNothing = () => assert.fail("it serves");

/** Done without, or in another way. */
const SPARED = [
  /^setsockopt\(udp2?, (SO_RCVBUF|SO_SNDBUF),/,
  /^setsockopt\(icmp, ICMP6_FILTER,/,
  /^ioctl\(tun, (TUNSTRANSIENT|TUNSIFMODE|TUNGIFNAME)\b/,
  /^close\(/,
  // What is asked of a routing socket is asked again by route(8), which refuses what is there.
  /^write\(route,/,
  /^poll\(\{route IN\}/,
  /^recv\(route,/,
  /^if_indextoname\(/,
  /^run\(\/sbin\/ifconfig (-a|[\w-]+)\) /,
  /^run\(\/sbin\/ifconfig \w+ description teredo(-server)?\)/,
  /^run\(\/sbin\/ifconfig [\w-]+ inet6 no_dad -auto_linklocal\)/,
  /^run\(\/sbin\/sysctl -w net\.interfaces\.tun\d+\.sndq\.maxlen=10000\)/,
];

/** What is said of the calls that are not named by themselves. */
const IN_WORDS: readonly (readonly [line: RegExp, said: RegExp])[] = [
  [/^open\(/, /^\/dev\/tun\d* (did not open|may not be opened): /],
  [/^ioctl\(raw, SIOCSIFNAME,/, /^the interface tun\d cannot be named teredo(-server)?: /],
  [
    /^run\(\/sbin\/ifconfig -a\)/,
    /^the name of the interface behind \/dev\/tun cannot be found out/,
  ],
  [/^run\(\/sbin\/kldload /, /^\/dev\/tun is missing, so tun\(4\) cannot be reached: ENOENT/],
];

/** Either it is spared or the operator is told which step failed, and why. */
function assertTold(
  { line, message }: Failure,
  symbol: string,
  spared: readonly RegExp[] = [],
): void {
  if (message === undefined) {
    assert.ok([...SPARED, ...spared].some((it) => it.test(line)), `nothing is told of ${line}`);
    return;
  }
  const words = IN_WORDS.find(([it]) => it.test(line))?.[1];
  const command = /^run\(\/sbin\/(.*)\) = /.exec(line)?.[1];
  const call = /^\w+\(/.exec(line)![0];
  const said = words?.test(message) ??
    message.startsWith(command === undefined ? call : `\`${command}\` failed: `);
  const isWhyKnown = message.includes(symbol) || !/\bE[A-Z]{2,}\b/.test(message) ||
    /^run\(\/sbin\/kldload/.test(line);
  assert.ok(said && isWhyKnown, `${line}: ${message}`);
}

for (const host of HOSTS) {
  for (const { name, open, spared } of ROLES) {
    for (const [symbol, errno] of ERRORS) {
      test(
        `${host}: ${name} whose start fails with ${symbol} says at what, and leaves nothing`,
        LONG,
        () => {
          const failures = failEachCall(() => backendOf(host), open, errno);
          assert.ok(failures.length >= 15, `${failures.length} calls`);
          assert.ok(failures.filter(({ message }) => message !== undefined).length >= 8);
          for (const failure of failures) assertTold(failure, symbol, spared);
        },
      );
    }
  }
}

for (const host of HOSTS.filter((it) => /^(Free|Dragon)/.test(it))) {
  test(
    `${host}: a relay that has to load tun(4) says what failed, and leaves nothing`,
    LONG,
    () => {
      const options: MachineOptions = { tunLoaded: false };
      for (const failure of failEachCall(() => backendOf(host, options), relay(), EIO)) {
        assertTold(failure, "EIO");
      }
    },
  );
}

/** A start that may fail, if it says why. */
function attempt(start: () => void): void {
  try {
    start();
  } catch (error) {
    assert.ok(error instanceof StartError || error instanceof SyscallError, String(error));
  }
}

/** What there is while a role is open, on a machine where nothing was before. */
function tunnelsWhileOpen(host: HostName, open: OpenLife): readonly string[] {
  const backend = backendOf(host);
  open(backend, serveNothing);
  return tunnelsOf(backend.machine);
}

/** The next process makes what it would make anyhow, and takes it away. @returns what is left */
function openNext(backend: BsdBackend, open: OpenLife, whileOpen: readonly string[]): string[] {
  backend.exit();
  const next = open(backend, serveNothing);
  const all = tunnelsOf(backend.machine);
  // Units are numbered as they become free.
  const isThere = (line: string) =>
    [line, line.replaceAll("tun0", "tun1")].some((it) => all.includes(it));
  assert.ok(whileOpen.every(isThere), all.join("; "));
  next.close();
  assert.deepEqual([...backend.transcript.descriptors.open.values()], []);
  assert.deepEqual(backend.faults(), []);
  return tunnelsOf(backend.machine);
}

/** A host on which a process has died that had opened all. */
function deserted(host: HostName, open: OpenLife): BsdBackend {
  const backend = backendOf(host);
  open(backend, serveNothing);
  backend.exit();
  return backend;
}

for (const host of HOSTS) {
  for (const { name, open } of ROLES) {
    test(
      `${host}: ${name} that fails over what another has left does not keep the next from starting`,
      LONG,
      () => {
        const whileOpen = tunnelsWhileOpen(host, open);
        const first = deserted(host, open);
        const { calls } = first.transcript;
        const count = callsToOpen(first, open) - calls;
        assert.ok(count >= 15, `${count} calls`);
        for (let after = 0; after < count; after++) {
          const backend = deserted(host, open);
          backend.transcript.inject({ errno: EIO, after });
          attempt(() => open(backend, serveNothing).close());
          assert.deepEqual([...backend.transcript.descriptors.open.values()], []);
          assert.deepEqual(openNext(backend, open, whileOpen), []);
        }
      },
    );

    test(
      `${host}: ${name} whose end fails at any call does not keep the next from starting`,
      LONG,
      () => {
        const whileOpen = tunnelsWhileOpen(host, open);
        const whole = backendOf(host);
        new Life(whole, open, []).live();
        const first = callsToOpen(backendOf(host), open);
        for (let after = 0; after < whole.transcript.calls - first; after++) {
          const backend = backendOf(host);
          const life = new Life(backend, open, []);
          backend.transcript.inject({ errno: EIO, after });
          try {
            life.live();
          } catch (error) {
            if (error instanceof assert.AssertionError) throw error;
            life.opened.close(); // as whoever started it does
          }
          assert.deepEqual([...backend.transcript.descriptors.open.values()], []);
          assert.deepEqual(openNext(backend, open, whileOpen), []);
        }
      },
    );
  }
}

/** What nobody can know to be ours: a unit that was not named yet, down and without an address. */
const NAMELESS = /^tun0 mtu 1500 POINTOPOINT(,MULTICAST)?$/;
/** Most calls before which a death leaves it: from the open to a name, description or TUNSTRANSIENT. */
const WINDOW: PerHost<number> = {
  "FreeBSD 14": 6,
  "FreeBSD 15": 2,
  "OpenBSD 7": 0,
  "NetBSD 10": 8,
  "DragonFly BSD 6": 0,
};

for (const host of HOSTS) {
  for (const { name, open } of ROLES) {
    test(
      `${host}: ${name} that dies at any call does not keep the next from starting`,
      LONG,
      () => {
        const whileOpen = tunnelsWhileOpen(host, open);
        const count = callsToOpen(backendOf(host), open);
        let nameless = 0;
        for (let lifetime = 0; lifetime < count; lifetime++) {
          const backend = backendOf(host);
          backend.transcript.lifetime = lifetime;
          assert.throws(() => open(backend, serveNothing), Death);
          const left = openNext(backend, open, whileOpen);
          for (const line of left) assert.match(line, NAMELESS);
          nameless += left.length;
        }

        assert.ok(nameless <= WINDOW[host], `${nameless}`);
      },
    );
  }
}
